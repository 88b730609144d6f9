"""A real RTSP server on the loopback: GStreamer's, in the Python of the system.

    sudo apt install python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good \
        gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly
"""

from __future__ import annotations

import subprocess
import threading
from functools import cache

PYTHON = "/usr/bin/python3"
START_SECONDS = 30
ELEMENTS = ("x264enc", "x265enc", "rtph264pay", "rtph265pay", "rtpjpegpay")
HEAD = """
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
"""
PROBE = HEAD + "sys.exit(not all(map(Gst.ElementFactory.find, sys.argv[1:])))"
SERVE = (
    HEAD
    + """
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch(sys.argv[1])
factory.set_shared(True)
server.get_mount_points().add_factory("/camera", factory)
server.attach(None)
print(server.get_bound_port(), flush=True)
GLib.timeout_add_seconds(300, sys.exit)
GLib.MainLoop().run()
"""
)


@cache
def is_installed() -> bool:
    """Return whether the server and what it encodes with are installed."""
    try:
        probe = [PYTHON, "-c", PROBE, *ELEMENTS]
        return subprocess.run(probe, capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        return False


class RtspServer:
    """Serves one pipeline as `/camera`, for five minutes at most.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, pipeline: str) -> None:
        """Start the server; the pipeline ends in a payloader called `pay0`."""
        self._process = subprocess.Popen(
            [PYTHON, "-c", SERVE, f"( {pipeline} )"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        giving_up = threading.Timer(START_SECONDS, self._process.kill)
        giving_up.start()
        told = self._process.stdout.readline()
        giving_up.cancel()
        assert told, "the RTSP server did not start"
        self.port = int(told)

    def __enter__(self) -> RtspServer:
        return self

    def __exit__(self, *raised: object) -> None:
        self._process.kill()
        self._process.communicate(timeout=30)
