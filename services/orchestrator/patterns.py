"""Plans by patterns: which tool's phrase covers an utterance best, and what its slots mean. No I/O, no model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

from services.orchestrator.catalog import Catalog, Parameter, Tool
from services.orchestrator.corrections import corrected, earlier_of
from services.orchestrator.language.phrases import Match, Phrase, parse_phrase
from services.orchestrator.language.politeness import without_politeness
from services.orchestrator.language.repairs import repairs
from services.orchestrator.language.slots import SlotType, Value
from services.orchestrator.language.words import Tokens, tokenise, without_disfluencies, without_seams
from services.orchestrator.protocol import Plan

MAX_TOKENS = 32
"""Longer utterances hold more than one wish; a model may sort them out, patterns would pick a piece. Words of the
user's own that are to be kept (a note) may be longer."""

SURE = 0.75
"""From here on a plan is made; below, so much of the utterance is unexplained that it means something else."""

MOST_REPAIRS = 8
"""Ways to read a correction that are tried; each costs a look through all phrases."""

NOTHING = Plan()

FREE = frozenset({"text", "name"})
"""Types of which any words are one."""

_NEGATIONS = frozenset({"not", "never", "no", "without", "except", "nor"})
_ASKING = frozenset(
    "did do does have has had is are was were how what why when where who which if should".split()
)
"""Before a wish to change something they make it a question."""
_UNKNOWN_PLACE = Value(None, "")


@dataclass(frozen=True, slots=True)
class Found:
    """A tool's phrase in an utterance."""

    tool: Tool
    match: Match
    coverage: float
    """Share of the tokens that the phrase explains."""

    @property
    def values(self) -> dict[str, Value]:
        return {name: value for name, value in self.match.captures if value is not _UNKNOWN_PLACE}

    @property
    def missing(self) -> list[str]:
        """What has to be asked for: named but not understood, or required and not named."""
        unknown = [name for name, value in self.match.captures if value is _UNKNOWN_PLACE]
        return unknown + [name for name in self.tool.missing(self.values) if name not in unknown]

    @property
    def rank(self) -> tuple[float, int, int, int]:
        """More explained, then less missing, then more by its own words than by its slots, least by free text."""
        return self.coverage, -len(self.missing), self.match.words, -self.free_words

    @property
    def free_words(self) -> int:
        """Words that were taken as they are, whatever they are."""
        types = {parameter.name: parameter.type.name for parameter in self.tool.parameters}
        texts = (str(value.argument) for name, value in self.match.captures if types[name] in FREE)
        return sum(len(text.split()) for text in texts)


class PatternPlanner:
    """Plans with nothing but the phrases of the catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        phrases = [(tool, phrase) for tool in catalog.tools for phrase in tool.phrases]
        self._keeping = [each for each in phrases if _keeps_words(*each)]
        self._others = [each for each in phrases if not _keeps_words(*each)]

    def plan(self, message: str, context: Mapping[str, Any], now: datetime) -> Plan:
        """The call that fits `message`, or a plan whose `tool` is None.

        Args:
            context: see `PlanRequest`; `pending` and whatever parameters take from it are read.
            now: the user's local time.
        """
        said = tokenise(message)
        tokens = without_politeness(said)
        if not tokens:
            return NOTHING
        found = self._mended(said, now) or self._whole(said, now)
        pending = _pending(context)
        # Plainly another wish: it stands by itself. Anything less may be the answer to our question.
        if pending and not (found and found.coverage == 1 and not found.missing):
            answered = self._answer(pending, tokens, context, now)
            if answered.tool:
                return answered
        if not (found and found.coverage == 1 and not found.missing):
            amended = self._amended(said, context, now)
            if amended:
                plan = make_plan(amended.tool, amended.values, context, now, 1.0, [])
                return plan.model_copy(update={"amends": True})
        if found is None:
            return NOTHING
        return make_plan(found.tool, found.values, context, now, round(found.coverage, 3), found.missing)

    def _amended(self, said: Tokens, context: Mapping[str, Any], now: datetime) -> Found | None:
        """The wish before, as `said` corrects it."""
        earlier = earlier_of(context)
        tool = self.catalog.tool(earlier.tool) if earlier else None
        if earlier is None or tool is None or len(said) > MAX_TOKENS:
            return None

        def found_in(tokens: Tokens) -> Found | None:
            found = self._mended(tokens, now) or self._whole(tokens, now)
            return found if found and found.coverage == 1 and not found.missing else None

        def understand(tokens: Tokens) -> tuple[Tool, dict[str, Any]] | None:
            found = found_in(tokens)
            return (found.tool, _arguments(found)) if found else None

        whole = corrected(earlier, said, tool, understand, now)
        return found_in(whole) if whole else None

    def _mended(self, said: Tokens, now: datetime) -> Found | None:
        """The phrase that explains the utterance once it is corrected as the speaker corrected it."""
        if len(said) > MAX_TOKENS:
            return None
        mended = islice(repairs(without_disfluencies(said)), MOST_REPAIRS)
        found = [each for tokens in mended if (each := self._whole(tokens, now)) and not each.missing]
        return max(found, key=lambda each: each.coverage, default=None)

    def _whole(self, said: Tokens, now: datetime) -> Found | None:
        """The phrase that ranks highest, be it one that keeps words of the user's own."""
        tokens = without_politeness(said)
        found = self.find(tokens, now) if len(tokens) <= MAX_TOKENS else None
        kept = without_politeness(said, keeping_words=True)
        keeping = self._best(self._keeping, kept, now, known=True, whole=True)
        return keeping if keeping and (found is None or keeping.rank > found.rank) else found

    def find(self, tokens: Tokens, now: datetime) -> Found | None:
        """The best phrase, or None where none explains enough."""
        best = self._best(self._others, tokens, now, known=True)
        if best is None or best.missing:
            best = self._across_a_pause(tokens, now) or best
        if best is None:
            # "What time is it in Nowhereville": the tool is clear, the place has to be asked for.
            best = self._best(self._others, tokens, now, known=False)
        return best

    def _across_a_pause(self, tokens: Tokens, now: datetime) -> Found | None:
        """The phrase that explains all but the words with which the speaker went on after a pause."""
        for seamless in without_seams(tokens):
            best = self._best(self._others, seamless, now, known=True)
            share = len(seamless) / len(tokens)
            if best and best.coverage == 1 and not best.missing and share >= SURE:
                return replace(best, coverage=share)
        return None

    def _best(
        self,
        phrases: Iterable[tuple[Tool, Phrase]],
        tokens: Tokens,
        now: datetime,
        *,
        known: bool,
        whole: bool = False,
    ) -> Found | None:
        """The phrase that ranks highest.

        Args:
            known: whether each slot must be understood.
            whole: a phrase must begin with the first word. One that takes any words would else explain whatever
                follows it, and so hide that what came before means something else ("did i …").
        """
        best: Found | None = None
        slots = _Slots(tokens, now, known)
        latest = 0 if whole else int(len(tokens) * (1 - SURE))
        for tool, phrase in phrases:

            def read(name: str, start: int, end: int, tool: Tool = tool) -> Value | None:
                parameter = tool.parameter(name)
                return slots.read(parameter.type, start, end) if parameter else None

            for match in phrase.matches(tokens, read, latest):
                found = Found(tool, match, _coverage(tool, match, tokens))
                if not known and match.words < 3:
                    continue  # "time in something" may be anything.
                if found.coverage >= SURE and (best is None or found.rank > best.rank):
                    best = found
        return best

    def _answer(self, pending: Plan, tokens: Tokens, context: Mapping[str, Any], now: datetime) -> Plan:
        """Take the utterance for what `pending` asked."""
        tool = self.catalog.tool(pending.tool or "")
        wanted = tool.parameter(pending.missing[0]) if tool else None
        if tool is None or wanted is None:
            return NOTHING
        value = _fill(wanted, tokens, now)
        if value is None:
            return NOTHING
        values = tool.check(pending.arguments, now)[0] | {wanted.name: value}
        return make_plan(
            tool, values, context, now, 1.0, [name for name in pending.missing if name not in values]
        )


class _Slots:
    """Reads slots of one utterance, each stretch of words once a type."""

    def __init__(self, tokens: Tokens, now: datetime, known: bool) -> None:
        self.tokens, self.now, self.known = tokens, now, known
        self.cache: dict[tuple[str, int, int], Value | None] = {}

    def read(self, kind: SlotType, start: int, end: int) -> Value | None:
        if end - start > kind.longest:
            return None
        key = (kind.name, start, end)
        if key not in self.cache:
            self.cache[key] = kind.read(self.tokens[start:end], self.now) or self._unknown(kind, start, end)
        return self.cache[key]

    def _unknown(self, kind: SlotType, start: int, end: int) -> Value | None:
        """Whatever ends the utterance may be a place that we don't know, where that is allowed."""
        fits = kind.name == "place" and end == len(self.tokens) and end - start <= 3
        return _UNKNOWN_PLACE if fits and not self.known else None


def _keeps_words(tool: Tool, phrase: Phrase) -> bool:
    """Whether `phrase` has a place for words of the user's own, of any length."""
    return any(
        parameter.type.name == "text" and parameter.name in phrase.slots for parameter in tool.parameters
    )


def _coverage(tool: Tool, match: Match, tokens: Tokens) -> float:
    """How much of the utterance is explained; nothing, where what is left over turns its meaning round."""
    before, behind = tokens[: match.start], tokens[match.end :]
    if _NEGATIONS.intersection(before + behind):
        return 0.0
    if tool.risk != "read" and _ASKING.intersection(before):
        return 0.0  # "Did i set a timer for ten minutes" sets none.
    return (match.end - match.start) / len(tokens)


_ANSWERS: tuple[Phrase, ...] = tuple(
    map(
        parse_phrase,
        ("[no] [i (mean|meant|said|want)|make it|it is|that is] [in|into|to|for|at|on] {answer}",),
    )
)


def _fill(wanted: Parameter, tokens: Tokens, now: datetime) -> Value | None:
    """ "celsius", "into celsius", "i meant celsius": the whole utterance, or nothing."""

    understand = wanted.type.answer or wanted.type.read

    def read(_: str, start: int, end: int) -> Value | None:
        return understand(tokens[start:end], now)

    for phrase in _ANSWERS:
        for match in phrase.matches(tokens, read, latest=0):
            if match.end == len(tokens):
                return match.captures[0][1]
    return None


def _arguments(found: Found) -> dict[str, Any]:
    return {name: value.argument for name, value in found.values.items()}


def _pending(context: Mapping[str, Any]) -> Plan | None:
    """The plan that asked for something, where the context carries one that can be understood."""
    try:
        plan = Plan.model_validate(context.get("pending"))
    except ValueError:
        return None
    return plan if plan.tool and plan.missing else None


def make_plan(
    tool: Tool,
    values: Mapping[str, Value],
    context: Mapping[str, Any],
    now: datetime,
    confidence: float,
    missing: list[str],
) -> Plan:
    """A plan out of what was understood: context fills in, and the first of `missing` becomes a question."""
    filled = dict(values)
    for parameter in tool.parameters:
        if parameter.context and parameter.name not in filled:
            offered = context.get(parameter.context)
            if offered is not None and (value := parameter.type.check(offered, now)):
                filled[parameter.name] = value
    missing = [name for name in missing if name not in filled]
    question = tool.parameter(missing[0]) if missing else None
    return Plan(
        tool=tool.name,
        agent=tool.agent,
        arguments={name: value.argument for name, value in filled.items()},
        missing=missing,
        risk=tool.risk,
        idempotent=tool.idempotent,
        amendable=tool.amendable,
        confidence=confidence,
        say=question.ask if question else tool.acknowledgement(filled),
        confirm="" if question else tool.question(filled),
    )
