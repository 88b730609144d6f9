"""The shipped models by name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fer_core.bundle import ModelBundle
from fer_core.errors import FerError
from fer_core.text import typed
from fer_edge.inference import DEFAULT_MODEL


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which bundle it is.

    Attributes:
        name: The model's name and recipe, such as fer-nano-int8.
        sha256: That of its network, in hexadecimal.
    """

    name: str
    sha256: str
    labels: tuple[str, ...]

    @classmethod
    def of(cls, bundle: ModelBundle) -> ModelFacts:
        """Return the facts of a bundle."""
        return cls(bundle.name, bundle.manifest.sha256, bundle.manifest.labels)

    @property
    def mark(self) -> str:
        """The name with the first 12 digits of the hash."""
        return f"{self.name} {self.sha256[:12]}".rstrip()


def shipped_models() -> dict[str, Path]:
    """Return the files of the shipped int8 bundles by name, such as "fer-nano"."""
    folder = Path(__file__).parent.parent / "models"
    there = {path.stem.removesuffix("-int8"): path for path in folder.glob("*-int8.tflite")}
    return dict(sorted(there.items()))


def load_model(name_or_path: str = DEFAULT_MODEL) -> ModelBundle:
    """Return a shipped model by name, or the bundle in a file.

    A bundle that this computer has not run before is tried in a process of its own.

    Raises:
        FerError: There is none, it is damaged, or it crashes the runtime.
    """
    shipped = shipped_models()
    if name_or_path in shipped:
        return ModelBundle.load(shipped[name_or_path])
    path = Path(name_or_path)
    if path.suffix != ".tflite" and not path.exists():
        raise FerError(
            f"no model {name_or_path!r}; shipped are {', '.join(shipped) or 'none'}, "
            "or give the path of a .tflite bundle",
            see="model-not-found",
        )
    if path.is_dir() or path.suffix in (".keras", ".h5"):
        kind = "a folder" if path.is_dir() else "a Keras model"
        raise FerError(
            f"{path} is {kind}, not a .tflite bundle: "
            f"fer-convert {typed(path)} --int8 makes one of a run or a Keras model",
            see="model-not-found",
        )
    if path.resolve() in {each.resolve() for each in shipped.values()}:
        return ModelBundle.load(path)
    from fer_edge.inference.trial import load_tried

    return load_tried(path)
