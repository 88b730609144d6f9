"""Where an MQTT broker is, and what this device is called there."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from fer_core.errors import ArgumentError

_ADDRESS = re.compile(r"(?a)(mqtts?)://(\[[\da-f:]+]|[\w-]{1,63}(?:\.[\w-]{1,63})*)(?::(\d+))?/?")
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class MqttSettings:
    """Where the broker is, and what this device is called there.

    Topics begin with `fer-edge/NAME`; no two runners at one broker may share a name. With `tls`
    the system, or the file that SSL_CERT_FILE names, must vouch for the broker's certificate.

    Raises:
        ArgumentError: The name holds other characters, or there is a password without a user.
    """

    host: str
    port: int = 1883
    name: str = "fer-edge"
    user: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    discovery_prefix: str = "homeassistant"

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9_-]+", self.name):
            raise ArgumentError(f"mqtt_name must be made of a-z, 0-9, _ and -, got {self.name!r}")
        if self.password and not self.user:
            raise ArgumentError("mqtt_password needs an mqtt_user")

    @classmethod
    def of(cls, address: str, name: str, user: str, password: str) -> MqttSettings:
        """Read an address and what goes with it.

        Args:
            address: `mqtt://HOST[:PORT]`, or `mqtts://` for TLS.
            name: What this device is called.
            user: Who the broker knows it as; empty for nobody.
            password: Empty for none.

        Raises:
            ArgumentError: The address is another, or holds a secret, or the rest does not fit.
        """
        if "@" in address:  # not shown: it may hold a password
            where = "a configuration file of mode 0600, or the environment"
            raise ArgumentError(
                f"mqtt takes no secret: mqtt_user and mqtt_password go into {where}"
            )
        match = _ADDRESS.fullmatch(address)
        port = int(match[3] or _PORTS[match[1]]) if match else 0
        if not match or not 0 < port < 65536:
            raise ArgumentError(
                f"mqtt must be mqtt[s]://HOST or mqtt[s]://HOST:PORT: {address!r}",
                see="mqtt-address",
            )
        return cls(match[2].strip("[]"), port, name, user, password, tls=match[1] == "mqtts")
