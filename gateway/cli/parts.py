"""`antiphon gateway`, `transcriber`, `synthesizer`, `orchestrator`: one part alone, by its own settings."""

from collections.abc import Callable
from importlib import import_module

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
