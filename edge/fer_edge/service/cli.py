"""The commands fer-edge service install, status, remove and show."""

from __future__ import annotations

import os
from typing import Any

import typer

from fer_core.errors import ArgumentError
from fer_core.help import with_examples
from fer_core.logs import LOG_FORMAT_OPTION, asked_log_format, talk

service_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True}


@service_app.command(
    context_settings=_PASSED_ON,
    cls=with_examples(
        "sudo ~/fer/bin/fer-edge service install --camera 0 --events events.jsonl",
        "sudo ~/fer/bin/fer-edge service install --config camera.toml",
    ),
)
def install(ctx: typer.Context) -> None:
    """Run fer-edge with the options that follow, from now on and after every boot."""
    from fer_edge.service.install import Service, this_user
    from fer_edge.service.unit import NAME, STATE

    Service().install(_understood(ctx), this_user())
    print(f"{NAME} runs; its files are in {STATE}; its log: journalctl -u {NAME} -f")


@service_app.command(
    context_settings=_PASSED_ON, cls=with_examples("fer-edge service show --config camera.toml")
)
def show(ctx: typer.Context) -> None:
    """Print the unit that `install` would write with the options that follow."""
    from fer_edge.service.install import this_program, this_user
    from fer_edge.service.unit import unit_text

    print(unit_text(_understood(ctx), this_program(), this_user()), end="")
    if this_user() == "root":
        talk(False)("this service would run as root: call it with sudo from an ordinary user")


@service_app.command(cls=with_examples("fer-edge service status"))
def status() -> None:
    """Print what systemd says of the service; exit with 0 when it is active, else with 1."""
    from fer_edge.service.install import Service

    answer = Service().status()
    print(f"{answer.stdout}{answer.stderr}", end="")
    raise typer.Exit(int(answer.returncode != 0))


@service_app.command(cls=with_examples("sudo ~/fer/bin/fer-edge service remove"))
def remove() -> None:
    """Stop the service and remove it. What it has written stays."""
    from fer_edge.service.install import Service
    from fer_edge.service.unit import NAME, STATE

    removed = Service().remove()
    print(f"removed; {STATE} stays" if removed else f"there is no service {NAME}")


def _understood(ctx: typer.Context) -> list[str]:
    """Return the words left over; end with a usage error for what fer-edge would not take.

    A service that is started with a wrong option would only say so in the journal: so all that
    fer-edge checks before it opens anything is checked here, in the environment of the service.
    """
    from fer_edge.service.install import this_program, this_user
    from fer_edge.service.places import seen_homes
    from fer_edge.service.unit import require_for_a_service, service_environment
    from fer_edge.session.options import read_options
    from fer_edge.session.secrets import SECRETS

    words = list(ctx.args)
    if asked := asked_log_format():
        words += [LOG_FORMAT_OPTION, asked]
    root: Any = ctx.find_root().command
    run = getattr(root, "commands", {}).get("run")
    if run is not None:
        given = service_environment()
        for variable in SECRETS.values():  # those of this shell are not the service's
            os.environ[variable] = given.get(variable, "")
        if not words and not given.get(SECRETS["camera"]):
            raise ArgumentError(
                "say what the service watches, as --camera 0 or --config ~/fer-edge.toml"
            )
        options = read_options(run.make_context("fer-edge", list(words)).params)
        require_for_a_service(options, seen_homes(this_program(), this_user()))
    return words
