"""The device side: frames in, expressions out. Never imports TensorFlow."""
