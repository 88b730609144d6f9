"""Jobs without training, for the pool."""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fer_core.errors import FerError


@dataclass(frozen=True, slots=True)
class PlainJob:
    """Does what its name says."""

    name: str
    out: Path

    @property
    def inputs(self) -> tuple[Path, ...]:
        return (self.out.parent,)

    def run(self, say: Callable[[str], None]) -> None:
        say(f"threads {os.environ['OMP_NUM_THREADS']}")
        (self.out / "begun").touch()
        if self.name == "refuse":
            raise FerError("the data is missing")
        if self.name == "break":
            raise ZeroDivisionError
        if self.name == "full":
            try:
                raise OSError(errno.ENOSPC, "No space left on device")
            except OSError as error:
                raise FerError("cannot write checkpoint.npz") from error
        if self.name == "absent":
            raise FileNotFoundError(errno.ENOENT, "No such file", "faces.npz")
        if self.name == "torn":  # as h5py does
            raise OSError("Unable to synchronously create file")
        if self.name == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.name == "end":
            os.kill(os.getpid(), signal.SIGTERM)
        if self.name == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        try:
            while self.name == "wait":
                time.sleep(0.01)
        finally:
            (self.out / "ended").touch()
