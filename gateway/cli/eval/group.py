"""The command `antiphon eval`, one module an evaluation."""

import click

from gateway.cli.lazy import Lazy, Table

COMMANDS: Table = {
    "tasks": ("gateway.cli.eval.tasks", "Speak wishes to a deployment: right tool, right arguments?"),
    "intent": ("gateway.cli.eval.intent", "How well wishes are told from small talk."),
}


@click.group(cls=Lazy, table=COMMANDS)
def eval() -> None:
    """Tell how often what is decided and done is right: a table, and JSON where it is asked for."""
