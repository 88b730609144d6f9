"""Build the sdist and the wheel twice from the last commit, and compare them byte for byte.

    python release/build.py dist/release

Each build has a folder and a umask of its own, and the time of the commit. Nothing that is not
committed gets in. What is written: both files, their list of contents (SBOM), and SHA256SUMS. The
shipped models must be signed by the release key; signatures.py says how.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from fer_core.errors import FerError
from signatures import require_signed, sign_or_require

ROOT = Path(__file__).parents[1]
SBOM = "sbom.cdx.json"


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file, by its name."""
    files = sorted(folder.iterdir())
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def build(commit: str, folder: Path, umask: int) -> Path:
    """Return the folder of what was built from a commit.

    Raises:
        CalledProcessError: git or the build fails; it has said why.
        FerError: The release key did not sign all models of the commit.
    """
    source, built = folder / "source", folder / "built"
    archive = folder / "commit.tar"
    git = ["git", "-C", str(ROOT)]
    subprocess.run([*git, "archive", "--output", str(archive), commit], check=True)
    with tarfile.open(archive) as packed:
        packed.extractall(source, filter="data")
    require_signed(source)
    shown = subprocess.run(
        [*git, "show", "--no-patch", "--format=%ct", commit], check=True, stdout=subprocess.PIPE
    )
    epoch = shown.stdout.decode().strip()
    before = os.umask(umask)
    try:
        subprocess.run(
            [sys.executable, "-m", "build", "--outdir", str(built), str(source)],
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "SOURCE_DATE_EPOCH": epoch},
        )
    finally:
        os.umask(before)
    return built


def main() -> None:
    """Build twice, compare, and keep the files with their hashes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--commit", default="HEAD")
    given = parser.parse_args()
    try:
        sign_or_require()
        build_twice(given.commit, given.out)
    except FerError as error:
        sys.exit(str(error))


def build_twice(commit: str, out: Path) -> None:
    """Keep the files of a commit in a folder if two builds are equal."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory(prefix="other") as two:
        first, second = build(commit, Path(one), 0o022), build(commit, Path(two), 0o077)
        hashes, again = digests(first), digests(second)
        if hashes != again:
            sys.exit(f"the two builds differ: {hashes} and {again}")
        out.mkdir(parents=True, exist_ok=True)
        for name in hashes:
            shutil.copyfile(first / name, out / name)
        contents = first.parent / "source" / "release" / SBOM
        shutil.copyfile(contents, out / SBOM)
        hashes[SBOM] = hashlib.sha256(contents.read_bytes()).hexdigest()
    lines = [f"{digest}  {name}\n" for name, digest in hashes.items()]
    (out / "SHA256SUMS").write_text("".join(lines))
    print("built twice, byte for byte equal:")
    print("".join(lines), end="")


if __name__ == "__main__":
    main()
