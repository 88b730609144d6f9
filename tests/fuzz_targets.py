"""What is fuzzed: for each kind of input what reads it, and a few good ones to begin with.

Reading ends well or with a FerError; anything else is a finding. What was read also has to survive
being written and read again, where a target says so.
"""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from drawn_faces import draw_face
from fer_bench.compare import Tolerance, compare_results
from fer_bench.markdown import markdown_report
from fer_bench.results import Results, read_results
from fer_convert.contents import read_contents
from fer_convert.verify import describe
from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.files import write_text
from fer_core.manifest import GoldenAnswers, ModelManifest
from fer_core.pictures import Picture, decode_or_reason
from fer_core.preprocess import InputSpec
from fer_core.readers import load_dataset
from fer_core.settings import load_settings, settings_toml
from fer_edge.deployment.announcement import Announcement, Signed
from fer_edge.deployment.signing.file_signature import signed, signer_of, unsigned
from fer_edge.deployment.signing.keys import SigningKey
from fer_edge.deployment.signing.trusted import TRUSTED_FILE, TrustedKeys
from fer_edge.deployment.state import DeploymentState
from fer_edge.outputs.mqtt.report import Report
from fer_edge.session.config import EdgeConfig
from fer_edge.sources.h264 import FrameNumbers
from fer_train.config import TrainConfig
from fuzz_streams import feed_mjpeg, mjpeg_seeds
from fuzz_web import answer_requests, request_seeds

RESULTS = Path(__file__).parents[1] / "benchmarks" / "reference" / "x86-64-2-cores" / "results.json"
SIZE = 8
"""The sides of small pictures."""

Read = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of input.

    Attributes:
        make: Returns what reads one input; it may write into the folder that it gets.
        seeds: Yields good inputs.
        is_json: Whether values of the JSON text are changed beside its bytes.
        most_bytes: How large an input may become.
    """

    make: Callable[[Path], Read]
    seeds: Callable[[], Iterator[bytes]]
    is_json: bool = False
    most_bytes: int = 4096


def _bundles(folder: Path) -> Read:
    file = folder / "a.tflite"

    def read(data: bytes) -> None:
        file.write_bytes(data)
        with suppress(FerError):
            describe(file)
        with suppress(FerError):
            bundle = ModelBundle.load(file)
            file.write_bytes(bundle.to_bytes())
            again = ModelBundle.load(file)
            assert (again.manifest, again.model) == (bundle.manifest, bundle.model)

    return read


def _manifest() -> ModelManifest:
    facts = {"parameters": 9, "macs": 8, "min_runtime": "2.14.0", "data": "faces", "keras": "3"}
    golden = GoldenAnswers(1, ((0.25, 0.75),))
    metrics = {"validation": {"flips": 1, "child_accuracy": 0.5, "runtime": "a", "kernels": "b"}}
    spec = InputSpec(8, 8)
    return ModelManifest(
        "a", ("happy", "sad"), spec, "int8", metrics=metrics, provenance=facts, golden=golden
    )


def _bundle_seeds() -> Iterator[bytes]:
    yield ModelBundle(b"\x1c\0\0\0TFL3" + bytes(24), _manifest(), "a card").to_bytes()
    yield ModelBundle(tiny_network(), _manifest(), "a card").to_bytes()


def _manifests(folder: Path) -> Read:
    del folder

    def read(data: bytes) -> None:
        with suppress(FerError, UnicodeDecodeError):
            manifest = ModelManifest.from_json(data.decode())
            again = ModelManifest.from_json(manifest.to_json())
            assert replace(again, schema_version=manifest.schema_version) == manifest

    return read


def _manifest_seeds() -> Iterator[bytes]:
    yield _manifest().to_json().encode()
    yield replace(_manifest(), output="logits", golden=None).to_json().encode()


def _flatbuffers(folder: Path) -> Read:
    del folder

    def read(data: bytes) -> None:
        with suppress(FerError):
            contents = read_contents(data)
            contents.text()
            contents.require_runtime("it", "2.14")

    return read


def tiny_network() -> bytes:
    """Return a flatbuffer of one dense layer, 4 values to 2, as TFLite lays it out."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    model, graph, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    buffers = [schema.BufferT() for _ in range(4)]
    buffers[1].data = np.ones(8, np.float32).view(np.uint8)
    buffers[3].data = np.frombuffer(b"1.14.0".ljust(16, b"\0"), np.uint8)
    names = {"in": ([1, 4], 0), "a/MatMul": ([2, 4], 1), "out": ([1, 2], 2)}
    graph.tensors = []
    for name, (shape, buffer) in names.items():
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.buffer = name, shape, buffer
        graph.tensors.append(tensor)
    graph.inputs, graph.outputs = [0], [2]
    operator.inputs, operator.outputs = [0, 1], [2]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    graph.operators = [operator]
    noted = schema.MetadataT()
    noted.name, noted.buffer = "min_runtime_version", 3
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers, model.metadata = buffers, [noted]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _settings(folder: Path) -> Read:
    file, again = folder / "a.toml", folder / "b.toml"

    def read(data: bytes) -> None:
        file.write_bytes(data)
        with suppress(FerError):
            load_settings(EdgeConfig, file, {})
        with suppress(FerError):
            config = load_settings(TrainConfig, file, {})
            write_text(again, settings_toml(config))
            assert load_settings(TrainConfig, again, {}) == config

    return read


def _settings_seeds() -> Iterator[bytes]:
    yield "\n".join(settings_toml(EdgeConfig()).splitlines()[:12]).encode()
    yield b'camera = "0"\nthreads = 1\nmirror = true\nsize = "640x480"\nrate = 2.5 # why\n'
    yield b'arch = "fer-nano"\nepochs = 9\nlearning_rate = 0.1\nskip_bad = true\nvotes = "a"\n'
    yield b"[a]\nb = 'c'\nd = [1, 1e3, 0x1f, 1979-05-27T07:32:00Z]\n[[e.f]]\ng = {h = true}\n"
    yield b'mask = """\nmany\nlines\\u00e9\\\n"""\n'


def _tables(folder: Path) -> Read:
    file = folder / "a.csv"

    def read(data: bytes) -> None:
        file.write_bytes(data)
        for skip_bad in (False, True):
            with suppress(FerError):
                load_dataset(file, skip_bad=skip_bad)

    return read


def _table_seeds() -> Iterator[bytes]:
    pixels = " ".join(["7"] * 48 * 48)
    for usage in ("Training", "PublicTest", "PrivateTest"):
        yield f'emotion,pixels,Usage\n3,"{pixels}",{usage}\n'.encode()
    yield b'\xef\xbb\xbfUsage, emotion,pixels\nTraining,9,1 2 3\n,,"\n"\n'


def _arrays(folder: Path) -> Read:
    """The first byte says whether the rest is the archive, or one array in a good one."""
    file, good = folder / "a.npz", dict(_good_arrays())

    def read(data: bytes) -> None:
        which = data[0] % 5 if data else 0
        if which == 0:
            file.write_bytes(data[1:])
        else:
            name = ("images", "labels", "usage", "label_names")[which - 1]
            held = {**good, name: data[1:]}
            with zipfile.ZipFile(file, "w") as archive:
                for each, content in held.items():
                    archive.writestr(f"{each}.npy", content)
        with suppress(FerError):
            load_dataset(file, skip_bad=True)

    return read


def _good_arrays() -> Iterator[tuple[str, bytes]]:
    arrays: dict[str, Any] = {
        "images": np.arange(4 * SIZE * SIZE, dtype=np.uint8).reshape(4, SIZE, SIZE),
        "labels": np.arange(4),
        "usage": np.array([0, 1, 2, 0]),
    }
    for name, array in arrays.items():
        held = io.BytesIO()
        np.save(held, array)
        yield name, held.getvalue()


def _array_seeds() -> Iterator[bytes]:
    arrays = dict(_good_arrays())
    for number, content in enumerate(arrays.values(), start=1):
        yield bytes([number]) + content
    for array in (np.array(["Training"] * 4), np.array([0.0, 1.0, 2.0, 6.0])):
        held = io.BytesIO()
        np.save(held, array)
        yield b"\x03" + held.getvalue()
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w", method) as archive:
            for name, content in arrays.items():
                archive.writestr(f"{name}.npy", content)
        yield b"\0" + held.getvalue()


def _pictures(folder: Path) -> Read:
    del folder

    def read(data: bytes) -> None:
        for colour in (False, True):
            found = decode_or_reason(data, colour)
            if isinstance(found, Picture):
                assert (found.pixels.ndim, found.pixels.dtype) == (2 + colour, np.uint8)
                assert found.pixels.size
            else:
                assert found

    return read


def _picture_seeds() -> Iterator[bytes]:
    face = draw_face("happy", SIZE)
    clear = np.dstack([face, face[..., 0]])
    for suffix in (".png", ".jpg", ".webp", ".bmp", ".tiff", ".gif", ".avif"):
        for pixels in (face, clear):
            with suppress(cv2.error):
                if (made := cv2.imencode(suffix, pixels))[0]:
                    yield made[1].tobytes()
    jpeg = cv2.imencode(".jpg", face)[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    yield jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]
    yield cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    yield cv2.imencode(".ppm", face)[1].tobytes()
    yield cv2.imencode(".jp2", draw_face("sad", 32))[1].tobytes()
    yield cv2.imencode(".png", face.astype(np.uint16) * 257)[1].tobytes()


def _results(folder: Path) -> Read:
    file, small = folder / "a.json", folder / "b.json"
    small.write_bytes(next(_result_seeds()))
    before = read_results(small)

    def read(data: bytes) -> None:
        file.write_bytes(data)
        with suppress(FerError):
            found = read_results(file)
            assert Results.from_json(found.to_json()) == found
            markdown_report(found)
            compare_results(before, found, Tolerance())

    return read


def _result_seeds() -> Iterator[bytes]:
    whole = json.loads(RESULTS.read_text())
    whole["models"], whole["clips"] = whole["models"][:1], whole["clips"][:1]
    yield json.dumps(whole).encode()


def _messages(folder: Path) -> Read:
    """What devices and publishers send over MQTT, and the state file of a device's models."""
    del folder

    def read(data: bytes) -> None:
        with suppress(FerError):
            report = Report.from_json(data, "a report")
            assert Report.from_json(report.to_json().encode(), "it") == report
        with suppress(FerError):
            assert Signed.read(data).text == data[89:]
        with suppress(FerError, UnicodeDecodeError):
            state = DeploymentState.from_json(data.decode(), "a state")
            assert DeploymentState.from_json(state.to_json(), "it") == state

    return read


def _message_seeds() -> Iterator[bytes]:
    announced = Announcement("a-int8", "0" * 64, "1" * 64, 9, "door", 7)
    text = {name: getattr(announced, name) for name in Announcement.__slots__}
    yield b"A" * 88 + b"\n" + json.dumps(text).encode()
    yield DeploymentState().to_json().encode()
    told: dict[str, Any] = dict.fromkeys(
        ("version", "model", "sha256", "trial", "why", "slowed"), "a"
    )
    told |= {"uptime_seconds": 1.5, "temperature_celsius": 50, "counts": {"events": 1}}
    told |= {"cameras": {"door": {"frames": 1, "silent_seconds": 2.0}}, "bundle": {"number": 1}}
    yield json.dumps(told).encode()


def _h264(folder: Path) -> Read:
    del folder

    def read(data: bytes) -> None:
        numbers = FrameNumbers()
        for packet in data.split(b"\0\0\0\1"):
            numbers.misses(b"\0\0\1" + packet)

    return read


def _h264_seeds() -> Iterator[bytes]:
    parameters = bytes.fromhex("6742c01e95a0280f64")
    high = bytes.fromhex("6764001facd9405005bb011000000300100000030320f162d9")
    yield b"\0\0\0\1".join((parameters, b"\x65\x88\x84\0", b"\x41\x9a\x02", b"\x41\x9a\x08\x04"))
    yield b"\0\0\0\1".join((high, b"\x65\x88\x84\0", b"\x41\x9a\x02\x05"))


def _signed_files(folder: Path) -> Read:
    """Read the end of a bundle, and the list of keys of a device."""
    with tempfile.TemporaryDirectory() as place:
        key, keys = SigningKey.make(Path(place) / "key.pem"), TrustedKeys(folder)

    def read(data: bytes) -> None:
        (folder / TRUSTED_FILE).write_bytes(data)
        with suppress(FerError):
            keys.require(data, "it")
        with suppress(FerError):
            signer_of(data, "it")
        with suppress(FerError):
            again = signed(data, key, "it")
            assert signer_of(again, "it") == key.public
            assert signed(unsigned(again), key, "it") == again

    return read


def _signed_seeds() -> Iterator[bytes]:
    bundle = next(_bundle_seeds())
    yield bundle
    line = b"Cnat22MWCurXF4BFIzMdYF8RXT9zlZ4l6LItVpzABAs="
    yield bundle[:-2] + b"\x99\0fer-edge-signature\n" + line + b"\n" + b"A" * 86 + b"==\n"
    yield b"# keys\n" + line + b" laptop\n"


TARGETS = {
    "bundle": Target(_bundles, _bundle_seeds),
    "manifest": Target(_manifests, _manifest_seeds, is_json=True),
    "flatbuffer": Target(_flatbuffers, lambda: iter([tiny_network()])),
    "settings": Target(_settings, _settings_seeds),
    "csv": Target(_tables, _table_seeds, most_bytes=8192),
    "npz": Target(_arrays, _array_seeds),
    "picture": Target(_pictures, _picture_seeds),
    "mjpeg": Target(feed_mjpeg, mjpeg_seeds),
    "http": Target(answer_requests, request_seeds),
    "results": Target(_results, _result_seeds, is_json=True, most_bytes=32768),
    "messages": Target(_messages, _message_seeds, is_json=True),
    "h264": Target(_h264, _h264_seeds, most_bytes=512),
    "signed": Target(_signed_files, _signed_seeds),
}
