"""What a folder of results was made with; another run with other settings is refused."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from fer_core.bundle import ModelBundle
from fer_core.errors import ArgumentError, FerError
from fer_core.files import make_folder, write_bytes
from fer_core.locks import alone_in
from fer_edge.faces.detectors import require_detector
from fer_edge.faces.yunet_file import require_yunet
from fer_edge.inference.models import ModelFacts, load_model
from fer_edge.score.worker import MODEL, Scoring

_FILE, _YUNET = "settings.json", "yunet.onnx"
_SHORTEST, _LONGEST = 0.01, 86_400.0


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """What decides the rows.

    Attributes:
        model: Name of the network and its SHA-256.
        detector: haar or yunet.
        every: Seconds from one frame of a video to the next one that is taken.
        rows: Which columns there are; grows when their meaning changes.
    """

    model: str
    detector: str
    every: float
    rows: int = 1


def read_every(text: str) -> float:
    """Return how many seconds a text such as 0.5s, 500ms or 2 means.

    Raises:
        ArgumentError: It is none, or out of range.
    """
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*(ms|s|)", text.strip())
    seconds = float(found[1]) / (1000 if found[2] == "ms" else 1) if found else 0.0
    if not _SHORTEST <= seconds <= _LONGEST:
        raise ArgumentError(f"--every must be a time such as 0.5s, 500ms or 2s, got {text!r}")
    return seconds


def prepare(out: Path, model: str, detector: str, every: float) -> Scoring:
    """Make a folder of results, or make sure that an old one has the same settings.

    Args:
        out: The folder.
        model: A shipped model or the file of one; its bundle is kept in the folder.
        detector: haar, yunet, or the file of YuNet, which is kept in the folder too.
        every: See `ScoreSettings`.

    Raises:
        ArgumentError: There is no such detector.
        FerError: There is no such model, the folder holds something else, or another process
            writes into it.
    """
    bundle = load_model(model)
    require_detector(detector)
    is_file = detector.lower().endswith(".onnx")
    facts = ModelFacts.of(bundle)
    name = "yunet" if is_file else detector.lower()
    wanted = ScoreSettings(f"{facts.name} {facts.sha256}", name, every)
    place = make_folder(out).resolve()
    with alone_in(place, "fer-edge score"):
        _require_same(place, wanted)
        begun = (place / _FILE).exists()  # without it, the others may be of another run
        if not begun or not (place / MODEL).exists():
            bundle.save(place / MODEL)
        elif not ModelBundle.load(place / MODEL).answers_as(bundle):
            raise FerError(
                f"{out} was made with other labels, or another input, of {facts.name}: rows of "
                "both cannot be told apart. Choose another --out."
            )
        if is_file and not (begun and (place / _YUNET).exists()):
            write_bytes(place / _YUNET, require_yunet(Path(detector)).read_bytes())
        if not begun:
            write_bytes(place / _FILE, msgspec.json.format(msgspec.json.encode(wanted)) + b"\n")
    return Scoring(str(place), str(place / _YUNET) if is_file else name, every)


def labels_of(out: Path) -> tuple[str, ...]:
    """Return the labels of a folder of results.

    Raises:
        FerError: It is none.
    """
    if not (out / MODEL).is_file():
        raise FerError(f"{out} holds no results of fer-edge score")
    return ModelBundle.load(out / MODEL).manifest.labels


def _require_same(out: Path, wanted: ScoreSettings) -> None:
    file = out / _FILE
    if not file.exists():
        names = [each.name for each in out.iterdir()]
        if any(name not in (MODEL, _YUNET) and not name.startswith(".") for name in names):
            raise FerError(f"{out} holds other files: give a folder that is empty or new")
        return
    try:
        found = asdict(msgspec.json.decode(file.read_bytes(), type=ScoreSettings))
    except (OSError, msgspec.MsgspecError) as error:
        raise FerError(f"cannot read {file}: {error}") from error
    for name, value in asdict(wanted).items():
        if found[name] != value:
            raise FerError(
                f"{out} was made with {name} {found[name]}, and this is {value}: rows of both "
                "cannot be told apart. Choose another --out."
            )
