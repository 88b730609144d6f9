"""An executor without threads."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from fer_core.errors import FerError


class AtOnce:
    """An executor that has done its work when it is asked."""

    def submit(self, work: Any, *given: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*given))
        except FerError as error:
            done.set_exception(error)
        return done
