"""Processor time a frame of detector, tracks and classifier on clips, both detectors in turns.

    python edge/studies/clip_time.py CLIP...

The frames are decoded beforehand. Time of one thread, so that other work on the machine disturbs
less than it does by the clock; `fer-bench --video` has the times of whole runs.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from fer_core.opencv import cv2
from fer_core.values import Frame
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_edge.session.config import EdgeConfig
from fer_edge.session.watch import stream_analyzer
from fer_edge.sources.files import VideoSource
from fer_edge.stages import StageTimes

ROUNDS = 5


def cpu_ms(frames: Sequence[Frame], detector: str) -> float:
    """Return the milliseconds of processor time that a frame takes."""
    classifier = TfliteClassifier(TfliteModel(load_model(), threads=1))
    analyzer = stream_analyzer(EdgeConfig(detector=detector), classifier, StageTimes())
    started = time.thread_time()
    for frame in frames:
        analyzer.analyze(frame)
    return 1000 * (time.thread_time() - started) / len(frames)


def main() -> None:
    """Print a row a clip: the medians, and that of the ratios of the same round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    cv2.setNumThreads(1)
    print(f"| CPU ms a frame, medians of {ROUNDS} | haar | yunet | yunet of haar |")
    print("|---|---:|---:|---:|")
    for clip in parser.parse_args().clips:
        frames = list(VideoSource(clip).frames(threading.Event()))
        rounds = [(cpu_ms(frames, "haar"), cpu_ms(frames, "yunet")) for _ in range(ROUNDS)]
        haar, yunet = (statistics.median(times) for times in zip(*rounds, strict=True))
        ratio = statistics.median(after / before for before, after in rounds)
        print(f"| {clip.name} | {haar:.2f} | {yunet:.2f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
