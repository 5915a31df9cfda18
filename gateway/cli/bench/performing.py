"""Performs scenarios: callers that speak when the script says so, and the recording of each trial."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np

from gateway.cli.address import client
from gateway.cli.bench import sounds
from gateway.cli.bench.machine import load_average
from gateway.cli.bench.reading import Reading, Recording, read, verdicts
from gateway.cli.bench.scenario import LINE, HaveSaid, Hum, Line, Noise, Say, Scenario
from gateway.cli.bench.scenario import Recording as Wav
from gateway.cli.bench.voices import Voices
from gateway.cli.caller import API, Caller, CallRefused, Echo, Event, Missing, Room
from gateway.cli.waveforms import Pcm, Stretch
from gateway.session.clock import samples

SETTLED_S = 2.5
"""A trial is over when nobody has sounded, and nothing was under way, for this long. No pause is waited out longer."""

LONGEST_REST_S = 30.0
"""How long behind the script's last step nobody may come to rest; then the trial is lost."""

FIRST_SOUND_S = 10.0
"""What the agent gets to begin with what it is told to say."""

BEFORE_S = 0.5
"""From the call's begin to its first word."""

NOISE_S = 20.0
BABBLE = (
    "so i told her that the train was late again and nobody had said a word about it",
    "we could take the long way round by the lake if the weather holds until the evening",
    "they moved the whole office to the third floor and now the printer is always jammed",
    "my brother bought one of those last year and he never got it to work properly",
)
"""What other people in the room talk about."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One performance of a scenario."""

    scenario: str
    voice: str
    line: str
    reading: Reading
    met: dict[str, bool]
    """By expectation."""
    session_id: str
    load: float
    """Average of the last minute, at the trial's end."""
    lost: str = ""
    """Why there is nothing to read: the call broke, never came to rest, or what the script waits for never came."""


def cast(
    scenario: Scenario, voices: Sequence[str], rounds: int, most: int | None = None
) -> list[tuple[str, list[Line]]]:
    """Who says which lines in a call of their own. Each round, a line gets another voice.

    Args:
        most: so many lines of it are enough.
    """
    parts: list[tuple[str, list[Line]]] = []
    for turn in range(rounds):
        for place, voice in enumerate(voices):
            lines = [
                line
                for number, line in enumerate(scenario.lines[:most])
                if (number + turn) % len(voices) == place
            ]
            if lines:
                parts.append((voice, lines))
    return parts


async def perform(
    scenario: Scenario, url: str, voices: Voices, voice: str, lines: Sequence[Line], asked: dict[str, Any]
) -> AsyncIterator[Trial]:
    """One call, in which `voice` speaks `lines`, a trial each, until one is lost: who knows what state it left.

    Args:
        asked: further wishes for the session (persona, mode).

    Raises:
        CallRefused: there is no call to be had.
        NoVoice
    """
    scripts = [[await _prepared(voices, voice, step, line) for step in scenario.script] for line in lines]
    room = await _room(scenario, voices, voice)
    async with Caller.calling(url, room, metadata={"by": "antiphon bench"}, **asked) as caller:
        for line, script in zip(lines, scripts, strict=True):
            reading, lost = Reading(), ""
            try:
                await caller.when("time for the first word", lambda: caller.now() > BEFORE_S)
                recording = await _Stage(caller, url).play(script)
                reading = read(recording, wants_tool=scenario.expect.tool is not None)
            except (Missing, CallRefused) as missing:
                lost = str(missing)
            met = {} if lost else verdicts(scenario.expect, reading)
            load = load_average()[0]
            yield Trial(scenario.name, voice, show(line), reading, met, caller.session_id, load, lost)
            if lost:
                return


Step = tuple[Say | HaveSaid, Pcm]


async def _prepared(voices: Voices, voice: str, step: Say | HaveSaid, line: Line) -> Step:
    if isinstance(step, HaveSaid):
        text = str(line) if step.agent == LINE else step.agent
        return HaveSaid(agent=text), np.zeros(0, np.int16)
    return step, await voices.line(voice, line if step.user == LINE else step.user)


async def _room(scenario: Scenario, voices: Voices, voice: str) -> Room:
    path = scenario.room.echo
    echo = Echo(10 ** (-path.down_db / 20), samples(path.late_ms)) if path else None
    noise = None
    if scenario.room.noise is not None:
        own = sounds.loudness(await voices.line(voice, BABBLE[0]))
        noise = await _noise(voices, scenario.room.noise, own)
    return Room(noise, echo)


async def _noise(voices: Voices, noise: Noise, own: float) -> Pcm:
    rms = own * 10 ** (-noise.snr_db / 20)
    if noise.kind == "pink":
        return sounds.pink(NOISE_S, rms)
    talkers = ("espeak:en-us+f4", "espeak:en-gb+m1", "espeak:en-us+m7", "espeak:en-gb+f1")
    talks = [await voices.line(talker, talk) for talker, talk in zip(talkers, BABBLE, strict=True)]
    return sounds.babble(talks, NOISE_S, rms)


class _Stage:
    """Plays one trial's script in a running call."""

    def __init__(self, caller: Caller, url: str) -> None:
        self.caller, self.url = caller, url
        self.begin = caller.now()
        self.seen = len(caller.events)
        self.said: list[Stretch] = []
        self.agent_from = self.begin
        """Since when the agent's sound counts for `into_agent_ms`."""

    async def play(self, script: Sequence[Step]) -> Recording:
        """
        Raises:
            Missing: what the script waits for does not come, or the trial does not end.
            CallRefused: the agent cannot be told to speak.
        """
        caller = self.caller
        for step, pcm in script:
            if isinstance(step, HaveSaid):
                await self._have_said(step.agent)
            else:
                await self._wait(step)
                self.said.append(await caller.say(pcm))
        await self._until_settled()
        return Recording(
            begin=self.begin,
            end=caller.now(),
            said=self.said,
            agent=caller.sound(),
            pieces=[piece for piece in caller.pieces if piece.end > samples(self.begin * 1000)],
            events=caller.events[self.seen :],
        )

    async def _have_said(self, text: str) -> None:
        await self._agent_ended()
        self.agent_from = self.caller.now()
        address = f"{self.url}{API}/sessions/{self.caller.session_id}/say"
        try:
            async with (
                client(self.url) as http,
                http.post(address, json={"text": text}) as answer,
            ):
                if answer.status != 202:
                    raise CallRefused(f"{address}: {await answer.text()}")
        except aiohttp.ClientError as error:
            raise CallRefused(f"{address}: {error}") from error
        await self.caller.when("sound of the agent", self._agent_sounded, FIRST_SOUND_S)

    async def _wait(self, step: Say) -> None:
        caller = self.caller
        if step.into_agent_ms is not None:
            await caller.when("sound of the agent", self._agent_sounded, FIRST_SOUND_S)
            since = caller.sounded(self.agent_from)
            assert since is not None
            await self._until(since + step.into_agent_ms / 1000)
        elif step.after_agent_ms is not None:
            await caller.when("sound of the agent", self._agent_sounded, FIRST_SOUND_S)
            await self._agent_ended(step.after_agent_ms / 1000)
        elif step.after_ms is not None:
            await self._until((self.said[-1][1] if self.said else self.begin) + step.after_ms / 1000)

    async def _agent_ended(self, since_s: float = 0.0) -> None:
        caller = self.caller
        await caller.when(
            "end of the agent's turn",
            lambda: not _agent_busy(caller.events) and caller.now() >= caller.sounds_until() + since_s,
        )

    def _agent_sounded(self) -> bool:
        return self.caller.sounded(self.agent_from) is not None

    async def _until(self, at: float) -> None:
        await self.caller.when("time", lambda: self.caller.now() >= at)

    async def _until_settled(self) -> None:
        caller = self.caller

        def settled() -> bool:
            told = caller.events[-1]["at"] if caller.events else 0.0
            last = max(self.begin, told, caller.sounds_until(), *(end for _, end in self.said))
            busy = _agent_busy(caller.events) or _words_open(caller.events)
            return not busy and caller.now() >= last + SETTLED_S

        await caller.when("rest", settled, LONGEST_REST_S)


def _agent_busy(events: Sequence[Event]) -> bool:
    """Whether a response or a tool has begun and not ended."""
    busy: set[str] = set()
    for event in events:
        match event["type"]:
            case "response.created":
                busy.add(event["response"]["id"])
            case "response.done":
                busy.discard(event["response"]["id"])
            case "antiphon.tool" if event["status"] in ("requested", "running"):
                busy.add(event["invocation_id"])
            case "antiphon.tool":
                busy.discard(event["invocation_id"])
    return bool(busy)


def _words_open(events: Sequence[Event]) -> bool:
    """Whether the user has the floor, or their words are still made out."""
    floors: set[str] = set()
    for event in events:
        match event["type"]:
            case "input_audio_buffer.speech_started":
                floors.add(event["item_id"])
            case "conversation.item.deleted":
                floors.discard(event["item_id"])
            case "conversation.item.done":
                floors.discard(event["item"]["id"])
    return bool(floors)


def show(line: Line) -> str:
    """A line, for people."""
    if isinstance(line, Hum):
        return f"(hum of {line.hum} ms)"
    if isinstance(line, Wav):
        return f"({line.wav.name})"
    if isinstance(line, str):
        return line
    return " ".join(part if isinstance(part, str) else f"[{part:g} s]" for part in line)
