"""Who may come in to a page, and how many may look at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fer_edge.page.access import Access

if TYPE_CHECKING:
    from fer_edge.page.certificate import Certificate

MOST_VIEWERS = 24


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in.

    Attributes:
        certificate: What the page is encrypted with; None for plain HTTP.
        closing: Set when every viewer is to go.
        guessers: The addresses that have just given a wrong token.
        viewing: A place for each stream of pictures or of a file.
        following: A place for each stream of events. A visitor has one however many cameras there
            are, so nobody is left without events for want of a place for pictures.
    """

    access: Access
    certificate: Certificate | None = None
    closing: threading.Event = field(default_factory=threading.Event)
    guessers: set[str] = field(default_factory=set)
    viewing: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_VIEWERS)
    )
    following: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(MOST_VIEWERS)
    )

    @classmethod
    def of(cls, access: Access) -> Door:
        """Return the door of an address, with this computer's certificate where it is https.

        Raises:
            FerError: There is no certificate, and none can be made.
        """
        if not access.address.https:
            return cls(access)
        from fer_edge.page.certificate import own_certificate

        return cls(access, own_certificate(access.address))
