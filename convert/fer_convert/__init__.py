"""Conversion: from a Keras model to a bundle that says what quantization did to it."""
