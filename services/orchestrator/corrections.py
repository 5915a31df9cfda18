"""A wish that corrects the one before it ("no, Tuesday"): out of both a whole wish is made. No I/O."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from services.orchestrator.catalog import Tool
from services.orchestrator.language.repairs import leading_cue
from services.orchestrator.language.words import Tokens, tokenise

LONGEST = 6
"""Words that a correction takes the place of."""
FREE = frozenset({"text", "name"})
"""Types of which any words are one: what has no value of its own is not corrected so."""

Understand = Callable[[Tokens], tuple[Tool, dict[str, Any]] | None]
"""Plans a whole wish: the tool and its arguments, where it makes sense and nothing is missing."""


class Earlier(BaseModel):
    """The wish before, as `PlanRequest.context` tells it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    message: str
    tool: str
    arguments: dict[str, Any]


def earlier_of(context: Mapping[str, Any]) -> Earlier | None:
    """The wish before, where the context tells one that can be understood."""
    try:
        return Earlier.model_validate(context.get("earlier"))
    except ValidationError:
        return None


def corrected(
    earlier: Earlier, said: Tokens, tool: Tool, understand: Understand, now: datetime
) -> Tokens | None:
    """The whole wish that `said` makes of `earlier`; None where it corrects nothing.

    It has to say that it corrects, and to change arguments of the same tool without touching the words that the user
    wants kept.
    """
    cue = leading_cue(said)
    if not cue or cue == len(said):
        return None
    before = tokenise(earlier.message)
    for whole in (*_in_place(before, said[cue:], tool, now), before + said):
        found = understand(whole)
        if found and found[0] is tool and _changes(tool, earlier.arguments, found[1]):
            return whole
    return None


def _in_place(before: Tokens, value: Tokens, tool: Tool, now: datetime) -> Iterator[Tokens]:
    """`value` where a value of its kind stood, the fewest words taken back first."""
    kinds = [
        parameter.type
        for parameter in tool.parameters
        if parameter.type.name not in FREE and (parameter.type.answer or parameter.type.read)(value, now)
    ]
    for size in range(1, LONGEST + 1):
        for start in range(len(before) - size + 1):
            words = before[start : start + size]
            if any((kind.answer or kind.read)(words, now) for kind in kinds):
                yield before[:start] + value + before[start + size :]


def _changes(tool: Tool, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether something else is meant now, in values alone."""
    differ = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    kinds = {parameter.name: parameter.type.name for parameter in tool.parameters}
    return bool(differ) and all(kinds.get(name) not in FREE for name in differ)
