"""`antiphon eval intent`: how well the default classifier tells wishes from small talk, on one's own phrases."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import click

from bridge.intent import Trained
from bridge.intent.baselines import TfIdf, VerbList
from bridge.intent.evaluation import BadLine, Report, Share, evaluate, read_lines, read_tools
from bridge.intent.tools import ToolChooser

Read = TypeVar("Read")

FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)

ROWS = {
    "missed": "wishes missed",
    "false_chitchat": "small talk taken for a wish",
    "false_control": "control taken for a wish",
    "false_oos": "out of scope, given a tool",
    "unclear": "unclear, of all",
    "untooled": "wishes given no tool",
}
"""The shares of a report, in words."""


@click.command()
@click.option("--file", "file", type=FILE, required=True, help='Lines of {"text", "label"}.')
@click.option("--tools", type=FILE, help='Lines of {"name", "examples"}: what a wish may ask for.')
@click.option("--json", "as_json", is_flag=True, help="One line of JSON, of the default classifier alone.")
def intent(file: Path, tools: Path | None, as_json: bool) -> None:
    """Measure the intent classifier on labelled phrases.

    A label is action, chitchat, control or oos: a request that none of the tools is for. Without --tools there is no
    figure for those.
    """
    lines = read(file, read_lines)
    catalogue = read(tools, read_tools) if tools else None
    choose = ToolChooser(catalogue).choose if catalogue else None
    report = evaluate(lines, Trained(), choose)
    if as_json:
        click.echo(json.dumps(report.as_json()))
        return
    verbs = evaluate(lines, VerbList(), choose)
    click.echo(table({"trained": report, "verb list": verbs, "TF-IDF": evaluate(lines, TfIdf(), choose)}))


def read(path: Path, reader: Callable[[Sequence[str]], Read]) -> Read:
    """The lines of `path`, read; a line that cannot be is told in words."""
    try:
        return reader(path.read_text(encoding="utf-8").splitlines())
    except BadLine as error:
        raise click.ClickException(f"{path}, {error}") from error
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{path} is no UTF-8: {error}") from error


def table(reports: dict[str, Report]) -> str:
    """Reports side by side, in columns."""
    rows = [["", *reports]]
    for name, words in ROWS.items():
        rows.append([words, *(percent(getattr(report, name)) for report in reports.values())])
    for name in ("ms_p50", "ms_p99"):
        values = [getattr(report, name) for report in reports.values()]
        rows.append([f"ms, {name[3:]}", *("-" if value is None else f"{value:.2f}" for value in values)])
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    n = next(iter(reports.values())).n
    return "\n".join([f"{n} phrases; in brackets 95 % intervals", "", *lines])


def percent(share: Share) -> str:
    """A share in words: "1.5 % (0.9 to 2.4)"."""
    if share.value is None or share.interval is None:
        return "-"
    low, high = share.interval
    return f"{share.value:.1%} ({low * 100:.1f} to {high * 100:.1f})".replace("%", " %")
