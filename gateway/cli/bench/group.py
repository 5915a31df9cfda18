"""The command `antiphon bench`, one module a measurement."""

import click

from gateway.cli.lazy import Lazy, Table

COMMANDS: Table = {
    "conversation": (
        "gateway.cli.bench.conversation",
        "Hold scripted conversations, and tell how they went.",
    ),
    "recognition": ("gateway.cli.bench.recognition", "Word errors, a row a voice."),
    "gateway": ("gateway.cli.bench.gateway", "Load the gateway itself, beside a bare relay."),
}


@click.group(cls=Lazy, table=COMMANDS)
def bench() -> None:
    """Measure a running deployment from outside: a table, and JSON where it is asked for."""
