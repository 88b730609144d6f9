"""The commands fer-edge models list, use, back, and those on who signed a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from fer_core.help import with_examples
from fer_edge.deployment import DEFAULT_FOLDER
from fer_edge.deployment.signing.cli import Folder, forget, key, sign, trust, verify

if TYPE_CHECKING:
    from fer_edge.deployment.folder import ModelFolder

_OF_THE_SERVICE = "--models /var/lib/fer-edge/models"
models_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@models_app.command("list", cls=with_examples(f"fer-edge models list {_OF_THE_SERVICE}"))
def list_models(models: Folder = DEFAULT_FOLDER) -> None:
    """Print the models: in use, here, shipped, taken back and why."""
    from fer_core.text import printable_name
    from fer_edge.deployment.folder import existing_folder

    for line in _told(existing_folder(models)):
        print(printable_name(line))


@models_app.command(
    cls=with_examples(
        f"fer-edge models use mine-int8.tflite {_OF_THE_SERVICE}", "fer-edge models use fer-nano"
    )
)
def use(
    name: Annotated[str, typer.Argument(help="A file, a shipped model, or one of the folder.")],
    models: Folder = DEFAULT_FOLDER,
) -> None:
    """Check a model, then try it for a minute. A run takes it within a second or two."""
    from fer_core.text import typed
    from fer_edge.deployment.folder import ModelFolder
    from fer_edge.deployment.intake import ModelIntake

    folder, is_new = ModelFolder(models), not models.is_dir()
    held = ModelIntake(folder).use(name)
    if is_new:
        print(f"made the folder {models.resolve()}, which no run has yet")
    if folder.is_run:
        print(f"{held.facts.mark} is on trial for a minute; fer-edge models list says how it goes")
    else:
        print(
            f"{held.facts.mark} is tried by the next fer-edge --camera ... --models {typed(models)}"
        )


@models_app.command(cls=with_examples(f"fer-edge models back {_OF_THE_SERVICE}"))
def back(models: Folder = DEFAULT_FOLDER) -> None:
    """Return to the model before, without a trial."""
    from fer_edge.deployment.folder import existing_folder
    from fer_edge.deployment.intake import ModelIntake

    held = ModelIntake(existing_folder(models)).back()
    print(f"back to {held.facts.mark}")


def _told(folder: ModelFolder) -> Iterator[str]:
    """Yield what there is to say of a folder, a line each."""
    from fer_core.bundle import ModelBundle
    from fer_core.errors import FerError
    from fer_edge.deployment.signing.trusted import TrustedKeys, named
    from fer_edge.deployment.state import ON_TRIAL
    from fer_edge.inference.models import ModelFacts, shipped_models

    state = folder.state()
    trial = f", {ON_TRIAL}" if state.state == ON_TRIAL else ""
    yield f"in use   {state.running.facts.mark}{trial}"
    if state.before:
        yield f"before   {state.before.facts.mark}"
    for file in folder.files():
        try:
            facts = ModelFacts.of(ModelBundle.load(file))
            yield f"here     {file.stem} {facts.sha256[:12]}: {', '.join(facts.labels)}"
        except FerError as error:
            yield f"here     {file.stem}: {error}"
    if not folder.files():
        yield "here     none yet: send one to the page of a run, or fer-edge models use FILE"
    yield f"shipped  {', '.join(shipped_models())}"
    keys = TrustedKeys(folder.path).read()
    yield from (f"trusts   {named(*each)}" for each in (keys or {}).items())
    if keys == {}:
        yield "trusts   no key: no model is taken"
    for failure in state.failures:
        yield f"failed   {failure.facts.mark} at {failure.time}: {failure.why}"


models_app.command(cls=with_examples("fer-edge models verify mine-int8.tflite fer-small"))(verify)
models_app.command(cls=with_examples(f"fer-edge models trust KEY --name laptop {_OF_THE_SERVICE}"))(
    trust
)
models_app.command(cls=with_examples(f"fer-edge models forget laptop {_OF_THE_SERVICE}"))(forget)
models_app.command(cls=with_examples("fer-edge models key"))(key)
models_app.command(cls=with_examples("fer-edge models sign mine-int8.tflite"))(sign)
