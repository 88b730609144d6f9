"""A page for a computer without a screen: live picture, faces, timeline, health and metrics."""
