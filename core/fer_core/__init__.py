"""What every room shares: values, the pixel contract, bundles, data sets and metrics."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("fer-edge-kit")
except PackageNotFoundError:  # run from a source tree that was never installed
    __version__ = "0+unknown"
