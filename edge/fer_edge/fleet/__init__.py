"""Many devices at one broker: a page that shows them, and a bundle for all of them."""
