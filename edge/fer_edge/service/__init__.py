"""fer-edge as a service of systemd."""
