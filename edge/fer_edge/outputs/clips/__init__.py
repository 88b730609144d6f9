"""Clips of moments: when one begins and ends, how it is written, and where."""
