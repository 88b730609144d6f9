"""Training: from labeled faces to a Keras model and a run folder."""
