"""Faces and errors as Parquet files; the only file that names pyarrow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_core.errors import FerError
from fer_core.files import make_folder, written_beside
from fer_core.text import distinct_bytes
from fer_core.values import Observation

try:
    import pyarrow as pa
    from pyarrow import parquet
except ImportError as missing:
    raise FerError("fer-edge score writes Parquet: pip install '.[score]'") from missing

_IN_A_FOLDER = 1_000_000
_ROWS = 50_000
_BOX = pa.struct([(side, pa.int32()) for side in ("x", "y", "width", "height")])
_POINT = pa.struct([(side, pa.float32()) for side in ("x", "y")])
_ERRORS = pa.schema([("source", pa.string()), ("reason", pa.string())])


@dataclass(frozen=True, slots=True)
class Row:
    """One face of a source.

    Attributes:
        seen: What was seen; box and landmarks in pixels of the file.
        sharpness: That of the crop that was classified, see `fer_core.sharpness`.
    """

    source: str
    seen: Observation
    sharpness: float


def shard_file(out: Path, first: int, count: int) -> Path:
    """Return where the faces of so many sources go."""
    folder = f"{first // _IN_A_FOLDER:04d}"
    return out / "faces" / folder / f"{first % _IN_A_FOLDER:06d}-{count}.parquet"


def shard_range(file: Path) -> tuple[int, int]:
    """Return the first source of a shard and how many it covers, as its name says.

    Raises:
        ValueError: It is no shard.
    """
    first, _, count = file.stem.partition("-")
    return int(file.parent.name) * _IN_A_FOLDER + int(first), int(count)


def write_faces(file: Path, rows: Sequence[Row], labels: Sequence[str]) -> int:
    """Write a shard whole or not at all; return its size in bytes.

    Raises:
        FerError: The system refuses the write.
    """
    make_folder(file.parent)
    table = pa.Table.from_pylist([_values(row) for row in rows], _schema(labels))
    return _write(file, [table], table.schema)


def write_errors(file: Path, errors: Iterable[tuple[str, str]]) -> int:
    """Write sources and reasons whole or not at all; return the file's size in bytes.

    Raises:
        FerError: The system refuses the write.
    """
    return _write(file, _error_tables(errors), _ERRORS)


def read_faces(file: Path, columns: Sequence[str]) -> dict[str, list[Any]]:
    """Return columns of a shard, a value a face.

    Raises:
        FerError: It cannot be read.
    """
    try:
        found: dict[str, list[Any]] = parquet.read_table(file, columns=list(columns)).to_pydict()
    except (OSError, pa.ArrowException) as error:
        raise FerError(f"cannot read {file}: {error}") from error
    return found


def plain(text: str) -> str:
    """Return a name as Parquet holds it: bytes that are no UTF-8 are escaped."""
    return distinct_bytes(text).decode("utf-8", "backslashreplace")


def _write(file: Path, tables: Iterable[Any], schema: Any) -> int:
    with written_beside(file) as beside:
        with parquet.ParquetWriter(beside, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)
        return beside.stat().st_size


def _error_tables(errors: Iterable[tuple[str, str]]) -> Iterator[Any]:
    rows: list[dict[str, str]] = []
    for source, reason in errors:
        rows.append({"source": plain(source), "reason": plain(reason)})
        if len(rows) == _ROWS:
            yield pa.Table.from_pylist(rows, _ERRORS)
            rows = []
    if rows:
        yield pa.Table.from_pylist(rows, _ERRORS)


def _schema(labels: Sequence[str]) -> Any:
    columns = {
        "source": pa.string(),
        "frame": pa.int64(),
        "time_s": pa.float64(),
        "box": _BOX,
        "size_px": pa.int32(),
        "landmarks": pa.list_(_POINT),
        "roll_degrees": pa.float32(),
        "label": pa.string(),
        "confidence": pa.float32(),
        "probabilities": pa.struct([(label, pa.float32()) for label in labels]),
        "sharpness": pa.float32(),
    }
    return pa.schema(list(columns.items()))


def _values(row: Row) -> dict[str, Any]:
    face, box, seen = row.seen.face, row.seen.box, row.seen.prediction
    return {
        "source": plain(row.source),
        "frame": row.seen.frame_index,
        "time_s": row.seen.captured_at,
        "box": {"x": box.x, "y": box.y, "width": box.width, "height": box.height},
        "size_px": min(box.width, box.height),
        "landmarks": [{"x": x, "y": y} for x, y in face.landmarks],
        "roll_degrees": face.roll_degrees,
        "label": seen.label,
        "confidence": seen.confidence,
        "probabilities": dict(zip(seen.labels, map(float, seen.probabilities), strict=True)),
        "sharpness": row.sharpness,
    }
