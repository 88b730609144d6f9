"""One run of fer-edge: its settings, the source and the outputs they name, and the loop between."""
