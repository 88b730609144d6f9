"""Text of strangers is data in every language that it meets."""

import csv
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_faces import draw_face
from fer_core.errors import FerError
from fer_core.logs import talk
from fer_core.readers import load_dataset
from fer_core.text import in_markdown, is_plain_name, printable, printable_name

ESCAPE = "\x1b]0;owned\x07"


def test_a_terminal_is_never_steered(capsys: pytest.CaptureFixture[str]) -> None:
    talk(quiet=False)(f"cannot read {ESCAPE}\u202ex.jpg\nnext line")
    assert capsys.readouterr().err == ("cannot read \\x1b]0;owned\\x07\\u202ex.jpg\nnext line\n")
    assert printable("glücklich 悲しい\n") == "glücklich 悲しい\n"


@pytest.mark.parametrize("name", ["a\nb", ESCAPE, "a\x00", "x\u2029y", "", "a\ud83d"])
def test_names_that_steer_are_no_names(name: str) -> None:
    assert not is_plain_name(name)
    assert is_plain_name("glücklich $x$ | */ <b>")
    assert is_plain_name("gl\udcfccklich")  # a folder's, in Latin-1


def test_a_class_whose_name_steers_is_refused_before_anything_is_trained(tmp_path: Path) -> None:
    for folder in ("happy", "sad\x1b[31m"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "a.png"), draw_face("happy", 48))
    with pytest.raises(FerError, match="is no name of a class: rename it") as refusal:
        load_dataset(tmp_path)
    assert str(refusal.value).startswith(f"{tmp_path}: ")
    held = {
        "images": np.zeros((2, 48, 48), np.uint8),
        "labels": np.arange(2),
        "usage": np.zeros(2, np.int64),
        "label_names": np.array(["a", "b\nc"]),
    }
    np.savez(tmp_path / "a.npz", **held)
    with pytest.raises(FerError, match="is no name of a class"):
        load_dataset(tmp_path / "a.npz")


def test_a_cell_stays_one_cell() -> None:
    row = f"| {in_markdown('a|b')} | 1 |"
    cells = next(csv.reader([row.replace(r"\|", "/")], delimiter="|"))
    assert len(cells) == 4
    assert in_markdown("<img src=x>`rm`") == r"\<img src=x\>\`rm\`"


def test_what_c_reads_is_what_the_label_is(tmp_path: Path) -> None:
    c_files = pytest.importorskip("fer_convert.c_files")
    labels = ['say "hi"\\', "*/ int main;", "glücklich 😀", "what??/", "\udcff", "$x$ %s"]
    source = tmp_path / "a.c"
    strings = ", ".join(map(c_files.c_string, labels))
    source.write_text(
        "#include <stdio.h>\nint main(void) {\n"
        f"  const char *labels[] = {{{strings}}};\n"
        f"  for (int i = 0; i < {len(labels)}; i++) {{ fputs(labels[i], stdout); putchar(0); }}\n"
        "  return 0;\n}\n"
    )
    try:
        subprocess.run(["cc", "-trigraphs", "-o", tmp_path / "a", source], check=True)
    except FileNotFoundError:
        pytest.skip("there is no C compiler")
    told = subprocess.run([tmp_path / "a"], capture_output=True, check=True).stdout
    wanted = [label.encode("utf-8", "surrogateescape") for label in labels]
    assert told.split(b"\0")[:-1] == wanted


def test_a_name_makes_no_second_line() -> None:
    assert printable_name("a.jpg: no face\nb.jpg: happy 99%") == "a.jpg: no face\\nb.jpg: happy 99%"
    assert printable("a\u200eb\u061cc") == "a\\u200eb\\u061cc"
