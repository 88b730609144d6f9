"""Where `--on` says that work runs."""

import pytest

from fer_core.errors import ArgumentError
from fer_core.pools import Place, read_place


@pytest.mark.parametrize(
    ("on", "place"),
    [
        ("local", Place()),
        ("local:4", Place(workers=4)),
        ("ray", Place(cluster="ray")),
        ("ray://head", Place(cluster="ray://head:10001")),
        ("ray://10.0.0.1:6001", Place(cluster="ray://10.0.0.1:6001")),
        ("ray://[::1]:6001", Place(cluster="ray://[::1]:6001")),
    ],
)
def test_on_names_a_place(on: str, place: Place) -> None:
    assert read_place(on) == place


@pytest.mark.parametrize(
    "on", ["", "locale", "local:", "local:x", "local:0", "local:1025", "ray:x", "ray://", "http"]
)
def test_a_wrong_on_is_refused(on: str) -> None:
    with pytest.raises(ArgumentError, match="--on"):
        read_place(on)


@pytest.mark.parametrize("on", ["ray://host:port", "ray://a/b", "ray://host:", "ray://a b"])
def test_a_head_that_is_none_is_refused(on: str) -> None:
    with pytest.raises(ArgumentError, match="ray or ray://HEAD:PORT"):
        read_place(on)
