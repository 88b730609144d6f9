"""TLS to a device that made its certificate itself: trusted by a fingerprint that a person saw."""

from __future__ import annotations

import hashlib
import ssl
from http.client import HTTPSConnection

from fer_core.errors import FerError


class UnconfirmedError(FerError):
    """A certificate that neither an authority nor the user vouches for; nothing was sent.

    Attributes:
        fingerprint: Its SHA-256, as browsers and fer-edge show it.
    """

    def __init__(self, host: str, fingerprint: str) -> None:
        super().__init__(f"{host} shows a certificate that was not confirmed: {fingerprint}")
        self.fingerprint = fingerprint


class PinnedConnection(HTTPSConnection):
    """Connects to a certificate of one fingerprint alone, whoever signed it and for which name."""

    def __init__(self, host: str, port: int, timeout: float, fingerprint: str) -> None:
        """Take where to connect; nothing is opened yet.

        Args:
            host: The device.
            port: Its port.
            timeout: How long it may be silent, in seconds.
            fingerprint: SHA-256, 32 pairs of hex digits.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        super().__init__(host, port, timeout=timeout, context=context)
        self._fingerprint = fingerprint

    def connect(self) -> None:
        """Shake hands and look at the certificate; whatever is sent comes after that.

        Raises:
            OSError: Nobody is there.
            UnconfirmedError: The certificate is another one.
        """
        super().connect()
        shown = hashlib.sha256(self.sock.getpeercert(binary_form=True) or b"").digest()
        if shown.hex() != self._fingerprint.replace(":", "").lower():
            self.close()
            raise UnconfirmedError(self.host, shown.hex(":").upper())


class VerifiedConnection(HTTPSConnection):
    """Connects to a certificate that an authority vouches for, as browsers do."""

    def connect(self) -> None:
        """Shake hands.

        Raises:
            OSError: Nobody is there.
            UnconfirmedError: No authority vouches for the certificate.
        """
        try:
            super().connect()
        except ssl.SSLCertVerificationError:
            PinnedConnection(self.host, self.port, self.timeout or 0.0, "").connect()
            raise
