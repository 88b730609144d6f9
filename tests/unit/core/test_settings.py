from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fer_core.errors import ArgumentError, FerError
from fer_core.settings import load_settings, read_toml, settings_toml


@dataclass(frozen=True, slots=True)
class Knobs:
    epochs: int = 3
    rate: float = 0.5
    name: str = "a"
    loud: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ValueError("epochs must be at least 1")


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "knobs.toml"
    path.write_text(text)
    return path


def test_command_line_beats_file_beats_default(tmp_path: Path) -> None:
    path = write(tmp_path, "epochs = 7\nrate = 2\n")
    knobs = load_settings(Knobs, path, {"epochs": 9, "name": None})
    assert knobs == Knobs(epochs=9, rate=2.0)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    path = tmp_path / "knobs.toml"
    path.write_text("epochs = 7\n", encoding="utf-8-sig")  # as PowerShell 5 writes UTF-8
    assert load_settings(Knobs, path, {}).epochs == 7


def test_a_wrong_value_has_the_same_code_from_a_file_and_from_the_command_line(
    tmp_path: Path,
) -> None:
    with pytest.raises(FerError, match="epochs must be at least 1") as of_file:
        load_settings(Knobs, write(tmp_path, "epochs = 0\n"), {})
    with pytest.raises(ArgumentError, match=r"^epochs must be at least 1$") as of_option:
        load_settings(Knobs, None, {"epochs": 0})
    assert of_file.value.see == of_option.value.see == "setting-wrong"


def test_what_is_saved_is_what_is_read(tmp_path: Path) -> None:
    knobs = Knobs(5, 1e-4, 'C:\\data "x"', True)
    assert load_settings(Knobs, write(tmp_path, settings_toml(knobs)), {}) == knobs


@pytest.mark.parametrize(
    ("text", "message", "code"),
    [
        ("epoch = 3", "unknown key 'epoch'; the nearest known one is 'epochs'", "setting-unknown"),
        ('epochs = "3"', "epochs must be a whole number, got '3'", "setting-wrong"),
        ("loud = 1", "loud must be true or false, got 1", "setting-wrong"),
        ("epochs = 0", "epochs must be at least 1", "setting-wrong"),
        ("epochs = ", "cannot read the settings", "settings-unreadable"),
    ],
)
def test_errors_name_the_key_and_the_way_out(
    tmp_path: Path, text: str, message: str, code: str
) -> None:
    with pytest.raises(FerError, match=message) as said:
        load_settings(Knobs, write(tmp_path, text), {})
    assert said.value.see == code


def test_every_unknown_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(FerError) as said:
        load_settings(Knobs, write(tmp_path, "epoch = 3\nlouder = true"), {})
    first, second = str(said.value).splitlines()
    assert first.endswith("unknown key 'epoch'; the nearest known one is 'epochs'")
    assert second.endswith("unknown key 'louder'; the nearest known one is 'loud'")
    assert said.value.see == "setting-unknown"


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(FerError, match=r"absent\.toml") as said:
        load_settings(Knobs, tmp_path / "absent.toml", {})
    assert said.value.see == "settings-unreadable"


def test_an_earlier_name_of_a_key_is_read_with_a_hint(tmp_path: Path) -> None:
    lines: list[str] = []
    path, renamed = write(tmp_path, "rounds = 7\n"), {"rounds": "epochs"}
    assert load_settings(Knobs, path, {}, renamed, lines.append).epochs == 7
    assert len(lines) == 1
    assert "rounds is called epochs now" in lines[0]
    assert load_settings(Knobs, write(tmp_path, "epochs = 7"), {}, renamed, pytest.fail).epochs == 7
    with pytest.raises(FerError, match="rounds is called epochs now: leave rounds out"):
        load_settings(Knobs, write(tmp_path, "rounds = 7\nepochs = 8"), {}, renamed, lines.append)


def test_both_values_of_a_switch_are_written_and_read(tmp_path: Path) -> None:
    for loud in (True, False):
        assert f"loud = {str(loud).lower()}\n" in settings_toml(Knobs(loud=loud))
        path = write(tmp_path, settings_toml(Knobs(loud=loud)))
        assert load_settings(Knobs, path, {}).loud is loud


def test_a_key_far_from_every_known_one_has_a_nearest_one_all_the_same(tmp_path: Path) -> None:
    with pytest.raises(FerError, match="unknown key 'zzz'; the nearest known one is"):
        load_settings(Knobs, write(tmp_path, "zzz = 1"), {})


@dataclass(frozen=True, slots=True)
class Secretive:
    token: str = field(default="", repr=False)


def test_a_wrong_secret_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(FerError, match=r"token must be text, in quotes$"):
        load_settings(Secretive, write(tmp_path, "token = 4711"), {})


def test_text_without_quotes_is_told_to_need_them(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text("history = seen.sqlite\n")
    with pytest.raises(FerError, match=r"at line 1, column 11\); text needs quotes$"):
        read_toml(file)
    with pytest.raises(FerError, match=r"b\.toml: No such file or directory$"):
        read_toml(tmp_path / "b.toml")
