"""A call in virtual time: a scripted user, transcriber, bridge and engine around the rules, and what came of it.

Times are milliseconds of the session clock. Ticks come every 20 ms, as in the gateway, and nothing sleeps.
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import numpy as np

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import ms, samples
from gateway.session.playout import Outgoing
from gateway.session.rules import Rules, Traits
from gateway.session.session import Session

TICK = 20
WORD = 250
"""A word of the agent's lasts this long."""

T = TypeVar("T")


def sound(length: float, start: int = 0) -> bytes:
    """PCM16 of `length` ms, loud, and no two samples near each other alike: a lost or doubled one shows."""
    return ((np.arange(start, start + samples(length)) % 20_000) + 8000).astype("<i2").tobytes()


def spoken(text: str) -> tuple[bytes, tuple[on.Word, ...]]:
    """The sound of a text, and where each word lies in it."""
    words = tuple(
        on.Word(word, samples(i * WORD), samples((i + 1) * WORD)) for i, word in enumerate(text.split())
    )
    return sound(WORD * len(words)), words


@dataclass
class Script:
    """How the others behave. Delays in milliseconds."""

    answer: str = "I am very well today thank you for asking me"
    """What the mind says to anything."""
    replies: dict[str, list[tuple[int, str, on.Source]]] = field(default_factory=dict)
    """What the bridge has said to an utterance, and how long after it; else it leaves it to the mind."""
    bridge: int | None = 100
    """How long the bridge thinks; None: for ever."""
    transcript: int | None = 60
    """How long the final words take; None: for ever."""
    engine: int | None = 80
    """Until the first sound is there; None: for ever."""
    words_behind: int = 120
    """How far the recogniser is behind the voice."""
    voice_behind: int = 60
    """How far voice activity is behind an onset."""
    hangover: int = 200
    """How long voice activity waits before it calls a silence one."""


Push = tuple[UUID, bytes, tuple[on.Word, ...]]


def new_session(rules: Rules, traits: Traits) -> Session:
    """A session whose own ids are 1, 2, 3 and so on."""
    ids = itertools.count(1)
    return Session(rules, traits, lambda: UUID(int=next(ids)))


def replayed(rules: Rules, traits: Traits, tape: list[on.Event | Push]) -> list[do.Effect]:
    """What a new session makes of the same."""
    session, told = new_session(rules, traits), []
    for entry in tape:
        if isinstance(entry, tuple):
            session.agent.playout.push(*entry)
            continue
        told += session.receive(entry)
        while session.outgoing():
            pass
    return told


class Call:
    """Runs the script and keeps what was told."""

    def __init__(self, rules: Rules | None = None, traits: Traits | None = None, **script: Any) -> None:
        self._ids = itertools.count(1)
        self.session = new_session(rules or Rules(), traits or Traits())
        self.script = Script(**script)
        self.log: list[tuple[float, do.Effect]] = []
        self.sent: list[tuple[float, Outgoing]] = []
        self.tape: list[on.Event | Push] = []
        """All that the session was given, to be played again."""
        self.time = 0.0
        self._next_tick = 0.0
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._wanted: dict[UUID, str] = {}
        """What the bridge has in hand: of each turn the words."""
        self._words: list[on.Word] = []
        """Spoken, and not asked for as final yet."""

    def new_id(self) -> UUID:
        """An id of the world's; the session's own are small."""
        return UUID(int=1 << 64 | next(self._ids))

    # What happens.

    def at(self, when: float, what: Callable[[], None]) -> None:
        """Do something later; earlier plans of the same moment go first."""
        heapq.heappush(self._agenda, (when, next(self._order), what))

    def event(self, when: float, make: Callable[[int], on.Event]) -> None:
        """Have an event happen; `make` gets the time in samples."""
        self.at(when, lambda: self.feed(make(samples(when))))

    def feed(self, event: on.Event) -> None:
        """Let an event happen now, and do what follows."""
        self.tape.append(event)
        for effect in self.session.receive(event):
            self.log.append((self.time, effect))
            self._follow(effect)
        while piece := self.session.outgoing():
            self.sent.append((self.time, piece))

    def push(self, turn_id: UUID, pcm: bytes, words: tuple[on.Word, ...] = ()) -> bool:
        """The engine gives sound."""
        self.tape.append((turn_id, pcm, words))
        return self.session.agent.playout.push(turn_id, pcm, words)

    def until(self, when: float) -> "Call":
        """Let time pass."""
        while True:
            due = min(self._next_tick, self._agenda[0][0] if self._agenda else self._next_tick)
            if due > when:
                self.time = when
                return self
            self.time = due
            if self._agenda and self._agenda[0][0] <= due:
                heapq.heappop(self._agenda)[2]()
            else:
                self._next_tick += TICK
                self.feed(on.Tick(samples(due)))

    def end(self) -> "Call":
        self.log += [(self.time, effect) for effect in self.session.end(samples(self.time))]
        return self

    # The user and the transcriber.

    def says(self, text: str, at: float, word: float = 250, in_noise: bool = False) -> float:
        """The user says `text` from `at` on, a word every `word` ms; returns when they end.

        With `in_noise` voice activity, which never ceased, tells nothing new.
        """
        words = text.split()
        for i, heard in enumerate(words):
            start, end = at + i * word, at + (i + 1) * word
            placed = on.Word(heard, samples(start), samples(end))
            self._words.append(placed)
            self.at(end + self.script.words_behind, partial(self._recognised, placed))
        return at + word * len(words) if in_noise else self.sounds(at, word * len(words))

    def sounds(self, at: float, lasts: float) -> float:
        """The user makes a sound without words."""
        end = at + lasts
        self.event(at + self.script.voice_behind, lambda now: on.SpeechStarted(now, samples(at)))
        self.event(end + self.script.hangover, lambda now: on.SpeechStopped(now, samples(end)))
        return end

    def types(self, text: str, at: float, and_asks: bool = True) -> UUID:
        turn_id = self.new_id()
        self.event(at, lambda now: on.TextGiven(now, turn_id, text))
        if and_asks:
            self.event(at, on.AnswerAsked)
        return turn_id

    def injects(self, text: str, at: float, source: on.Source = "say", **more: Any) -> UUID:
        injection_id = self.new_id()
        self.event(at, lambda now: on.InjectionAsked(now, injection_id, text, source, **more))
        return injection_id

    def mumbles(self, text: str, at: float, lasts: float) -> None:
        """The user says one word that only the final transcript makes out."""
        self._words.append(on.Word(text, samples(at), samples(at + lasts)))
        self.sounds(at, lasts)

    def _recognised(self, last: on.Word) -> None:
        if last in self._words:
            so_far = self._words[: self._words.index(last) + 1]
            self.feed(on.WordsHeard(samples(self.time), " ".join(word.text for word in so_far)))

    def _finish(self) -> None:
        now = samples(self.time)
        words = tuple(word for word in self._words if word.end <= now)
        self._words = self._words[len(words) :]
        text = " ".join(word.text for word in words)
        if self.script.transcript is not None:
            self.event(
                self.time + self.script.transcript,
                lambda at: on.TranscriptReady(at, text, words, 0.9, "en"),
            )

    # The bridge and the engine.

    def _follow(self, effect: do.Effect) -> None:
        match effect:
            case do.FinishTranscript():
                self._finish()
            case do.AnswerWanted(turn_id, text) if self.script.bridge is not None:
                self._wanted[turn_id] = text
                self.at(self.time + self.script.bridge, partial(self._decide, turn_id, text))
            case do.Withdrawn(turn_id):
                self._wanted.pop(turn_id, None)
            case do.Answer(turn_id):
                self._speak(turn_id, self.script.answer)
            case do.Speak(turn_id, text):
                self._speak(turn_id, text)
            case _:
                pass

    def _decide(self, turn_id: UUID, text: str) -> None:
        replies = self.script.replies.get(text)
        if replies is None:
            self._tell(turn_id, text, lambda now: on.MindAsked(now, turn_id))
        when = self.time
        for delay, words, source in replies or ():
            when += delay
            self.at(when, partial(self._reply, turn_id, text, words, source))
        self.at(when, partial(self._tell, turn_id, text, lambda now: on.Settled(now, turn_id)))

    def _reply(self, turn_id: UUID, text: str, words: str, source: on.Source) -> None:
        injection_id = self.new_id()
        self._tell(
            turn_id, text, lambda now: on.InjectionAsked(now, injection_id, words, source, turn_id=turn_id)
        )

    def _tell(self, turn_id: UUID, text: str, make: Callable[[int], on.Event]) -> None:
        """What the bridge has to say to an utterance, unless it was withdrawn since."""
        if self._wanted.get(turn_id) == text:
            self.feed(make(samples(self.time)))

    def _speak(self, turn_id: UUID, text: str) -> None:
        if self.script.engine is None:
            return
        pcm, words = spoken(text)

        def give() -> None:
            self.push(turn_id, pcm, words)
            self.feed(on.AgentFinished(samples(self.time), turn_id))

        self.at(self.time + self.script.engine, give)

    # What came of it.

    def told(self, kind: type[T]) -> list[T]:
        """All effects of a kind, in order."""
        return [effect for _, effect in self.log if isinstance(effect, kind)]

    def when(self, kind: type[Any], nth: int = 0) -> float:
        """At what time the nth effect of a kind was told."""
        return [when for when, effect in self.log if isinstance(effect, kind)][nth]

    def story(self, *kinds: type[Any]) -> list[str]:
        """The names of what was told, of some kinds only, in order."""
        return [type(effect).__name__ for _, effect in self.log if isinstance(effect, kinds)]

    def injection(self, injection_id: UUID) -> list[str]:
        """The states that an injection went through."""
        return [e.state for e in self.told(do.InjectionChanged) if e.injection_id == injection_id]

    def said_by_agent(self) -> list[str]:
        """What was heard of each agent turn that ended."""
        return [ended.heard_text for ended in self.told(do.AgentEnded)]

    def pcm(self, turn_id: UUID) -> np.ndarray:
        """All sound of a turn that left, int16."""
        return np.frombuffer(b"".join(p.pcm for _, p in self.sent if p.turn_id == turn_id), dtype="<i2")

    def sounding(self, start: float, end: float) -> float:
        """For how many ms between two times sound of the agent's was to be heard by a client without delay."""
        busy, until = 0.0, 0.0
        for when, piece in self.sent:
            begins = max(when, until)
            until = begins + ms(len(piece.pcm) // 2)
            busy += max(0.0, min(until, end) - max(begins, start))
        return busy
