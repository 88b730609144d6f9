"""Training: from labelled faces to a Keras model and a run folder."""
