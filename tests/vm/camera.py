"""Runs on the computer: a network camera on the loopback that shows pictures in turn.

python camera.py PORT PICTURE...      five pictures a second, each one for four seconds
"""

import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2

JPEGS = [cv2.imencode(".jpg", cv2.imread(name))[1].tobytes() for name in sys.argv[2:]]


class Camera(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        while True:
            jpeg = JPEGS[int(time.monotonic() / 4) % len(JPEGS)]
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            try:
                self.wfile.write(head.encode() + jpeg + b"\r\n")
            except OSError:
                return
            time.sleep(0.2)

    def log_message(self, *words: object) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Camera).serve_forever()
