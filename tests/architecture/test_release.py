"""What a release carries is true: its list of contents, and the version that it names."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from datetime import date
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

import cut
from fer_core import __version__
from fer_core.errors import FerError
from fer_edge.deployment.signing.file_signature import sign_file, unsigned
from fer_edge.deployment.signing.keys import SigningKey

ROOT = Path(__file__).parents[2]


def test_the_list_of_what_ships_is_true() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "release" / "sbom.py", "--check"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not Path("/bin/sh").exists(), reason="a shell script")
def test_an_image_whose_debian_is_not_whole_is_not_made(tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, does in {
        "dpkg": "echo amd64",
        "mmdebstrap": 'for last; do :; done; mkdir -p "$last/etc/ssl/certs"; exit 1',
        "buildah": f"touch {tmp_path}/made",
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/sh", ROOT / "release" / "image.sh", "fer_edge_kit-1.0-py3.whl", tmp_path / "out"],
        env={**os.environ, "PATH": path, "SOURCE_DATE_EPOCH": "1", "PYTHON": "false"},
        check=False,
    )
    assert done.returncode != 0
    assert not (tmp_path / "made").exists()


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """release/signatures.py, which is a program, as a module."""
    monkeypatch.syspath_prepend(ROOT / "release")
    return import_module("signatures")


@pytest.fixture
def tree(tmp_path: Path, signatures: ModuleType) -> Path:
    """A folder with the shipped models of which two are not signed by the release key."""
    models = tmp_path / signatures.MODELS
    models.mkdir(parents=True)
    for file in (ROOT / signatures.MODELS).glob("*.tflite"):
        (models / file.name).write_bytes(file.read_bytes())
    nano, small = models / "fer-nano-int8.tflite", models / "fer-small-int8.tflite"
    nano.write_bytes(unsigned(nano.read_bytes()))
    sign_file(small, SigningKey.make(tmp_path / "other.pem"))
    return tmp_path


def test_all_shipped_models_are_signed(signatures: ModuleType) -> None:
    assert len(list((ROOT / signatures.MODELS).glob("*.tflite"))) == 6
    signatures.require_signed(ROOT)


def test_models_that_are_not_signed_are_not_released(signatures: ModuleType, tree: Path) -> None:
    with pytest.raises(FerError) as refused:
        signatures.require_signed(tree)
    names = "fer-nano-int8.tflite, fer-small-int8.tflite"
    assert str(refused.value).startswith(f"not signed by the release key: {names}. Set FER_REL")


def test_only_the_release_key_signs_a_release(
    signatures: ModuleType, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(FerError, match=r"names another key than release_key\.py has"):
        signatures.sign(tree, tree / "other.pem")
    with pytest.raises(FerError, match="there is no key"):
        signatures.sign(tree, tree / "no.pem")
    assert len(signatures.unsigned(tree)) == 2
    monkeypatch.setattr(signatures, "RELEASE_KEY", SigningKey.load(tree / "other.pem").public)
    signed = [file.name for file in signatures.sign(tree, tree / "other.pem")]
    assert len(signed) == 5
    assert "fer-small-int8.tflite" not in signed
    signatures.require_signed(tree)


def test_the_wheel_holds_the_list() -> None:
    wheels = sorted((ROOT / "dist").glob("*.whl"))
    if not wheels:
        pytest.skip("there is no built wheel: make build")
    with zipfile.ZipFile(wheels[-1]) as wheel:
        (name,) = (name for name in wheel.namelist() if "/sboms/" in name)
        assert wheel.read(name) == (ROOT / "release" / "sbom.cdx.json").read_bytes()
        assert name.startswith(f"fer_edge_kit-{__version__}.dist-info/")


def test_all_places_name_this_version() -> None:
    assert cut.named(ROOT) == dict.fromkeys(cut.PLACES, __version__)
    assert cut.differing(ROOT, __version__) == []
    assert f"{cut.CITATION}: {__version__}" in cut.differing(ROOT, "9.9.9")


def test_a_page_with_two_versions_is_named(project: Path) -> None:
    (project / cut.PAGE).write_text("fer-edge-kit:0.9.1 and fer-edge-kit:0.9.0")
    assert cut.differing(project, "0.9.1") == [f"{cut.PAGE}: 0.9.0 and 0.9.1"]


@pytest.mark.parametrize("command", ["edge", "train", "convert", "bench"])
def test_the_commands_say_this_version(command: str) -> None:
    told = CliRunner().invoke(import_module(f"fer_{command}.cli").app, ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"{__version__}\n")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the files that name a version."""
    texts = {
        cut.COMPOSE: "services:\n  camera:\n    image: fer-edge-kit:0.9.1  # of make image\n",
        cut.PAGE: "fer-edge-kit:0.9.1 --camera 0\nfer-edge-kit:0.9.1 photo.jpg\n",
        cut.CODE: '"""Core."""\n\n__version__ = "0.9.1"\n',
        cut.CITATION: "version: 0.9.1\ndate-released: 2026-01-02\nlicense: Apache-2.0\n",
        cut.CHANGELOG: "# Changelog\n\n## [Unreleased]\n\n### Models\n\n- New.\n\n"
        "## [0.9.1] - 2026-01-02\n\n- Old.\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_a_version_is_cut(project: Path) -> None:
    cut.cut(project, "0.10.0", date(2026, 3, 4))
    assert cut.named(project) == dict.fromkeys(cut.PLACES, "0.10.0")
    assert (project / cut.CHANGELOG).read_text() == (
        "# Changelog\n\n## [Unreleased]\n\n## [0.10.0] - 2026-03-04\n\n### Models\n\n- New.\n\n"
        "## [0.9.1] - 2026-01-02\n\n- Old.\n"
    )
    assert "fer-edge-kit:0.10.0  # of make image\n" in (project / cut.COMPOSE).read_text()
    told = (project / cut.CITATION).read_text()
    assert told == "version: 0.10.0\ndate-released: 2026-03-04\nlicense: Apache-2.0\n"
    with pytest.raises(ValueError, match="nothing under"):
        cut.cut(project, "0.11.0", date(2026, 3, 5))


@pytest.mark.parametrize("version", ["0.9.1", "0.9.0", "1.0", "v1.0.0", "1.0.0rc1"])
def test_a_version_that_is_not_higher_is_refused(project: Path, version: str) -> None:
    before = {name: (project / name).read_text() for name in cut.PLACES}
    with pytest.raises(ValueError, match=r"above 0\.9\.1"):
        cut.cut(project, version, date(2026, 3, 4))
    assert before == {name: (project / name).read_text() for name in cut.PLACES}
