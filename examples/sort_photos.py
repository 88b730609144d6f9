"""Copy photos into folders by expression: sorted/happy, sorted/sad, ..., sorted/no face.

python examples/sort_photos.py photos sorted

The largest face of a photo decides. A file that is no picture is named and left out.
"""

import shutil
import sys
from pathlib import Path

import fer_edge


def main(photos: Path, out: Path) -> None:
    """Copy each photo; the originals stay."""
    reader = fer_edge.ExpressionReader()
    for photo in sorted(photos.iterdir()):
        try:
            faces = reader.picture(photo)
        except fer_edge.FerError as error:
            print(f"left out: {error}", file=sys.stderr)
            continue
        folder = out / (faces[0].label if faces else "no face")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(photo, folder)
        print(f"{photo.name}: {folder.name}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/sort_photos.py PHOTOS SORTED")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
