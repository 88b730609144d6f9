"""The studio of `fer-train studio`: show faces, train on them, use the model. Needs no Keras."""
