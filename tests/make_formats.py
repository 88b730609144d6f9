"""Makes fer-nano in every format, for the device tests: python tests/make_formats.py FOLDER."""

import sys
from pathlib import Path

from commands import call_here
from drawn_faces import drawn_dataset, save_npz


def main(folder: Path) -> None:
    """Convert with drawn faces: what counts is that the files run, not what they lose.

    Both conversions share this process, since importing TensorFlow takes seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = save_npz(folder / "drawn.npz", drawn_dataset((8, 4, 1)))
    options = ("--max-drop", 200, "--runtime-floor", "2.14", "--out", folder)
    call_here("fer-convert", "fer-nano", "--all", "--data", data, *options, cwd=folder)
    kept = ("--int8", "--keep-float", "logits")
    call_here("fer-convert", "fer-nano", *kept, "--data", data, *options, cwd=folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
