"""The commands fer-edge fleet, fleet push, fleet withdraw and fleet key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fer_core.command import DefaultCommand, Quiet, make_app
from fer_core.help import with_examples
from fer_core.logs import log_to_stderr, talk

if TYPE_CHECKING:
    from fer_edge.session.config import EdgeConfig

fleet_app = make_app()
PORT = "8090"
"""Where the page is served unless the settings say otherwise."""
Broker = Annotated[str, typer.Option("--mqtt", help="mqtt://HOST or mqtts://HOST of the broker.")]
User = Annotated[
    str, typer.Option(help="User name at the broker. $FER_EDGE_MQTT_PASSWORD has the password.")
]
Config = Annotated[
    Path | None,
    typer.Option(help="A TOML file with mqtt, mqtt_user, mqtt_password, serve, https and token."),
]


@fleet_app.command(
    cls=with_examples(
        "fer-edge fleet --mqtt mqtt://broker.local",
        "fer-edge fleet --config fleet.toml --serve 0.0.0.0:8090 --https",
        kind=DefaultCommand,
    )
)
def run(
    mqtt: Broker = "",
    mqtt_user: User = "",
    serve: Annotated[
        str, typer.Option(help="Serve the page on PORT or HOST:PORT. Default: 8090.")
    ] = "",
    https: Annotated[
        bool,
        typer.Option(
            "--https", help="Encrypt the page with a certificate that this computer makes."
        ),
    ] = False,
    config: Config = None,
    quiet: Quiet = False,
) -> None:
    """Show all devices of a broker on one page: alive, late, away, hot, with a wrong bundle."""
    import threading
    from dataclasses import replace

    from fer_core.entry import INTERRUPTED
    from fer_edge.fleet.fleet import Fleet
    from fer_edge.fleet.listener import FleetListener
    from fer_edge.fleet.requests import make_handler
    from fer_edge.page.door import Door
    from fer_edge.page.server import PageServer
    from fer_edge.session.addresses import mqtt_settings, page_access
    from fer_edge.session.signals import Signals

    log_to_stderr("fer-edge")
    settings = _settings(config, mqtt, mqtt_user, serve or None, https or None)
    settings = settings if settings.serve else replace(settings, serve=PORT)
    door, fleet, say = Door.of(page_access(settings)), Fleet(), talk(quiet)
    listener, stop = FleetListener(mqtt_settings(settings), fleet), threading.Event()
    with Signals(stop) as signals, PageServer(make_handler(fleet, door), stop.set), listener:
        say(f"page: {door.access.address.url}")
        if door.certificate:
            say(f"certificate (SHA-256): {door.certificate.fingerprint}")
        signals.in_loop = True
        while not stop.wait(0.5):  # on Windows, Ctrl-C interrupts no wait without an end
            pass
    raise typer.Exit(INTERRUPTED)


@fleet_app.command(
    cls=with_examples(
        "fer-edge fleet push mine-int8.tflite --mqtt mqtt://broker.local --key fleet.pem",
        "fer-edge fleet push mine-int8.tflite --config fleet.toml --key fleet.pem --device shop-1",
    )
)
def push(
    bundle: Annotated[Path, typer.Argument(help="A .tflite bundle of fer-convert.")],
    key: Annotated[
        Path, typer.Option(help="The file of the secret key that fer-edge fleet key made.")
    ],
    mqtt: Broker = "",
    device: Annotated[
        str, typer.Option(help="Publish for this device only. Default: for all.")
    ] = "",
    mqtt_user: User = "",
    config: Config = None,
) -> None:
    """Publish a bundle, signed: each device tries it for a minute, keeps it or goes back."""
    from fer_core.text import printable_name
    from fer_edge.deployment.signing.keys import SigningKey
    from fer_edge.fleet.push import push as publish
    from fer_edge.session.addresses import mqtt_settings

    settings = _settings(config, mqtt, mqtt_user)
    where = mqtt_settings(settings)
    pushed = publish(where, bundle, SigningKey.load(key), device)
    announced, takers = pushed.announcement, pushed.devices
    if device:
        whom = device if takers else f"{device}, of which the broker knows nothing yet"
    else:
        whom = f"all devices, of which the broker knows {len(takers)} now"
    mark = f"{announced.bundle} {announced.network[:12]}"
    print(printable_name(f"published {mark} for {whom}"))
    for name, why in sorted(takers.items()):
        if why:
            print(printable_name(f"{name} will not take it: {why}"))
    print(f"to see whether each device keeps it: fer-edge fleet --mqtt {settings.mqtt}")


@fleet_app.command(cls=with_examples("fer-edge fleet withdraw --mqtt mqtt://broker.local"))
def withdraw(
    mqtt: Broker = "",
    device: Annotated[
        str, typer.Option(help="What was published for this device only. Default: what is for all.")
    ] = "",
    mqtt_user: User = "",
    config: Config = None,
) -> None:
    """Stop publishing a bundle: devices keep what they have, new ones take none."""
    from fer_core.text import printable_name
    from fer_edge.fleet.push import withdraw as take_away
    from fer_edge.session.addresses import mqtt_settings

    name = take_away(mqtt_settings(_settings(config, mqtt, mqtt_user)), device)
    whom = device or "all devices"
    done = f"{name} for {whom} is withdrawn" if name else f"nothing is published for {whom}"
    print(printable_name(done))


@fleet_app.command(cls=with_examples("fer-edge fleet key fleet.pem"))
def key(file: Annotated[Path, typer.Argument(help="Where the secret key is, or will be.")]) -> None:
    """Make a secret key if there is none, and print the line for each device's settings."""
    from fer_edge.deployment.signing.keys import SigningKey

    secret = SigningKey.load(file) if file.exists() else SigningKey.make(file)
    print(f'fleet_key = "{secret.public}"')
    talk(False)(
        f"{file} is secret: everyone who has it can change the model of every device with this line"
    )


def _settings(
    config: Path | None,
    mqtt: str,
    mqtt_user: str,
    serve: str | None = None,
    https: bool | None = None,
) -> EdgeConfig:
    """Return the settings of a file, of the command line and of the environment.

    None leaves a setting to the file.
    """
    from fer_core.errors import ArgumentError
    from fer_edge.session.secrets import load_with_secrets

    given = {"mqtt": mqtt or None, "mqtt_user": mqtt_user or None, "serve": serve, "https": https}
    settings = load_with_secrets(config, given)
    if not settings.mqtt:
        raise ArgumentError("say where the broker is: --mqtt mqtt://HOST, or mqtt in --config FILE")
    return settings
