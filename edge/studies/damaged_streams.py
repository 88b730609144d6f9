"""How much damage of network cameras' streams is recognized, and what that costs.

    python edge/studies/damaged_streams.py

Streams of a moving texture are cut into packets as over RTP; some packets, or whole pictures, are
lost by a fixed seed. What is shown is compared with the undamaged stream. The cost is the processor
time of reading a stream by PyAV and by OpenCV, without the first pictures.
"""

from __future__ import annotations

import random
import resource
import statistics
import sys
import tempfile
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from coded_streams import GOP, Coded, coded, packets_of
from fer_edge.sources.camera import OpenCvCapture
from fer_edge.sources.decoding import Decoder
from fer_edge.sources.network import StreamCapture
from fer_edge.sources.patience import Patience
from fer_edge.sources.picture_check import Damaged

SIZE, PICTURES, PACKET_BYTES, LATEST = (640, 480), 600, 1400, 3
DECODERS = {"libx264": "h264", "libx265": "hevc", "mjpeg": "mjpeg"}
LOSSES = (("packets", 0.002), ("packets", 0.01), ("pictures", 0.02))
COST_SIZES, COST_PICTURES, RUNS = ((640, 480), (1280, 720)), 300, 3
Picture = np.ndarray | Damaged | None


def decoded(codec: str, stream: list[Coded]) -> list[Picture]:
    """Return what the decoder makes of each packet."""
    context = SimpleNamespace(codec=SimpleNamespace(name=DECODERS[codec]), extradata=None)
    decoder = Decoder(av, SimpleNamespace(codec_context=context))
    with closing(decoder):
        return [decoder.decode(packet) for packet in packets_of(stream)]


def damage(stream: list[Coded], what: str, share: float) -> dict[int, Coded]:
    """Return what arrives of a stream, by the number of the picture; the first ones all do."""
    chance, arrived = random.Random(0), dict[int, Coded]()
    for number, each in enumerate(stream):
        cuts = range(0, len(each.content), PACKET_BYTES)
        packets = [each.content[at : at + PACKET_BYTES] for at in cuts]
        if number > GOP and what == "packets":
            packets = [packet for packet in packets if chance.random() >= share]
        elif number > GOP and chance.random() < share:
            packets = []
        if packets:
            arrived[number] = replace(each, content=b"".join(packets))
    return arrived


def measure(codec: str, stream: list[Coded], what: str, share: float) -> str:
    """Return a row of the table: a picture is as sent if it is one of the last that were sent."""
    clean, arrived = decoded(codec, stream), damage(stream, what, share)
    shown = wrong = 0
    for number, picture in zip(arrived, decoded(codec, list(arrived.values())), strict=True):
        if isinstance(picture, np.ndarray):
            shown += 1
            sent = clean[max(0, number - LATEST) : number + 1]
            wrong += not any(np.array_equal(picture, each) for each in sent)
    hurt = sum(arrived.get(number) != each for number, each in enumerate(stream))
    return f"| {codec} | {what} {share:.1%} | {len(stream)} | {hurt} | {shown} | {wrong} |"


def processor_ms(capture: StreamCapture | OpenCvCapture) -> float:
    """Return the processor time of a picture."""
    for _ in range(20):
        capture.read()
    before, count = resource.getrusage(resource.RUSAGE_SELF), 0
    while capture.read() is not None:
        count += 1
    after = resource.getrusage(resource.RUSAGE_SELF)
    capture.close()
    took = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return 1000 * took / count


def cost(size: tuple[int, int]) -> str:
    """Return what PyAV and OpenCV take for a picture of H.264."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/clip.ts"
        with av.open(path, "w") as container:
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height = size
            for packet in packets_of(coded("libx264", COST_PICTURES, size)):
                packet.stream, packet.time_base = stream, Fraction(1, 25)
                container.mux(packet)
        taken: dict[str, list[float]] = {"PyAV": [], "OpenCV": []}
        for _ in range(RUNS):
            taken["PyAV"].append(processor_ms(StreamCapture(path, 4.0, 4.0)))
            taken["OpenCV"].append(processor_ms(OpenCvCapture(path, None, None, Patience())))
    medians = {name: f"{statistics.median(each):.2f} ms" for name, each in taken.items()}
    return f"{size[0]}x{size[1]}: {medians}"


def main() -> None:
    """Print the table and the costs."""
    print("| encoder | lost | sent | hurt | shown | of them not as sent |")
    print("|---|---|---:|---:|---:|---:|")
    for codec in DECODERS:
        stream = coded(codec, PICTURES, SIZE)
        for what, share in LOSSES:
            print(measure(codec, stream, what, share), flush=True)
    for size in COST_SIZES:
        print(cost(size), flush=True)


if __name__ == "__main__":
    main()
