import errno
import io
import os
import re
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fer_core import files
from fer_core.errors import FerError
from fer_core.files import (
    load_arrays,
    made_folder,
    make_folder,
    write_bytes,
    write_text,
    written_beside,
)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "kept.txt"
    write_text(path, "old")
    with pytest.raises(FerError, match="No space left"), written_beside(path) as beside:
        beside.write_text("half")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_file_keeps_the_suffix(tmp_path: Path) -> None:
    with written_beside(tmp_path / "model.keras") as beside:
        assert beside.suffix == ".keras"
        assert beside.parent == tmp_path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_devices_are_written_to_and_never_replaced() -> None:
    write_bytes(Path("/dev/null"), b"x")
    assert Path("/dev/null").is_char_device()
    with pytest.raises(FerError, match="cannot write /dev/full"):
        write_bytes(Path("/dev/full"), b"x")
    assert Path("/dev/full").is_char_device()


def test_the_old_files_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("old")
    (tmp_path / "secret").chmod(0o600)
    write_text(tmp_path / "secret", "new")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="POSIX permissions")
def test_the_new_file_has_ordinary_permissions(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        write_text(tmp_path / "a", "x")
    finally:
        os.umask(umask)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FerError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "below")
    with pytest.raises(FerError, match="cannot write"):
        write_text(tmp_path / "absent" / "a", "x")


@pytest.mark.skipif(os.name != "posix", reason="names have 255 bytes")
def test_a_folder_that_was_made_and_stays_empty_is_removed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), made_folder(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
        raise KeyboardInterrupt
    assert not (tmp_path / "a").exists()
    with made_folder(tmp_path / "a" / "b") as folder:
        write_text(folder / "kept.txt", "")
    assert (tmp_path / "a" / "b" / "kept.txt").exists()
    (tmp_path / "own").mkdir()
    with made_folder(tmp_path / "own"):
        pass
    assert (tmp_path / "own").exists()


@pytest.mark.parametrize("stem", ["n" * 250, "ü" * 125])
def test_the_longest_names_can_be_written(tmp_path: Path, stem: str) -> None:
    write_text(tmp_path / f"{stem}.txt", "x")
    assert (tmp_path / f"{stem}.txt").read_text() == "x"


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folder")
def test_the_disk_has_content_and_name_before_a_write_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut a moment later brings the old file back; tests/vm cuts real power."""
    synced: list[tuple[str, str]] = []

    def fsync(handle: int) -> None:
        place = Path(f"/proc/self/fd/{handle}").readlink() if has_proc else tmp_path
        synced.append((place.name, (tmp_path / "a.txt").read_text()))

    has_proc = Path("/proc/self/fd").exists()
    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(os, "fsync", fsync)
    write_text(tmp_path / "a.txt", "new")
    assert [content for _, content in synced] == ["old", "new"]
    assert not has_proc or synced[1][0] == tmp_path.name
    synced.clear()
    write_bytes(tmp_path / "a.txt", b"newer", sync=False)
    assert synced == []


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folder")
def test_a_file_system_that_syncs_no_folders_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(said, os.strerror(said))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    said = errno.EINVAL
    write_text(tmp_path / "a.txt", "x")
    said = errno.EIO
    with pytest.raises(FerError, match=os.strerror(errno.EIO)):
        write_text(tmp_path / "a.txt", "y")


def test_an_archive_with_damaged_lzma_is_an_error_for_the_user(tmp_path: Path) -> None:
    pytest.importorskip("lzma")
    file, array = tmp_path / "a.npz", io.BytesIO()
    np.save(array, np.zeros(9))
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("pictures.npy", array.getvalue())
    content = bytearray(file.read_bytes())
    content[30 + len("pictures.npy") + 4] = 0xFF  # the first byte of LZMA's own settings
    file.write_bytes(content)
    with pytest.raises(FerError, match=re.escape(str(file))):
        load_arrays(file)


def test_a_file_that_another_process_reads_is_replaced_a_moment_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_file, refused = Path.replace, [PermissionError(13, "Access is denied")] * 2

    def as_windows_does(self: Path, target: Path) -> Path:
        if refused:
            raise refused.pop()
        return replace_file(self, target)

    monkeypatch.setattr(Path, "replace", as_windows_does)
    monkeypatch.setattr(files, "_WAITS_SECONDS", (0.0, 0.0))
    write_text(tmp_path / "history.csv", "new")
    assert (tmp_path / "history.csv").read_text() == "new"
    refused += [PermissionError(13, "Access is denied")] * 3
    with pytest.raises(FerError, match=r"cannot write .*history.csv: Access is denied"):
        write_text(tmp_path / "history.csv", "newer")
    assert (tmp_path / "history.csv").read_text() == "new"
