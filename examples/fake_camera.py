"""A network camera for tries without one: it plays a clip or pictures as Motion JPEG.

python examples/fake_camera.py clip.mp4           # then fer-edge --camera http://127.0.0.1:8099/
python examples/fake_camera.py a.jpg b.jpg
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2


class FakeCamera(BaseHTTPRequestHandler):
    """Plays the files again and again."""

    def do_GET(self) -> None:
        """Send frames until the viewer leaves."""
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        while True:
            for file in sys.argv[1:]:
                clip = cv2.VideoCapture(file)
                while (read := clip.read())[0]:
                    jpeg = cv2.imencode(".jpg", read[1])[1].tobytes()
                    head = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                    try:
                        self.wfile.write(head % len(jpeg) + jpeg + b"\r\n")
                    except ConnectionError:
                        return
                    time.sleep(1 / 15)


if __name__ == "__main__":
    if len(sys.argv) < 2 or not all(cv2.VideoCapture(file).isOpened() for file in sys.argv[1:]):
        sys.exit("usage: python examples/fake_camera.py CLIP_OR_PICTURES...")
    ThreadingHTTPServer(("127.0.0.1", 8099), FakeCamera).serve_forever()
