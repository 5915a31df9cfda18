"""Scenarios: who speaks when, and what must happen, as YAML (docs/bench.md)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from services.base.problems import Problem

FOLDER = Path(__file__).with_name("scenarios")

VOICES = (
    "espeak:en-us",
    "espeak:en-us+m3",
    "espeak:en-gb+f4",
    "espeak:en-gb-x-rp+m7",
    "flite:slt",
    "flite:rms",
)
"""Who speaks where a scenario names nobody. None of them is a voice that this project chose for its recogniser."""


LINE = "$line"
"""In a script, the trial's own line."""


class BadScenario(Problem):
    """The file is no scenario; the message names file and field, or line."""

    code, title = "bad_scenario", "The scenario cannot be used"


class Strict(BaseModel):
    """Unknown names are refused: a misspelt one would else be ignored without a word."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Hum(Strict):
    """A hummed "mhm"."""

    hum: int = Field(ge=100, le=2000)
    """Milliseconds."""


class Recording(Strict):
    """Somebody's own voice."""

    wav: Path
    """From the scenario's folder on."""

    @field_validator("wav")
    @classmethod
    def _found(cls, wav: Path, info: ValidationInfo) -> Path:
        wav = (info.context or {}).get("folder", Path()) / wav
        if not wav.is_file():
            raise ValueError(f"there is no file {wav}")
        return wav


Words = Annotated[str, Field(min_length=1, max_length=300)]
Pause = Annotated[float, Field(gt=0, le=10)]
Line = Words | Hum | Recording | Annotated[list[Words | Pause], Field(min_length=1)]
"""What the user says in a breath: words; a hum; a recording; or words with pauses between them, in seconds."""


class Say(Strict):
    """The user speaks, at once or when the time has come."""

    user: Line
    """`$line` stands for the trial's own line."""
    after_ms: int | None = Field(default=None, ge=0, le=60_000)
    """From the end of what they said last, or the trial's begin."""
    into_agent_ms: int | None = Field(default=None, ge=0, le=60_000)
    """From the agent's first sound of this trial."""
    after_agent_ms: int | None = Field(default=None, ge=0, le=60_000)
    """From the end of the agent's turn."""

    @model_validator(mode="after")
    def _one_time(self) -> "Say":
        if sum(time is not None for time in (self.after_ms, self.into_agent_ms, self.after_agent_ms)) > 1:
            raise ValueError("only one of after_ms, into_agent_ms and after_agent_ms")
        return self


class HaveSaid(Strict):
    """The agent is told to say something, by REST, and does."""

    agent: str = Field(min_length=1, max_length=2000)
    """`$line` stands for the trial's own line."""


class Noise(Strict):
    """What else sounds where the user is."""

    kind: Literal["pink", "babble"]
    snr_db: float = Field(ge=-10, le=60)
    """How far the user's voice lies above it."""


class EchoPath(Strict):
    """The agent's sound comes back into the microphone."""

    down_db: float = Field(ge=0, le=60)
    late_ms: int = Field(ge=20, le=1000)


class Room(Strict):
    """Where the user is."""

    noise: Noise | None = None
    echo: EchoPath | None = None


class Expect(Strict):
    """What must happen in each trial. What is not named may be as it will."""

    answered: bool | None = None
    """The agent sounds after the user's last words."""
    one_turn: bool | None = None
    """The agent is silent from the user's first word to the last, and all of it is one turn."""
    agent_goes_on: bool | None = None
    """What the agent says as the user speaks over it is said to its end."""
    agent_cut: bool | None = None
    """It is cut."""
    no_interruption: bool | None = None
    """Nothing that the agent says in the trial is cut."""
    nothing_heard: bool | None = None
    """No words were taken for the user's but those that were theirs: as many turns as they spoke, at most."""
    tool: str | None = None
    """This tool, as `agent.action`, succeeded; `any` is any."""
    turn_within_ms: float | None = None
    """From the end of the user's words to the agent's first sound."""
    quiet_within_ms: float | None = None
    """From the user's first sound over the agent to its silence."""
    decided_within_ms: float | None = None
    """To its cut, or until it sounds again."""


Figure = Literal["turn_ms", "acknowledged_ms", "quiet_ms", "decided_ms"]


class FigureBar(Strict):
    """What a figure's median and 95th percentile may be at most."""

    title: str
    figure: Figure
    median: float | None = None
    p95: float | None = None


class ShareBar(Strict):
    """In which share of the trials an expectation holds at least."""

    title: str
    share: str
    """The name of an expectation."""
    at_least: float = Field(ge=0, le=1)

    @model_validator(mode="after")
    def _known(self) -> "ShareBar":
        if self.share not in Expect.model_fields:
            raise ValueError(f"no expectation is called {self.share}")
        return self


class Scenario(Strict):
    """One conversation, held once for each line."""

    name: str = ""
    """The file's, without its ending."""
    title: str
    voices: tuple[str, ...] = VOICES
    room: Room = Room()
    lines: tuple[Line, ...] = Field(min_length=1)
    script: tuple[Say | HaveSaid, ...] = (Say(user=LINE),)
    expect: Expect
    bars: tuple[FigureBar | ShareBar, ...] = ()

    @model_validator(mode="after")
    def _measures_what_it_expects(self) -> "Scenario":
        for bar in self.bars:
            if isinstance(bar, ShareBar) and getattr(self.expect, bar.share) is None:
                raise ValueError(f"a bar for {bar.share}, which `expect` does not name")
        return self

    @model_validator(mode="after")
    def _lines_can_be_told(self) -> "Scenario":
        """What the agent is told to say is text."""
        if any(step == HaveSaid(agent=LINE) for step in self.script) and not all(
            isinstance(line, str) for line in self.lines
        ):
            raise ValueError("where the agent says the lines, each is text")
        return self


def load(path: Path) -> Scenario:
    """Read one file.

    Raises:
        BadScenario
    """
    try:
        body: Any = yaml.safe_load(path.read_text())
        body = {"name": path.stem, **body} if isinstance(body, dict) else body
        return Scenario.model_validate(body, context={"folder": path.parent})
    except OSError as error:
        raise BadScenario(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise BadScenario(f"{path}: {error}") from error
    except ValidationError as error:
        raise BadScenario("; ".join(_told(path, error))) from error


def ours() -> list[Scenario]:
    """Those that come with the package, in their order."""
    return [load(path) for path in sorted(FOLDER.glob("*.yaml"))]


def _told(path: Path, error: ValidationError) -> Iterator[str]:
    for each in error.errors():
        where = ".".join(str(part) for part in each["loc"])
        yield f"{path}: {where}: {each['msg']}" if where else f"{path}: {each['msg']}"
