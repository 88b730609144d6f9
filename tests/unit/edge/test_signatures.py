"""Signed bundles: what holds, what does not, and what a device takes that trusts some keys."""

from __future__ import annotations

import base64
import errno
import os
import re
import sys
import zipfile
from contextlib import ExitStack
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

import pytest

pytest.importorskip("cryptography", reason="cryptography is not installed: extra [fleet]")

from commands import call_here
from fer_core.bundle import ModelBundle
from fer_core.errors import ArgumentError, FerError
from fer_core.manifest import ModelManifest
from fer_core.preprocess import InputSpec
from fer_edge.deployment.announcement import Announcement, Signed, signed_payload
from fer_edge.deployment.folder import ModelFolder
from fer_edge.deployment.intake import ModelIntake
from fer_edge.deployment.signing.file_signature import (
    FileSignature,
    UnsignedError,
    signed,
    signer_of,
    unsigned,
)
from fer_edge.deployment.signing.keys import SigningKey, canonical_key
from fer_edge.deployment.signing.own_key import own_key, own_key_file, save_signed
from fer_edge.deployment.signing.release_key import RELEASE_KEY
from fer_edge.deployment.signing.trusted import TRUSTED_FILE, TrustedKeys
from fer_edge.inference.models import shipped_models
from fer_edge.session.config import EdgeConfig
from fer_edge.session.models import make_model
from fer_edge.session.options import RunOptions
from fer_edge.session.sources import LIVE
from fer_edge.stages import StageTimes
from new_models import renamed

BUNDLE = ModelBundle(
    b"\x1c\x00\x00\x00TFL3" + bytes(range(64)),
    ModelManifest("net", ("a", "b"), InputSpec(24, 32), "int8"),
    "# card\n",
)
BARE = BUNDLE.to_bytes()
NOT_SIGNED = r"changed after it was signed|not signed"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.make(tmp_path_factory.mktemp("key") / "mine.pem")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> SigningKey:
    return SigningKey.make(tmp_path_factory.mktemp("key") / "other.pem")


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def without_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cryptography", "cryptography.exceptions"):
        monkeypatch.setitem(sys.modules, name, None)


def test_a_signed_bundle_is_a_bundle(tmp_path: Path, key: SigningKey) -> None:
    file = tmp_path / "net-int8.tflite"
    file.write_bytes(signed(BARE, key, "it"))
    bundle = ModelBundle.load(file)
    assert (bundle.model, bundle.card) == (BUNDLE.model, BUNDLE.card)
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.comment.decode().split("\n")[:2] == ["fer-edge-signature", key.public]
    assert signer_of(file.read_bytes(), "it") == key.public


def test_signing_is_repeatable_and_can_be_undone(key: SigningKey, other: SigningKey) -> None:
    once = signed(BARE, key, "it")
    assert signed(BARE, key, "it") == once
    assert signed(signed(BARE, other, "it"), key, "it") == once
    assert unsigned(once) == BARE
    assert unsigned(BARE) == BARE


def test_every_changed_byte_is_noticed(key: SigningKey) -> None:
    content = signed(BARE, key, "it")
    for position in range(len(content)):
        for bit in (1, 2, 4, 32, 128):
            changed = bytearray(content)
            changed[position] ^= bit
            with pytest.raises(FerError, match=NOT_SIGNED):
                signer_of(bytes(changed), "it")


def test_the_same_signature_in_another_spelling_is_damaged(key: SigningKey) -> None:
    """Else a file could have two hashes, and both were signed."""
    content = signed(BARE, key, "it")
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = chr(content[-4])
    twin = content[:-4] + letters[letters.index(last) ^ 1].encode() + content[-3:]
    old, new = (base64.b64decode(each[-89:-1]) for each in (content, twin))
    assert (old == new, twin == content) == (True, False)
    with pytest.raises(FerError, match="changed after it was signed, or damaged"):
        signer_of(twin, "it")


def test_bytes_that_are_cut_off_or_added_are_noticed(key: SigningKey) -> None:
    content = signed(BARE, key, "it")
    comment = content[len(BARE) :]
    for changed in (content[:-1], content[1:], content + b"\n", b"\0" + content, b"", BARE):
        with pytest.raises(FerError, match=NOT_SIGNED):
            signer_of(changed, "it")
    with pytest.raises(FerError, match="it was changed after it was signed, or damaged"):
        signer_of(renamed(BUNDLE, "evil").to_bytes() + comment, "it")


def test_a_signature_under_the_name_of_another_key_does_not_hold(
    key: SigningKey, other: SigningKey
) -> None:
    forged = signed(BARE, other, "it").replace(other.public.encode(), key.public.encode())
    with pytest.raises(FerError, match="changed after it was signed"):
        signer_of(forged, "it")


def test_a_signed_announcement_is_no_signature_of_a_file(key: SigningKey) -> None:
    """Both may be signed by one key; what stands before the bytes tells them apart."""
    announcement = Announcement("net-int8", "0" * 64, "0" * 64, 1, "", 1)
    payload = Signed.read(signed_payload(announcement, key))
    file = payload.text + b"fer-edge-signature\n" + f"{key.public}\n{payload.signature}\n".encode()
    carried = FileSignature.read(file)
    assert carried is not None
    assert carried.signed == payload.text
    with pytest.raises(FerError, match="changed after it was signed"):
        signer_of(file, "it")


def test_what_is_no_bundle_cannot_be_signed(tmp_path: Path, key: SigningKey) -> None:
    with pytest.raises(FerError, match="it cannot be signed: it is no bundle"):
        signed(BUNDLE.model, key, "it")
    (tmp_path / "a.tflite").write_bytes(BARE)
    with zipfile.ZipFile(tmp_path / "a.tflite", "a") as archive:
        archive.comment = b"of somebody else"
    with pytest.raises(FerError, match="has a comment already"):
        signed((tmp_path / "a.tflite").read_bytes(), key, "it")


def test_a_key_has_one_form(key: SigningKey) -> None:
    """Base64 can write the same bytes in several ways; a key that is forgotten has but one."""
    assert canonical_key(key.public) == key.public
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = letters[letters.index(key.public[-2]) ^ 1]
    twin = f"{key.public[:-2]}{last}="
    assert base64.b64decode(twin) == base64.b64decode(key.public)
    assert canonical_key(twin) == key.public
    assert canonical_key("QQ==") == canonical_key("") == canonical_key("A" * 43 + "\u00e9") == ""


@pytest.mark.parametrize("name", sorted(shipped_models()))
def test_the_shipped_models_are_signed_by_the_release_key(name: str) -> None:
    assert signer_of(shipped_models()[name].read_bytes(), name) == RELEASE_KEY


class Device:
    """The folder of models of a device, which takes bundles without running them."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        self.folder, self.keys = ModelFolder(path), TrustedKeys(path)
        self.intake = ModelIntake(self.folder, ModelBundle.load)

    def takes(self, content: bytes) -> bool:
        self.folder.change(lambda state: type(state)())
        self.intake.receive(content)
        return self.folder.state().running.facts.name == "net-int8"

    def refuses(self, content: bytes, why: str) -> None:
        before = sorted(self.folder.path.iterdir()), self.folder.state()
        with pytest.raises(FerError, match=why) as refused:
            self.intake.receive(content)
        assert len(str(refused.value)) < 300  # what the studio shows
        assert (sorted(self.folder.path.iterdir()), self.folder.state()) == before


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path / "models")


def test_without_trusted_keys_every_bundle_is_taken(device: Device, key: SigningKey) -> None:
    assert device.takes(BARE)
    assert device.takes(signed(BARE, key, "it"))
    assert device.keys.told() == ""


def test_with_one_only_its_bundles_are_taken(
    device: Device, key: SigningKey, other: SigningKey
) -> None:
    device.keys.trust(key.public, "laptop")
    mine = signed(BARE, key, "it")
    assert device.takes(mine)
    device.refuses(BARE, r"the model is not signed. Sign it .* fer-edge models sign FILE\.tflite")
    device.refuses(mine[:100] + b"!" + mine[101:], "the model was changed after it was signed")
    theirs = signed(BARE, other, "it")
    folder = device.folder.path
    how = f"fer-edge models trust {other.public} --models {folder}"
    with pytest.raises(FerError) as refused:
        device.intake.receive(theirs)
    assert str(refused.value).endswith(how)
    device.keys.trust(other.public)
    assert device.takes(theirs)


def test_a_key_that_is_forgotten_counts_no_more(
    device: Device, key: SigningKey, other: SigningKey
) -> None:
    device.keys.trust(key.public, "laptop")
    device.keys.trust(other.public, "desk")
    mine, theirs = signed(BARE, key, "it"), signed(BARE, other, "it")
    assert device.takes(mine)
    device.keys.forget("laptop")
    device.refuses(mine, f"{re.escape(key.public)}, a key that is not trusted here")
    with pytest.raises(FerError, match="not trusted here"):
        device.intake.use("net-int8")  # it is in the folder since before
    assert device.takes(theirs)
    device.keys.forget(other.public)
    assert device.keys.read() == {}
    device.refuses(BARE, "not signed")  # forgetting the last key opens no door
    device.refuses(theirs, "not trusted here")
    assert device.keys.told().startswith("no model is taken into ")
    assert device.intake.use("fer-nano").facts.name == "fer-nano-int8"  # it came with the program


@pytest.mark.parametrize("content", [b"no key\n", b"\xff\xfe\n", b"Zk1J= laptop\n"])
def test_a_list_that_cannot_be_read_lets_nothing_in(
    device: Device, key: SigningKey, content: bytes
) -> None:
    (device.folder.path / TRUSTED_FILE).write_bytes(content)
    device.refuses(signed(BARE, key, "it"), TRUSTED_FILE)
    assert "no model is taken: " in device.keys.told()


@pytest.mark.usefixtures("without_cryptography")
def test_a_device_without_cryptography_that_trusts_a_key_takes_none(
    device: Device, key: SigningKey
) -> None:
    with pytest.raises(FerError, match="signed bundles need cryptography: pip install"):
        device.keys.trust(key.public)
    assert device.keys.read() is None
    assert device.takes(BARE)
    (device.folder.path / TRUSTED_FILE).write_text(f"{key.public} laptop\n")
    device.refuses(signed(BARE, key, "it"), "signed bundles need cryptography: pip install")
    assert "need cryptography" in device.keys.told()


def test_a_run_says_whose_models_it_takes(
    device: Device, key: SigningKey, capsys: pytest.CaptureFixture[str]
) -> None:
    options = RunOptions(EdgeConfig(camera="0", show=False, models=str(device.folder.path)))

    def told() -> list[str]:
        with ExitStack() as stack:
            make_model(options, LIVE, stack, StageTimes())
        return capsys.readouterr().err.splitlines()

    assert len(told()) == 1
    device.keys.trust(key.public, "laptop")
    device.keys.trust("release")
    taken = f"only models signed by laptop, release are taken into {device.folder.path}"
    assert told()[1:] == [taken]


def test_names_of_keys_are_told_apart(device: Device, key: SigningKey, other: SigningKey) -> None:
    device.keys.trust(key.public, "laptop")
    with pytest.raises(ArgumentError, match="another key is called laptop"):
        device.keys.trust(other.public, "laptop")
    for name in ("a\nb", "a" * 101):
        with pytest.raises(ArgumentError, match="cannot be called"):
            device.keys.trust(other.public, name)
    device.keys.trust(key.public, "desk")
    assert device.keys.trust("release") == RELEASE_KEY
    assert device.keys.read() == {key.public: "desk", RELEASE_KEY: "release"}
    with pytest.raises(ArgumentError, match="'abc' is no key: give the 44 characters"):
        device.keys.trust("abc")
    with pytest.raises(FerError, match=r"no key 'laptop' is trusted here; there are: desk "):
        device.keys.forget("laptop")


def test_a_key_of_ones_own_is_made_once_and_secret(tmp_path: Path) -> None:
    file = tmp_path / "a.tflite"
    told = save_signed(BUNDLE, file)
    place = own_key_file()
    assert told.startswith(f"signed with a new key of yours, {place}: fer-edge models key")
    assert place.stat().st_mode & 0o077 == 0
    assert list(place.parent.iterdir()) == [place]
    assert save_signed(BUNDLE, tmp_path / "b.tflite") == ""
    assert file.read_bytes() == (tmp_path / "b.tflite").read_bytes()
    assert signer_of(file.read_bytes(), "it") == own_key()[0].public


def test_a_full_disk_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, full = tmp_path / "fleet.pem", OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", mock.Mock(side_effect=full))
        with pytest.raises(FerError, match=r"cannot write the key .*fleet.pem: No space left"):
            SigningKey.make(file)
    assert not file.exists()
    made = SigningKey.make(file)
    with pytest.raises(FerError, match="File exists"):
        SigningKey.make(file)
    assert SigningKey.load(file).public == made.public


def test_a_bundle_is_written_though_the_key_cannot_be_used(tmp_path: Path) -> None:
    own_key_file().parent.mkdir(parents=True)
    own_key_file().write_text("none")
    file = tmp_path / "a.tflite"
    assert "a.tflite is not signed: " in save_signed(BUNDLE, file)
    assert file.read_bytes() == BARE
    own_key_file().unlink()
    own_key()
    own_key_file().chmod(0o644)
    assert "other users may read the key" in save_signed(BUNDLE, file)
    assert file.read_bytes() == BARE


@pytest.mark.usefixtures("without_cryptography")
def test_without_cryptography_a_bundle_is_not_signed_and_that_is_told_once(tmp_path: Path) -> None:
    file = tmp_path / "a.tflite"
    assert "a.tflite is not signed: signed bundles need crypto" in save_signed(BUNDLE, file)
    assert file.read_bytes() == BARE
    assert save_signed(BUNDLE, file) == ""
    assert not own_key_file().exists()


def models(folder: Path, *words: object, code: int = 0) -> CompletedProcess[str]:
    return call_here("fer-edge", "models", *words, cwd=folder, code=code)


def test_from_a_new_key_to_a_device_that_trusts_it(tmp_path: Path, nano: ModelBundle) -> None:
    (tmp_path / "old.tflite").write_bytes(renamed(nano, "old").to_bytes())
    refused = models(tmp_path, "verify", "old.tflite", code=1)
    assert (
        "old.tflite is not signed. Sign it where it was made: fer-edge models sign FILE"
        in refused.stderr
    )
    shown = models(tmp_path, "key")
    key = shown.stdout.strip()
    assert f"fer-edge models trust {key}\n" in shown.stderr
    assert "models-key.pem is secret" in shown.stderr
    done = models(tmp_path, "sign", "old.tflite")
    assert done.stdout == f"old.tflite: signed by {key}\n"
    done = models(tmp_path, "verify", "old.tflite", "fer-nano")
    assert done.stdout.splitlines()[0] == f"old.tflite: signed by you {key}"
    assert done.stdout.splitlines()[1].endswith(f"signed by release {RELEASE_KEY}")

    assert "there is no folder models: " in models(tmp_path, "trust", key, code=1).stderr
    (tmp_path / "models").mkdir()
    done = models(tmp_path, "trust", "release")
    told, hint = done.stdout.splitlines()
    assert told == "only models signed by release are taken into models"
    assert hint.startswith("no run has used")
    assert hint.endswith("is it the folder of --models?")
    how = f"If you know it: fer-edge models trust {key} --models {tmp_path / 'models'}\n"
    for words in (("verify", "old.tflite"), ("use", "old.tflite")):
        refused = models(tmp_path, *words, code=1)
        assert how in refused.stderr
    models(tmp_path, "trust", key, "--name", "laptop")
    assert models(tmp_path, "verify", "old.tflite").stdout.endswith(f"by laptop {key}\n")
    models(tmp_path, "use", "old.tflite")
    listed = models(tmp_path, "list").stdout.splitlines()
    assert listed[-2:] == [f"trusts   release {RELEASE_KEY}", f"trusts   laptop {key}"]
    done = models(tmp_path, "forget", "laptop")
    assert done.stdout.splitlines() == [
        "only models signed by release are taken into models",
        "models/old-int8.tflite was signed by it and is in use; fer-edge models back returns to "
        "the one before",
    ]
    models(tmp_path, "back")
    models(tmp_path, "forget", "release")
    assert models(tmp_path, "list").stdout.splitlines()[-1] == (
        "trusts   no key: no model is taken"
    )


def test_a_name_that_two_keys_have_forgets_neither(tmp_path: Path, key: SigningKey) -> None:
    other = SigningKey.make(tmp_path / "other.pem").public
    (tmp_path / "trusted_keys").write_text(f"{key.public} laptop\n{other} laptop\n")
    with pytest.raises(
        FerError, match=f"2 keys are called laptop: give the key, .* or {re.escape(other)}"
    ):
        TrustedKeys(tmp_path).forget("laptop")
    assert set(TrustedKeys(tmp_path).read() or ()) == {key.public, other}


def test_a_folder_that_is_named_has_to_be_there(tmp_path: Path) -> None:
    refused = models(tmp_path, "verify", "fer-nano", "--models", "typo", code=1)
    assert "there is no folder typo" in refused.stderr
    assert not refused.stdout


def test_what_is_not_right_is_told_for_each_file(
    tmp_path: Path, key: SigningKey, nano: ModelBundle
) -> None:
    content = signed(nano.to_bytes(), key, "it")
    (tmp_path / "theirs.tflite").write_bytes(content)
    (tmp_path / "changed.tflite").write_bytes(content[:500] + b"\0\1\2" + content[503:])
    refused = models(
        tmp_path, "verify", "theirs.tflite", "fer-nano", "changed.tflite", "no.tflite", code=1
    )
    assert "signed by release" in refused.stdout
    assert refused.stderr.splitlines() == [
        f"fer-edge: theirs.tflite is signed by {key.public}, a key that is not trusted here. If "
        f"you know it: fer-edge models trust {key.public} --models {tmp_path / 'models'}",
        "changed.tflite was changed after it was signed, or damaged: copy it again",
        "cannot read no.tflite: No such file or directory",
        "see docs/troubleshooting.md#signer-unknown",
    ]
    refused = models(tmp_path, "sign", "changed.tflite", code=1)
    assert "changed.tflite is damaged" in refused.stderr
    refused = models(tmp_path, "sign", "theirs.tflite", "--key", "no.pem", code=1)
    assert "there is no key no.pem: fer-edge models key no.pem makes one" in refused.stderr
    models(tmp_path, "key", "no.pem")
    done = models(tmp_path, "sign", "theirs.tflite", "--key", "no.pem")
    assert key.public not in done.stdout


def test_an_unsigned_file_is_an_error_of_its_own() -> None:
    with pytest.raises(UnsignedError, match="it is not signed"):
        signer_of(BARE, "it")


def test_no_other_key_is_called_release(tmp_path: Path, key: SigningKey) -> None:
    trusted = TrustedKeys(tmp_path)
    with pytest.raises(ArgumentError, match="only the key of releases is called release"):
        trusted.trust(key.public, "release")
    (tmp_path / TRUSTED_FILE).write_text(f"{key.public} release\n")  # by hand
    assert trusted.read() == {key.public: ""}
