"""A model bundle: one .tflite file with its manifest zipped behind it.

TFLite packs associated files this way (a zip archive appended to the flatbuffer): any TFLite
runtime loads the file, and `unzip -l model.tflite` lists what it carries.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

from fer_core.errors import FerError
from fer_core.files import ZIP_ERRORS, write_bytes
from fer_core.manifest import ModelManifest
from fer_core.text import on_paper, typed

MOST_MODEL_BYTES = 16 * 2**20
"""How large a bundle may be that a device takes while it runs."""
_MOST_TEXT_BYTES = 16_000_000
"""What manifest and card may hold unpacked: a zip of a kilobyte can hold gigabytes."""
_EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed date keeps bundles byte-identical


@dataclass(frozen=True, slots=True, eq=False)
class ModelBundle:
    """A flatbuffer with its manifest and model card; `path` is where it was loaded from."""

    model: bytes
    manifest: ModelManifest
    card: str = ""
    path: Path | None = None

    @property
    def name(self) -> str:
        """The model's name and recipe, such as fer-nano-int8."""
        return f"{self.manifest.name}-{self.manifest.recipe}"

    def answers_as(self, other: ModelBundle) -> bool:
        """Return whether both give the same answers to the same pictures."""
        mine, its = (
            (each.model, each.manifest.labels, each.manifest.input, each.manifest.output)
            for each in (self, other)
        )
        return mine == its and self.manifest.temperature == other.manifest.temperature

    def to_bytes(self) -> bytes:
        """Return the flatbuffer with the zip archive behind it."""
        manifest = replace(self.manifest, sha256=hashlib.sha256(self.model).hexdigest())
        buffer = io.BytesIO(self.model)
        members = {
            "manifest.json": manifest.to_json(),
            "labels.txt": "\n".join(manifest.labels) + "\n",
            "MODEL_CARD.md": self.card,
        }
        with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
            for name, text in members.items():
                info = zipfile.ZipInfo(name, _EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(info, on_paper(text))
        return buffer.getvalue()

    def save(self, path: Path) -> None:
        """Write the bundle whole or not at all.

        Raises:
            FerError: The file cannot be written.
        """
        write_bytes(path, self.to_bytes())

    @classmethod
    def load(cls, path: Path) -> ModelBundle:
        """Return the bundle in a file, its hash checked.

        Raises:
            FerError: The file cannot be read, is no bundle, or is damaged.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise FerError(
                f"cannot read the model {path}: {error.strerror}", see="model-not-found"
            ) from error
        return cls._from_bytes(content, path)

    @classmethod
    def _from_bytes(cls, content: bytes, path: Path) -> ModelBundle:
        again = "Copy it again, or make it again with fer-convert."
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                start = archive_start(archive)
                text = _read_text(archive, "manifest.json")
                card = _read_text(archive, "MODEL_CARD.md")
        except (*ZIP_ERRORS, ValueError, EOFError, OSError) as error:
            raise FerError(
                f"{path} carries no readable manifest: it is damaged, cut short, or was not "
                f"made by fer-convert. {again} A .tflite file from elsewhere becomes a bundle by "
                f"fer-convert adopt {typed(path)} --labels happy,sad,...",
                see="model-without-manifest",
            ) from error
        manifest = ModelManifest.from_json(text)
        if hashlib.sha256(content[:start]).hexdigest() != manifest.sha256:
            raise FerError(
                f"{path} is damaged: its hash is not the manifest's. {again}", see="model-damaged"
            )
        return cls(content[:start], manifest, card, path)


def archive_start(archive: zipfile.ZipFile) -> int:
    """Return where a zip archive begins in its file: the bytes before it are the flatbuffer."""
    return min((info.header_offset for info in archive.infolist()), default=0)


def _read_text(archive: zipfile.ZipFile, name: str) -> str:
    """Return a member as text; raise ValueError, before it is unpacked, for a foreign one."""
    member = archive.getinfo(name)
    if member.file_size > _MOST_TEXT_BYTES:
        raise ValueError(f"{name} is larger than {_MOST_TEXT_BYTES:,} bytes")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed in a way that fer-convert never uses")
    return archive.read(name).decode()
