"""What a page's server costs: ours beside Starlette on uvicorn, each in a process of its own.

    python3 -m venv /tmp/asgi && /tmp/asgi/bin/pip install uvicorn starlette
    PYTHONPATH=core:edge python3 edge/studies/page_servers.py /tmp/asgi/bin/python

Both answer one JSON value to requests one after the other. Memory is read from /proc (Linux).
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

PORT, REQUESTS, ROUNDS = 8655, 300, 5


def memory_mb() -> float:
    """Return the resident memory of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def serve_ours() -> None:
    """Serve a page of ours."""
    from fer_edge.page.access import Access, ServeAddress
    from fer_edge.page.door import Door
    from fer_edge.page.server import PageServer
    from fer_edge.page.static_files import StaticFiles
    from fer_edge.page.web import Route, WebRequest

    door = Door(Access(ServeAddress("127.0.0.1", PORT)))
    routes = {("GET", "/api/state"): Route(lambda request: request.send_json({}))}
    held = {"door": door, "static": StaticFiles({}), "routes": routes}
    PageServer(type("Answers", (WebRequest,), held), lambda: None).__enter__()


def serve_asgi() -> None:
    """Serve the same by Starlette on uvicorn."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    app: Any = Starlette(routes=[Route("/api/state", lambda request: JSONResponse({}))])
    server = uvicorn.Server(uvicorn.Config(app, port=PORT, log_level="error"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.002)


def measure(kind: str) -> None:
    """Print seconds until it serves, memory it takes, and milliseconds a request."""
    before, started = memory_mb(), time.perf_counter()
    {"ours": serve_ours, "asgi": serve_asgi}[kind]()
    serving, asked = time.perf_counter() - started, time.perf_counter()
    for _ in range(REQUESTS):
        connection = http.client.HTTPConnection("127.0.0.1", PORT)
        connection.request("GET", "/api/state")
        connection.getresponse().read()
        connection.close()
    print(serving, memory_mb() - before, 1000 * (time.perf_counter() - asked) / REQUESTS)


def main(python: str) -> None:
    """Print the medians of both, measured in turns."""
    found: dict[str, list[list[float]]] = {"ours": [], "asgi": []}
    for _ in range(ROUNDS):
        for kind, rows in found.items():
            done = subprocess.run(
                [python, __file__, "--measure", kind], capture_output=True, text=True, check=True
            )
            rows.append([float(word) for word in done.stdout.split()])
    for kind, rows in found.items():
        seconds, memory, milliseconds = map(median, zip(*rows, strict=True))
        print(f"{kind}: serves after {seconds:.2f} s, {memory:.0f} MB, {milliseconds:.1f} ms")


if __name__ == "__main__":
    if sys.argv[1] == "--measure":
        measure(sys.argv[2])
    else:
        main(sys.argv[1])
