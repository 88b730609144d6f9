"""An archive in S3: a server of moto on the loopback, and fsspec with s3fs. `make cluster-test`."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cv2
import pytest

pytest.importorskip("pyarrow", reason="make cluster-test has it")
pytest.importorskip("s3fs", reason="make cluster-test has it")
pytest.importorskip("moto", reason="make cluster-test has it")

from pyarrow import parquet

from commands import call
from drawn_faces import draw_scene, save_video
from fer_edge.score.remote import read_bytes
from s3_server import BUCKET, client, s3_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    place = tmp_path_factory.mktemp("objects")
    with s3_server() as env:
        store = client(env)
        for index, name in enumerate(("happy", "sad", "neutral")):
            file = place / f"{name}.png"
            cv2.imwrite(str(file), draw_scene(name, seed=index))
            store.upload_file(str(file), BUCKET, f"photos/{name}.png")
        store.upload_file(
            str(save_video(place / "clip.avi", [draw_scene("happy")] * 15)), BUCKET, "clip.avi"
        )
        store.put_object(Bucket=BUCKET, Key="photos/bad.jpg", Body=b"no picture")
        store.put_object(Bucket=BUCKET, Key="photos/notes.csv", Body=b"1,2")
        yield env


def rows(out: Path) -> list[dict[str, Any]]:
    return sorted(
        parquet.read_table(out / "faces").to_pylist(),
        key=lambda row: (row["source"], row["frame"]),
    )


def test_a_prefix_a_pattern_and_an_object_are_sources(
    server: dict[str, str], tmp_path: Path
) -> None:
    words = [f"s3://{BUCKET}/photos", f"s3://{BUCKET}/photos/*.png", f"s3://{BUCKET}/clip.avi"]
    done = call(
        *("fer-edge", "score", *words, "--out", "F", "--on", "local:2", "--every", "0.5s"),
        cwd=tmp_path,
        **server,
    )
    assert done.stdout == "5 sources: 6 faces, 1 error (F/errors.parquet)\n"
    assert "5 sources, 3 of them named twice" in done.stderr
    assert "left out: 1 (neither picture nor video)" in done.stderr
    found = rows(tmp_path / "F")
    assert [row["source"].removeprefix(f"s3://{BUCKET}/") for row in found] == [
        *["clip.avi"] * 3,
        *(f"photos/{name}.png" for name in ("happy", "neutral", "sad")),
    ]
    assert [row["frame"] for row in found[:3]] == [0, 5, 10]


def test_an_object_that_vanished_is_an_error(server: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text(
        f"s3://{BUCKET}/photos/happy.png\ns3://{BUCKET}/photos/gone.png\n"
    )
    call("fer-edge", "score", "list.txt", "--out", "F", "--on", "local:1", cwd=tmp_path, **server)
    (error,) = parquet.read_table(tmp_path / "F/errors.parquet").to_pylist()
    gone = f"s3://{BUCKET}/photos/gone.png"
    assert error == {"source": gone, "reason": f"there is nothing at {gone}"}
    assert len(rows(tmp_path / "F")) == 1


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://nowhere/photos", "s3://nowhere"),
        (f"s3://{BUCKET}/photos/*.bmp", "nothing matches"),
        (f"s3://{BUCKET}/gone.png", "there is nothing at s3://"),
        ("gs://bucket/photos", "pip install gcsfs"),
        ("what://x", "what://x"),
    ],
)
def test_what_cannot_be_listed_is_named(
    server: dict[str, str], tmp_path: Path, url: str, said: str
) -> None:
    done = call("fer-edge", "score", url, "--out", "F", cwd=tmp_path, code=1, **server)
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_large_picture_of_a_web_server_is_read_to_its_end(tmp_path: Path) -> None:
    content = os.urandom(3_000_000)
    (tmp_path / "large.jpg").write_bytes(content)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            address = f"http://127.0.0.1:{server.server_address[1]}/large.jpg"
            assert read_bytes(address) == content
        finally:
            server.shutdown()


def test_a_web_server_gives_pictures_and_videos(tmp_path: Path) -> None:
    place = tmp_path / "served"
    place.mkdir()
    cv2.imwrite(str(place / "happy.png"), draw_scene("happy"))
    save_video(place / "clip.avi", [draw_scene("happy")] * 5)
    handler = partial(SimpleHTTPRequestHandler, directory=str(place))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        words = [f"{base}/happy.png?size=1", f"{base}/clip.avi?signature=a.b", f"{base}/gone.jpg"]
        call("fer-edge", "score", *words, "--out", "F", "--on", "local:1", cwd=tmp_path)
        server.shutdown()
    assert [row["source"] for row in rows(tmp_path / "F")] == [f"{base}/clip.avi", words[0]]
    (error,) = parquet.read_table(tmp_path / "F/errors.parquet").to_pylist()
    assert error == {"source": words[2], "reason": f"there is nothing at {words[2]}"}
