"""The command fer-train studio."""

from __future__ import annotations

from pathlib import Path

from fer_core.command import Quiet
from fer_core.logs import talk
from fer_train import options
from fer_train.backend import need


def serve_studio(
    folder: options.StudioFolder = Path("studio"),
    camera: options.StudioCamera = "",
    port: options.StudioPort = 8600,
    host: options.StudioHost = "127.0.0.1",
    https: options.StudioHttps = False,
    plain_http: options.StudioPlainHttp = False,
    detector: options.StudioDetector = "",
    no_browser: options.NoBrowser = False,
    quiet: Quiet = False,
) -> None:
    """Show faces, train on them and use the model, on a page in your browser."""
    need("cv2", "keras", "tensorflow", "matplotlib", "sklearn", "scipy")
    from fer_core.logs import log_to_stderr
    from fer_train.studio.server import StudioOptions, run_studio

    log_to_stderr("fer-train")
    where = (folder, camera, host, port, detector)
    run_studio(StudioOptions(*where, not no_browser, https, plain_http), talk(quiet))
