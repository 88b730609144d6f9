"""What every room shares: values, the pixel contract, bundles, data sets and metrics."""

__version__ = "0.1.0"
