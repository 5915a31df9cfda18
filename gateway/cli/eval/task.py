"""Spoken tasks: what is said, and the one call that is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from gateway.cli.bench.scenario import Line
from services.base.problems import Problem

OURS = Path(__file__).with_name("tasks.yaml")

NEARLY = timedelta(minutes=2)
"""By so much may a moment that was said from now on be off: speaking and planning take their time."""


class BadTasks(Problem):
    """The file holds no tasks; the message names the line."""

    code, title = "bad_tasks", "The tasks cannot be used"


class Strict(BaseModel):
    """Unknown names are refused: a misspelt one would else be ignored without a word."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class At(Strict):
    """A day from today on, at a time of the caller's."""

    days: int = Field(ge=0)
    at: time

    def fits(self, argument: Any, said_at: datetime) -> bool:
        wanted = datetime.combine(said_at.date() + timedelta(days=self.days), self.at, said_at.tzinfo)
        return _moment(argument) == wanted


class After(Strict):
    """So long after the wish."""

    after: timedelta

    def fits(self, argument: Any, said_at: datetime) -> bool:
        moment = _moment(argument)
        return moment is not None and abs(moment - said_at - self.after) <= NEARLY


class Next(Strict):
    """The next such day of a year, as MM-DD; today is none."""

    next: Annotated[str, Field(pattern=r"^\d\d-\d\d$")]

    def fits(self, argument: Any, said_at: datetime) -> bool:
        today = said_at.date()
        years = (date.fromisoformat(f"{today.year + more}-{self.next}") for more in (0, 1))
        return bool(argument == next(day for day in years if day > today).isoformat())


class Last(Strict):
    """The last such day of a year, as MM-DD; today is one."""

    last: Annotated[str, Field(pattern=r"^\d\d-\d\d$")]

    def fits(self, argument: Any, said_at: datetime) -> bool:
        today = said_at.date()
        years = (date.fromisoformat(f"{today.year - less}-{self.last}") for less in (0, 1))
        return bool(argument == next(day for day in years if day <= today).isoformat())


Wanted = At | After | Next | Last | int | float | str
"""An argument as the ledger's row holds it, or what depends on when it was said."""


class Task(Strict):
    """One wish."""

    say: Line
    tool: str = Field(pattern=r"^\w+\.\w+$")
    """As `agent.action`."""
    arguments: Mapping[str, Wanted] = {}

    @property
    def is_corrected(self) -> bool:
        """Whether the speaker pauses, and takes something back."""
        return isinstance(self.say, list)


@dataclass(frozen=True, slots=True)
class Called:
    """A tool that succeeded."""

    tool: str
    arguments: Mapping[str, Any]


def is_right(task: Task, called: Sequence[Called], said_at: datetime) -> bool:
    """Whether that one tool ran, with these arguments and no other, and nothing else did.

    Args:
        said_at: the caller's local time, with its zone. The zone itself is no argument of the wish's.
    """
    if [each.tool for each in called] != [task.tool]:
        return False
    given = {name: value for name, value in called[0].arguments.items() if name != "timezone"}
    return given.keys() == task.arguments.keys() and all(
        given[name] == wanted if isinstance(wanted, int | float | str) else wanted.fits(given[name], said_at)
        for name, wanted in task.arguments.items()
    )


def load(path: Path) -> list[Task]:
    """Read one file.

    Raises:
        BadTasks
    """
    try:
        body = yaml.safe_load(path.read_text("utf-8"))
        return TypeAdapter(list[Task]).validate_python(body)
    except (OSError, yaml.YAMLError) as error:
        raise BadTasks(f"{path}: {error}") from error
    except ValidationError as error:
        told = error.errors()[0]
        where = ".".join(str(part) for part in told["loc"])
        raise BadTasks(f"{path}: {where}: {told['msg']}") from error


def _moment(argument: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(argument)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
