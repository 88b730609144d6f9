"""Where the faces of a frame are, which face is which, and how each looks over time."""
