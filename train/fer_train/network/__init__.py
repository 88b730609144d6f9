"""Networks as graphs: rewritten layer by layer for quantization, rounding and faster training."""
