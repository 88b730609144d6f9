"""What is known of this computer, also of systems that are not here."""

import platform
import sys

import pytest

from fer_core.cores import machine, most_processes


@pytest.mark.parametrize(
    ("system", "python", "most"),
    [("win32", (3, 12), 60), ("win32", (3, 13), sys.maxsize), ("linux", (3, 10), sys.maxsize)],
)
def test_old_pythons_wait_for_sixty_processes_on_windows(
    monkeypatch: pytest.MonkeyPatch, system: str, python: tuple[int, int], most: int
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(sys, "version_info", python)
    assert most_processes() == most


def test_a_python_of_32_bits_on_a_kernel_of_64_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(sys, "maxsize", 2**63 - 1)
    assert machine() == "aarch64"
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert machine() == "aarch64, 32-bit Python"
