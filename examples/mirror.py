"""A mirror: a window that shows you with your expression. Escape closes it.

python examples/mirror.py             # the first camera
python examples/mirror.py picamera    # or a number, or an address

It needs a screen and the extra [edge].
"""

import contextlib
import sys

import cv2

import fer_edge

ESCAPE = 27


def main() -> None:
    """Show the camera's pictures until Escape, or until Ctrl-C."""
    camera = sys.argv[1] if len(sys.argv) > 1 else "0"
    reader = fer_edge.ExpressionReader()
    with contextlib.suppress(KeyboardInterrupt):
        for frame, faces in reader.camera(camera, mirror=True):
            cv2.imshow("mirror", fer_edge.draw_observations(frame, faces))
            if cv2.waitKey(1) == ESCAPE:
                break


if __name__ == "__main__":
    main()
