"""An agent out of a YAML file; what is wrong is said with file, field and expectation."""

import importlib
import inspect
import os
import string
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.base.problems import Problem
from services.orchestrator.catalog import Agent, Catalog, Parameter, Tool
from services.orchestrator.language.phrases import BadPhrase, Phrase, parse_phrase
from services.orchestrator.language.slots import TYPES, SlotType, Value
from services.orchestrator.language.words import Tokens, tokenise
from services.orchestrator.protocol import Risk
from services.orchestrator.webhooks.rows import BadWebhook, WebhookRow, read_webhook

PACKAGED_AGENTS = Path(__file__).parent / "agents"
OWN_TOOLS = "services.orchestrator.tools"

MIN_EXAMPLES = 1
EXTRAS = frozenset({"report", "caller", "store", "roster"})
"""Parameters of a tool's function that this service fills, not the plan."""
DIGITS = "zero one two three four five six seven eight nine".split()
NAME = r"^[a-z][a-z0-9_]*$"


class BadAgents(Problem):
    """An agent's file cannot be used; the message names file, field and what was expected."""

    code, title = "bad_agents", "An agent's file cannot be used"


class _Yaml(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _ParameterYaml(_Yaml):
    name: str = Field(pattern=NAME)
    type: str
    description: str = ""
    required: bool = False
    ask: str = ""
    context: str = ""


class _ToolYaml(_Yaml):
    name: str = Field(pattern=NAME)
    description: str = Field(min_length=1)
    run: str | None = Field(default=None, pattern=r"^[\w.]+:\w+$")
    webhook: WebhookRow | None = None
    risk: Risk
    idempotent: bool = False
    cancellable: bool | None = None
    amendable: bool = False
    timeout_s: float = Field(default=20, gt=0, le=3600)
    parameters: list[_ParameterYaml] = []
    say: list[str] = []
    """Empty: the persona acknowledges in words of its own."""
    confirm: list[str] = []
    """How the user is asked whether it may run; empty: by its name and arguments."""
    phrases: str = ""
    """One a line; empty: the examples, word for word."""
    examples: list[str] = Field(min_length=MIN_EXAMPLES)


class _AgentYaml(_Yaml):
    agent: str = Field(pattern=NAME)
    description: str = Field(min_length=1)
    health: str = Field(default="", pattern=r"^(https?://[^\s{}]+)?$")
    """An address that answers 2xx while the agent can be used."""
    words: dict[str, str] = {}
    """Parts of phrases that have a name."""
    tools: list[_ToolYaml] = Field(min_length=1)


def load_agents(
    folder: Path = PACKAGED_AGENTS,
    allowed: Sequence[str] = (OWN_TOOLS,),
    environ: Mapping[str, str] = os.environ,
) -> Catalog:
    """Load every `*.yaml` of `folder`.

    Args:
        allowed: packages from which a file may name Python code. YAML that anyone may write must not become
            code that runs, so the list comes from whoever starts the process, never from the folder.
        environ: where the secrets of webhooks are.

    Raises:
        BadAgents: naming file, field and expectation.
    """
    names = Names()
    agents: list[Agent] = []
    for path in files_in(folder):
        agents.append(agent := load_agent(path, allowed, environ, names))
        names.claim(agent, path.name)
    return Catalog(tuple(agents))


def files_in(folder: Path) -> list[Path]:
    """The agents' files in `folder`, by name.

    Raises:
        BadAgents: there is none.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise BadAgents(f"{folder}: expected at least one .yaml file")
    return files


class Names:
    """Which file has which agent and tool: each name is there once."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}
        self._agents: dict[Tokens, str] = {}
        """By the words for it."""
        schema = {"type": "string"}
        self.agent_type = SlotType("agent", schema, self._read, 4, "the name of an agent that is here")
        """The type of a parameter that names an agent: of all that are claimed, those to come, too."""

    def claim(self, agent: Agent, file: str) -> None:
        """Raise `BadAgents` where another file has one of these names; else they are `file`'s."""
        named = [f"agent `{agent.name}`", *(f"tool `{tool.name}`" for tool in agent.tools)]
        for name in named:
            if (other := self._seen.get(name)) or named.count(name) > 1:
                raise BadAgents(f"{file}: {name}: expected a name of its own; {other or file} has it too")
        self._seen |= dict.fromkeys(named, file)
        self.know(agent.name)

    def know(self, agent: str) -> None:
        """It can be asked about."""
        self._agents[_spelled(tokenise(agent))] = agent

    def _read(self, tokens: Tokens, _: datetime) -> Value | None:
        words = tokens[1:] if tokens[:1] == ("the",) else tokens
        words = words[:-1] if words[-1:] in (("agent",), ("tool",), ("tools",)) else words
        name = self._agents.get(_spelled(words))
        return Value(name, name.replace("_", " ")) if name else None


def _spelled(words: Tokens) -> Tokens:
    """Single digits as they are said: "n8n" is "n eight n"."""
    return tuple(DIGITS[int(word)] if word.isdecimal() and len(word) == 1 else word for word in words)


def load_agent(path: Path, allowed: Sequence[str], environ: Mapping[str, str], names: Names) -> Agent:
    """Load one file; see `load_agents`. `names` are those of all files.

    Raises:
        BadAgents
    """
    try:
        row = _AgentYaml.model_validate(_read(path))
    except ValidationError as error:
        lines = [f"{_field(e['loc'])}: {e['msg']}" for e in error.errors()]
        raise BadAgents(f"{path.name}: {'; '.join(lines)}") from error
    types = TYPES | {names.agent_type.name: names.agent_type}
    tools = []
    for at, tool in enumerate(row.tools):
        try:
            tools.append(_tool(row, tool, allowed, environ, types))
        except _Wrong as wrong:
            raise BadAgents(f"{path.name}: tools[{at}].{wrong}") from wrong
        except RecursionError as error:
            # With anchors YAML can write a list that is in itself.
            raise BadAgents(f"{path.name}: tools[{at}]: expected nothing that holds itself") from error
    return Agent(row.agent, row.description, tuple(tools), row.health)


def _read(path: Path) -> object:
    """What the file's YAML says.

    Raises:
        BadAgents
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadAgents(f"{path.name}: expected a file that can be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadAgents(f"{path.name}: expected UTF-8 text") from error
    except Exception as error:
        # Beside its own errors PyYAML raises what it stumbles over: ValueError at `2026-13-45`, KeyError at `!!bool x`,
        # RecursionError at brackets without end.
        raise BadAgents(f"{path.name}: expected YAML: {' '.join(str(error).split())}") from error


class _Wrong(Exception):
    """Field and expectation, within one tool."""


def _field(location: tuple[int | str, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return text.lstrip(".") or "the file"


def _tool(
    agent: _AgentYaml,
    row: _ToolYaml,
    allowed: Sequence[str],
    environ: Mapping[str, str],
    types: Mapping[str, SlotType],
) -> Tool:
    parameters = []
    for at, parameter in enumerate(row.parameters):
        if parameter.type not in types:
            raise _Wrong(f"parameters[{at}].type: expected one of {', '.join(types)}; got `{parameter.type}`")
        if not parameter.ask and (parameter.required or parameter.type == "place"):
            why = "it is required" if parameter.required else "an unknown place has to be asked for"
            raise _Wrong(f"parameters[{at}].ask: expected a question for `{parameter.name}`, because {why}")
        fields = parameter.model_dump() | {"type": types[parameter.type]}
        parameters.append(Parameter(**fields))
    names = {parameter.name for parameter in parameters}
    if len(names) < len(parameters):
        raise _Wrong("parameters: expected names that differ")
    if ours := names & EXTRAS:
        raise _Wrong(f"parameters: expected other names than {_listed(ours)}, which a function gets from us")
    run, extras = _run(agent, row, names, allowed, environ)
    return Tool(
        name=row.name,
        agent=agent.agent,
        description=row.description,
        risk=row.risk,
        idempotent=row.idempotent,
        # What only reads leaves nothing half done.
        cancellable=row.risk == "read" if row.cancellable is None else row.cancellable,
        timeout_s=row.timeout_s,
        amendable=row.amendable,
        parameters=tuple(parameters),
        phrases=tuple(
            _phrase(agent, text, names) for text in row.phrases.splitlines() or row.examples if text.strip()
        ),
        examples=tuple(row.examples),
        say=tuple(_template(text, f"say[{at}]", names) for at, text in enumerate(row.say)),
        confirm=tuple(_template(text, f"confirm[{at}]", names) for at, text in enumerate(row.confirm)),
        run=run,
        extras=extras,
    )


def _run(
    agent: _AgentYaml, row: _ToolYaml, names: set[str], allowed: Sequence[str], environ: Mapping[str, str]
) -> tuple[Callable[..., Any], frozenset[str]]:
    """What does it, and which of `EXTRAS` that takes."""
    match row.run, row.webhook:
        case str(path), None:
            function = _callable(path, allowed)
            return function, _extras(function, names)
        case None, WebhookRow() as webhook:
            try:
                hook = read_webhook(
                    webhook, agent.agent, sorted(names), row.risk, row.idempotent, row.timeout_s, environ
                )
            except BadWebhook as error:
                raise _Wrong(f"webhook.{error}") from error
            return hook, frozenset({"report", "caller"})
        case _:
            raise _Wrong("run: expected either `run` (Python) or `webhook`")


def _phrase(agent: _AgentYaml, text: str, names: set[str]) -> Phrase:
    try:
        phrase = parse_phrase(text, agent.words)
    except BadPhrase as error:
        raise _Wrong(f"phrases: {error}") from error
    if unknown := phrase.slots - names:
        raise _Wrong(f"phrases: `{text}`: expected slots out of {_listed(names)}; got {_listed(unknown)}")
    return phrase


def _template(text: str, field: str, names: set[str]) -> str:
    try:
        slots = {slot for _, slot, _, _ in string.Formatter().parse(text) if slot is not None}
    except ValueError as error:
        raise _Wrong(f"{field}: {error}") from error
    if unknown := slots - names:
        raise _Wrong(f"{field}: expected slots out of {_listed(names)}; got {_listed(unknown)}")
    return text


def _callable(path: str, allowed: Sequence[str]) -> Callable[..., Any]:
    module_name, _, function = path.partition(":")
    if not any(module_name == package or module_name.startswith(f"{package}.") for package in allowed):
        raise _Wrong(
            f"run: expected a function in {_listed(allowed)} (ORCHESTRATOR_TOOL_PACKAGES); got `{path}`"
        )
    try:
        found = getattr(importlib.import_module(module_name), function)
    except Exception as error:
        # Importing a module runs it, and it may raise anything.
        raise _Wrong(f"run: expected a function that can be imported; `{path}`: {error}") from error
    if not inspect.iscoroutinefunction(found):
        # Only what awaits can be cancelled and timed out; blocking work belongs in asyncio.to_thread.
        raise _Wrong(f"run: expected an `async def`; `{path}` is none")
    return found  # type: ignore[no-any-return]


def _extras(run: Callable[..., Any], names: set[str]) -> frozenset[str]:
    """What `run` wants of the service itself; its other parameters must be those of the YAML."""
    takes = set(inspect.signature(run).parameters)
    extras = takes & EXTRAS
    if takes - extras != names:
        raise _Wrong(f"run: expected a function of {_listed(names)}; it takes {_listed(takes - extras)}")
    return frozenset(extras)


def _listed(names: object) -> str:
    return ", ".join(sorted(names)) or "nothing"  # type: ignore[call-overload]
