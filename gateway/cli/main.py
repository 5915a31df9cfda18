"""The command `antiphon`."""

import errno
import sys

import click

from gateway.cli.lazy import Lazy, Table

COMMANDS: Table = {
    "up": ("gateway.cli.up", "Start everything, and say where to talk."),
    "talk": ("gateway.cli.talk", "Hold a call from the terminal."),
    "say": ("gateway.cli.say", "Say a text by a persona's voice, to the ear or into a file."),
    "sessions": ("gateway.cli.sessions", "List sessions, show one, end one."),
    "sql": ("gateway.cli.sql", "Open the database in use, or run one query on it."),
    "migrate": ("gateway.cli.migrate", "Bring the tables to the newest form."),
    "phrases": ("gateway.cli.phrases", "Write what people may say here, for the transcriber."),
    "health": ("gateway.cli.health", "Ask one part whether it is ready; for health checks."),
    "bench": ("gateway.cli.bench.group", "Measure a running deployment from outside."),
    "eval": ("gateway.cli.eval.group", "Tell how often what is decided and done is right."),
    "doctor": ("gateway.cli.doctor.command", "Say what this machine can run, and what is missing."),
    "gateway": ("gateway.cli.parts", "Run the gateway alone."),
    "orchestrator": ("gateway.cli.parts", "Run the orchestrator alone."),
    "speech": ("gateway.cli.parts", "Run the duplex model alone."),
    "synthesizer": ("gateway.cli.parts", "Run the synthesizer alone."),
    "transcriber": ("gateway.cli.parts", "Run the transcriber alone."),
}


@click.group(cls=Lazy, table=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="antiphon")
def cli() -> None:
    """Antiphon: talk to your agents, in full duplex."""


FULL = "the disk is full: make room, or set ANTIPHON_HOME to a folder on another"
CLOSED = "it can't be written: check whose it is, or set ANTIPHON_HOME to a folder of yours"
ADVICE = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: FULL,
    errno.EACCES: CLOSED,
    errno.EPERM: CLOSED,
    errno.EROFS: CLOSED,
}
"""For what may go wrong wherever a file is written."""


def main() -> None:
    """Run one command; what goes wrong in a way that we know is one sentence and exit status 1."""
    try:
        cli(prog_name="antiphon")
    except OSError as error:
        if error.errno not in ADVICE:
            raise
        _fail(f"{error.strerror}: {error.filename or 'a file'}: {ADVICE[error.errno]}")
    except Exception as error:
        from services.base.problems import Problem  # Brings aiohttp along, for which `--help` need not wait.

        if not isinstance(error, Problem):
            raise
        _fail(f"{error.title}: {error.detail}" if error.detail else error.title)


def _fail(sentence: str) -> None:
    click.echo(f"antiphon: {sentence}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
