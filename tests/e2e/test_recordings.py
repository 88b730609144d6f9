"""Recordings of the installed runner: ended, interrupted, killed, and shown by a browser."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import pytest

from commands import call, command_path
from drawn_faces import draw_scene
from mjpeg_server import MjpegServer

pytestmark = pytest.mark.device
av = pytest.importorskip("av", reason="PyAV is not installed")
posix = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
BROWSER = next(
    filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "google-chrome"))), None
)


def frames_in(video: Path) -> int:
    with av.open(str(video)) as container:
        return sum(1 for _ in container.decode(video=0))


def watching(server: MjpegServer, folder: Path, files: int = 1) -> subprocess.Popen[bytes]:
    """Start the runner on a camera, and wait until it has recorded 20 kB in one of `files`."""
    jpeg = cv2.imencode(".jpg", draw_scene("happy"))[1].tobytes()
    server.show([jpeg])
    command = [command_path("fer-edge"), "--camera", server.url, "--no-show", "--save", "rec.mp4"]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(lambda: len(list(folder.iterdir())) == files and recorded(folder) > 20_000, running)
    return running


def recorded(folder: Path) -> int:
    file = folder / "rec.mp4"
    return file.stat().st_size if file.exists() else 0


def wait_for(truth, running: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not truth():
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


@posix
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_recording_is_finished_at_the_first_signal(tmp_path: Path, how: signal.Signals) -> None:
    with MjpegServer() as server:
        running = watching(server, tmp_path)
        running.send_signal(how)
        _, talk = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "frames/s" in talk.decode()
    assert "Traceback" not in talk.decode()
    assert frames_in(tmp_path / "rec.mp4") > 5
    assert list(tmp_path.iterdir()) == [tmp_path / "rec.mp4"]


@posix
def test_a_killed_recording_plays_and_the_next_run_keeps_it(tmp_path: Path) -> None:
    with MjpegServer() as server:
        running = watching(server, tmp_path)
        wait_for(lambda: recorded(tmp_path) > 60_000, running)
        running.kill()
        running.communicate(timeout=30)
        before = frames_in(tmp_path / "rec.mp4")
        assert before > 5
        running = watching(server, tmp_path, files=2)
        running.send_signal(signal.SIGINT)
        _, talk = running.communicate(timeout=30)
    (kept,) = set(tmp_path.iterdir()) - {tmp_path / "rec.mp4"}
    assert f"rec.mp4 is now {kept}" in talk.decode()
    assert frames_in(kept) == before
    assert frames_in(tmp_path / "rec.mp4") > 5


@posix
def test_a_second_signal_ends_a_run_that_hangs_in_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)  # opened, never read
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (640, 480))
    scene = draw_scene("happy")
    for _ in range(600):  # more lines than a pipe holds
        writer.write(scene)
    writer.release()
    command = [command_path("fer-edge"), "--video", str(clip), "--json", "pipe", "--quiet"]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
    try:
        wait_for(lambda: is_asleep_in_a_pipe(running.pid), running)
        running.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired):  # the first one waits for the reader
            running.wait(1)
        running.send_signal(signal.SIGINT)
        assert running.wait(5) == 130
    finally:
        running.kill()
        running.communicate()
        os.close(reader)


def is_asleep_in_a_pipe(pid: int) -> bool:
    """Return whether a process has not used the processor for a while, its pipe being full."""
    if not sys.platform.startswith("linux"):
        pytest.skip("what a process does is read from Linux's /proc")

    def spent() -> str:
        return " ".join(Path(f"/proc/{pid}/stat").read_text().split()[13:15])

    before = spent()
    time.sleep(0.7)
    return spent() == before and before != "0 0"


@pytest.mark.browser
@pytest.mark.skipif(not BROWSER, reason="needs Chromium: sudo apt install chromium")
@pytest.mark.parametrize("suffix", [".mp4", ".webm", "killed.mp4"])
def test_a_browser_plays_what_was_saved(tmp_path: Path, suffix: str) -> None:
    if suffix == "killed.mp4":
        with MjpegServer() as server:
            running = watching(server, tmp_path)
            wait_for(lambda: recorded(tmp_path) > 60_000, running)
            running.kill()
            running.communicate(timeout=30)
        video, size = tmp_path / "rec.mp4", [640, 480]
    elif suffix == ".mp4":
        call("fer-edge", "--demo", "--quiet", cwd=tmp_path)
        video, size = tmp_path / "fer-edge-demo" / "demo.mp4", [640, 480]
    else:
        cv2.imwrite(str(tmp_path / "face.png"), draw_scene("happy"))
        call("fer-edge", "face.png", "face.png", "--save", "a.webm", "--quiet", cwd=tmp_path)
        video, size = tmp_path / "a.webm", [640, 480]
    told = played(video, tmp_path)
    assert told["error"] is None
    assert told["size"] == size
    assert told["red"] > 20  # not a black picture
    if suffix == ".mp4":
        assert told["seconds"] == pytest.approx(4.0, abs=0.05)
        assert told["at"] == pytest.approx(2.0, abs=0.1)  # it was wound there


PAGE = b"""<video id="v" src="/video" muted></video><script>
const video = document.getElementById("v");
let tries = 0;
const tell = (error) => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const paint = canvas.getContext("2d");
  if (!error) paint.drawImage(video, 0, 0, 1, 1);
  const told = {error, size: [video.videoWidth, video.videoHeight], seconds: video.duration,
                at: video.currentTime, red: paint.getImageData(0, 0, 1, 1).data[0]};
  // Black: it is not painted yet.
  if (!error && told.red === 0 && ++tries < 100) return setTimeout(tell, 100, null);
  fetch("/told", {method: "POST", body: JSON.stringify(told)});
};
video.onerror = () => tell(video.error.message);
video.onloadeddata = () => {
  video.onseeked = () => tell(null);
  video.currentTime = Math.min(2, (isFinite(video.duration) ? video.duration : 0) / 2);
};
</script>"""


def played(video: Path, folder: Path) -> dict[str, object]:
    """Return what a page says of a video that Chromium has loaded, wound and painted."""
    told: queue.Queue[dict[str, object]] = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = video.read_bytes() if self.path == "/video" else PAGE
            first, last = 0, len(content) - 1
            asked = self.headers.get("Range", "").removeprefix("bytes=")
            if asked:
                first, last = int(asked.split("-")[0]), int(asked.split("-")[1] or last)
            self.send_response(206 if asked else 200)
            kind = "text/html" if self.path != "/video" else f"video/{video.suffix[1:]}"
            self.send_header("Content-Type", kind)
            self.send_header("Accept-Ranges", "bytes")
            if asked:
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
            self.send_header("Content-Length", str(last - first + 1))
            self.end_headers()
            try:
                self.wfile.write(content[first : last + 1])
            except (BrokenPipeError, ConnectionResetError):
                return  # the browser has enough

        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile"]
    address = f"http://127.0.0.1:{server.server_port}/"
    browser = subprocess.Popen(
        [str(BROWSER), *options, "--remote-debugging-port=0", address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        return told.get(timeout=60)
    finally:
        os.killpg(browser.pid, signal.SIGKILL)  # its helpers, too
        browser.wait(20)
        server.shutdown()
        server.server_close()
