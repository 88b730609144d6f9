"""Networks as graphs: rewritten layer by layer for quantisation, rounding and faster training."""
