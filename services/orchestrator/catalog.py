"""The agents and tools that this orchestrator has, as loaded."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.orchestrator.language.phrases import Phrase
from services.orchestrator.language.slots import SlotType, Value
from services.orchestrator.protocol import Risk, ToolDescription


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument that a tool takes."""

    name: str
    type: SlotType
    description: str
    required: bool
    ask: str
    """The question when it is missing."""
    context: str
    """The field of a request's context that fills it when nobody said it; empty for none."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that can be done."""

    name: str
    agent: str
    description: str
    risk: Risk
    idempotent: bool
    cancellable: bool
    """Whether stopping it half way leaves the world in order."""
    timeout_s: float
    amendable: bool
    """Whether it can do a deed in the place of an earlier one of its own (`Caller.amends`)."""
    parameters: tuple[Parameter, ...]
    phrases: tuple[Phrase, ...]
    examples: tuple[str, ...]
    say: tuple[str, ...]
    """Acknowledgements; the first of which all `{slots}` are filled is said."""
    confirm: tuple[str, ...]
    """Questions for the user's consent, chosen likewise: each names the action and what it is done to."""
    run: Callable[..., Awaitable[Any]]
    extras: frozenset[str]
    """What `run` wants beside its parameters: `report`, `caller`, `store`."""

    def parameter(self, name: str) -> Parameter | None:
        return next((parameter for parameter in self.parameters if parameter.name == name), None)

    def missing(self, filled: Mapping[str, object]) -> list[str]:
        """Required parameters that `filled` lacks, in their order."""
        return [p.name for p in self.parameters if p.required and p.name not in filled]

    def acknowledgement(self, values: Mapping[str, Value]) -> str:
        return _filled(self.say, values)

    def question(self, values: Mapping[str, Value]) -> str:
        """By which the user is asked whether it may run; empty where the tool has none."""
        return _filled(self.confirm, values)

    def check(self, arguments: Mapping[str, Any], now: datetime) -> tuple[dict[str, Value], dict[str, str]]:
        """Read arguments that came over the wire.

        Returns:
            Those that are good, and by name what was expected of those that are not.
        """
        good: dict[str, Value] = {}
        bad: dict[str, str] = {}
        for name, argument in arguments.items():
            parameter = self.parameter(name)
            if parameter is None:
                bad[name] = (
                    f"no such argument; `{self.name}` takes {', '.join(p.name for p in self.parameters)}"
                )
            elif argument is None and not parameter.required:
                continue
            elif value := parameter.type.check(argument, now):
                good[name] = value
            else:
                bad[name] = f"expected {parameter.type.asks}"
        return good, bad

    def schema(self) -> dict[str, Any]:
        """JSON schema of the arguments."""
        return {
            "type": "object",
            "properties": {
                p.name: {**p.type.schema, "description": p.description or p.type.asks}
                for p in self.parameters
            },
            "required": [p.name for p in self.parameters if p.required],
            "additionalProperties": False,
        }

    def described(self) -> ToolDescription:
        return ToolDescription(
            name=self.name,
            agent=self.agent,
            description=self.description,
            risk=self.risk,
            idempotent=self.idempotent,
            parameters=self.schema(),
            examples=list(self.examples),
        )


def _filled(templates: tuple[str, ...], values: Mapping[str, Value]) -> str:
    """The first of `templates` of which all slots are filled."""
    spoken = {name: value.spoken for name, value in values.items()}
    for template in templates:
        try:
            return template.format_map(spoken)
        except KeyError:
            continue
    return ""


@dataclass(frozen=True, slots=True)
class Agent:
    """A group of tools under one name."""

    name: str
    description: str
    tools: tuple[Tool, ...]
    health: str = ""
    """An address that answers 2xx while the agent can be used; empty: nobody is asked."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that holds no agent that can be used."""

    name: str
    """The file's, without its ending."""
    reason: str
    """File, field and what was expected."""


@dataclass(frozen=True, slots=True)
class Catalog:
    """All agents; tool names are unique across them."""

    agents: tuple[Agent, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def tools(self) -> tuple[Tool, ...]:
        return tuple(tool for agent in self.agents for tool in agent.tools)

    def tool(self, name: str) -> Tool | None:
        return next((tool for tool in self.tools if tool.name == name), None)
