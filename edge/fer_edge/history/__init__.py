"""A history of expressions: how long each was seen, by minute, camera and person. No pictures."""
