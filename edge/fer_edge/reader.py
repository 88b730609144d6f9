"""Faces and expressions for programs: pictures, videos and cameras in a few lines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from os import PathLike, fspath
from pathlib import Path

from fer_core.values import Frame, Observation, UInt8Array
from fer_edge.faces.analysis import PictureAnalyzer, StreamAnalyzer
from fer_edge.faces.detector import DetectorRequest, FaceDetector
from fer_edge.faces.detectors import DEFAULT_DETECTOR, make_detector
from fer_edge.inference import DEFAULT_MODEL, RATE_HZ
from fer_edge.inference.classifier import TfliteClassifier
from fer_edge.inference.interpreter import TfliteModel
from fer_edge.inference.models import load_model
from fer_edge.outputs import Output
from fer_edge.outputs.pipeline import run_pipeline
from fer_edge.sources import FrameSource
from fer_edge.sources.camera import open_camera
from fer_edge.sources.files import VideoSource, read_one_picture
from fer_edge.sources.rotation import RotatedSource, Turn
from fer_edge.stages import StageTimes


class ExpressionReader:
    """Finds faces and says how they look.

    A reader belongs to one thread.

    Example:
        reader = fer_edge.ExpressionReader()
        for face in reader.picture("photo.jpg"):
            print(face.box, face.label, face.confidence)
        for frame, faces in reader.camera(0):
            print(frame.captured_at, [(face.track_id, face.label) for face in faces])
    """

    def __init__(
        self,
        model: str | PathLike[str] = DEFAULT_MODEL,
        detector: str | PathLike[str] | FaceDetector = DEFAULT_DETECTOR,
        threads: int = 1,
        rate: float = RATE_HZ,
    ) -> None:
        """Load the model.

        Args:
            model: The name of a shipped model (`fer_edge.shipped_models()`), or a .tflite bundle.
            detector: haar, yunet, the file of a YuNet, or any `FaceDetector`.
            threads: How many threads the network takes.
            rate: How often a second each face of a camera or video is classified, as `--rate`; 0
                for every frame.

        Raises:
            FerError: There is no such model or detector, or the model is damaged.
            TypeError: `detector` is neither a name, nor a file, nor an object with a method
                `detect`.
        """
        _require_detector(detector)
        self._detector = fspath(detector) if isinstance(detector, PathLike) else detector
        self._for_pictures = self._make_detector(stream=False)
        self._rate_hz = rate
        self._classifier = TfliteClassifier(TfliteModel(load_model(fspath(model)), threads))

    def picture(self, picture: str | PathLike[str] | UInt8Array) -> tuple[Observation, ...]:
        """Return the faces of one picture.

        Args:
            picture: A file, or pixels (height, width, 3) uint8 in B, G, R order, as of cv2.imread.

        Returns:
            The faces, the largest first; boxes are in pixels of the picture.

        Raises:
            FerError: The file is not there, or cannot be read as a picture.
            ValueError: The pixels have another shape or type.
        """
        analyzer = PictureAnalyzer(self._for_pictures, self._classifier)
        if not isinstance(picture, str | PathLike):
            return analyzer.analyze(Frame(picture, 0, 0.0)).observations
        read = read_one_picture(Path(picture))
        seen = analyzer.analyze(Frame(read.pixels, 0, 0.0, fspath(picture))).observations
        return tuple(_in_the_file(each, read.reduced) for each in seen)

    def camera(
        self,
        camera: int | str = 0,
        size: tuple[int, int] | None = None,
        fps: float | None = None,
        mirror: bool = False,
    ) -> Iterator[tuple[Frame, tuple[Observation, ...]]]:
        """Follow the faces before a camera, which is opened with the first step of the loop.

        A camera that goes away is opened anew. Leaving the loop gives it back.

        Args:
            camera: A number, "picamera", or an http:// or rtsp:// address.
            size: Width and height in pixels to ask of it; None leaves them to the camera.
            fps: Frames a second to ask of it; None leaves them to the camera.
            mirror: Whether left and right are swapped, as in a mirror.

        Yields:
            The newest frame and its faces, the largest first, each with its `track_id`.

        Raises:
            FerError: The camera cannot be opened, or `camera` names none.
        """
        yield from self._stream(_camera_source(camera, size, fps, mirror))

    def video(self, file: str | PathLike[str]) -> Iterator[tuple[Frame, tuple[Observation, ...]]]:
        """Follow the faces of a video file, which is opened with the first step of the loop.

        Args:
            file: A video that OpenCV can read.

        Yields:
            Every frame and its faces, the largest first, each with its `track_id`.

        Raises:
            FerError: The file cannot be read as a video.
        """
        yield from self._stream(VideoSource(Path(file)))

    def run(self, source: int | str | PathLike[str], *outputs: Output) -> None:
        """Give every frame of a camera or video to your outputs, with its faces and events.

        It returns at the end of a video. A camera runs until Ctrl-C. The outputs get the last
        events in both cases.

        Args:
            source: The file of a video, or a camera as `camera` takes it.
            outputs: What takes each frame, in this order.

        Raises:
            FerError: The camera cannot be opened, or the file cannot be read as a video.
        """
        with closing(_stream_source(source)) as opened:
            analyzer = self._make_analyzer()
            run_pipeline(opened, analyzer, outputs, threading.Event(), StageTimes())

    def _stream(self, source: FrameSource) -> Iterator[tuple[Frame, tuple[Observation, ...]]]:
        with closing(source):
            analyzer = self._make_analyzer()
            for frame in source.frames(threading.Event()):
                if isinstance(frame, Frame):
                    yield frame, analyzer.analyze(frame).observations
                else:
                    analyzer.idle(frame)

    def _make_analyzer(self) -> StreamAnalyzer:
        detector = self._make_detector(stream=True)
        return StreamAnalyzer(detector, self._classifier, rate_hz=self._rate_hz)

    def _make_detector(self, stream: bool) -> FaceDetector:
        if isinstance(self._detector, str):
            return make_detector(self._detector, DetectorRequest(stream))
        return self._detector


def _stream_source(source: int | str | PathLike[str]) -> FrameSource:
    """Open a video that is there or a path, else a camera."""
    if isinstance(source, PathLike) or (isinstance(source, str) and Path(source).is_file()):
        return VideoSource(Path(source))
    return _camera_source(source)


def _camera_source(
    camera: object,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    mirror: bool = False,
) -> FrameSource:
    source = open_camera(str(camera), size, fps)
    return RotatedSource(source, {"": Turn(mirror=True)}) if mirror else source


def _require_detector(detector: object) -> None:
    if isinstance(detector, str | PathLike):
        return
    if isinstance(detector, type) or not callable(getattr(detector, "detect", None)):
        raise TypeError(
            "detector must be a name (haar, yunet), the file of a YuNet, or an object with a "
            f"method detect(frame, known), got {detector!r}"
        )


def _in_the_file(seen: Observation, reduced: int) -> Observation:
    """Return an observation with its box in pixels of a file that was decoded smaller."""
    return replace(seen, face=seen.face.times(reduced))
