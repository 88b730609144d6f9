"""New models on a device that runs: taken, tried for a minute, kept or taken back."""
