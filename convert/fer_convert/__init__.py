"""Conversion: from a Keras model to a bundle that says what quantisation did to it."""
