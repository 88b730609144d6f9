"""What all packages share: values, the pixel contract, bundles, data sets and metrics."""

__version__ = "0.2.0"
