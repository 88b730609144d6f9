"""Ask a running fer-edge over HTTP: is it well, and what does it see? It needs only Python.

fer-edge --camera 0 --serve 8080                          # in one terminal
python3 examples/http_events.py http://localhost:8080     # in another one

A page with a token: put the token into FER_EDGE_TOKEN.
"""

import contextlib
import json
import os
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def main(page: str) -> None:
    """Print the state, then each change until Ctrl-C, or until the page goes."""
    headers = {"Authorization": f"Bearer {os.environ.get('FER_EDGE_TOKEN', '')}"}
    try:
        health = urlopen(f"{page}/healthz", timeout=10)
    except HTTPError as ill:  # 503: no camera gives pictures
        health = ill
    print(health.read().decode().replace("\n", ", "), flush=True)
    with urlopen(Request(f"{page}/events", headers=headers), timeout=60) as lines:
        for line in lines:
            if line.startswith(b"data:"):
                for event in json.loads(line.removeprefix(b"data:"))["events"]:
                    print(event["kind"], event["track"], event["label"], flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python3 examples/http_events.py ADDRESS")
    try:
        with contextlib.suppress(KeyboardInterrupt):
            main(sys.argv[1])
    except HTTPError as error:
        sys.exit(f"{error}: is FER_EDGE_TOKEN the token of the page?")
