"""`antiphon gateway`, `transcriber`, `synthesizer`, `orchestrator`, `speech`: one part alone, by its own settings."""

from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec

import click


def _command(name: str, module: str) -> click.Command:
    def run() -> None:
        main: Callable[[], None] = import_module(module).main
        main()

    return click.Command(name, callback=run, help=f"Run the {name} alone, until SIGTERM or Ctrl-C.")


gateway = _command("gateway", "gateway.server")
orchestrator = _command("orchestrator", "services.orchestrator.server")
synthesizer = _command("synthesizer", "services.synthesizer.server")
transcriber = _command("transcriber", "services.transcriber.server")


@click.command(
    name="speech",
    help="Run the duplex model alone, until SIGTERM or Ctrl-C; `--toy` needs neither GPU nor weights.",
    context_settings={"ignore_unknown_options": True},
    add_help_option=False,
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def speech(arguments: Sequence[str]) -> None:
    """Its own options are its own affair."""
    if find_spec("torch") is None:
        raise click.ClickException(
            "the duplex model needs torch, which is not here: pip install 'antiphon[speech]'"
        )
    main: Callable[[Sequence[str]], None] = import_module("services.speech.command").main
    main(arguments)
