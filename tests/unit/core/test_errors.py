"""Errors keep their codes on the way to the user."""

import pickle

import pytest

from fer_core.errors import ArgumentError, FerError


@pytest.mark.parametrize("kind", [FerError, ArgumentError])
def test_a_code_survives_another_process(kind: type[FerError]) -> None:
    error = pickle.loads(pickle.dumps(kind("no camera 7", see="camera-not-found")))
    assert type(error) is kind
    assert (str(error), error.see) == ("no camera 7", "camera-not-found")
    assert FerError("x").see == FerError().see == ""


def test_several_errors_have_the_first_code_among_them() -> None:
    errors = [FerError("a"), FerError("b", see="accuracy-lost"), FerError("c", see="run-exists")]
    joined = FerError.joined(errors)
    assert (str(joined), joined.see) == ("a\nb\nc", "accuracy-lost")
    assert FerError.joined(errors[:1]).see == ""
