"""Measurement: how accurate, fast and big a bundle is, on this machine."""
