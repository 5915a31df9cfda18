"""The session object of the wire: what a client may set, what is echoed, and what it means for the rules."""

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from gateway.session.clock import samples
from gateway.wires.realtime.errors import WireError, field, too_long
from gateway.wires.realtime.formats import PCM, parse_format

VAD: dict[str, Any] = {
    "type": "server_vad",
    "threshold": 0.5,
    "prefix_padding_ms": 300,
    "silence_duration_ms": 500,
    "idle_timeout_ms": None,
    "create_response": True,
    "interrupt_response": True,
}

ECHOED = (
    "tools",
    "tool_choice",
    "max_output_tokens",
    "tracing",
    "truncation",
    "prompt",
    "include",
    "reasoning",
)
"""Known fields without meaning here: accepted and given back, since stock clients send them."""


MOVED = {
    "input_audio_format": "audio.input.format",
    "output_audio_format": "audio.output.format",
    "input_audio_transcription": "audio.input.transcription",
    "turn_detection": "audio.input.turn_detection",
    "voice": "audio.output.voice",
    "modalities": "output_modalities",
}
"""Names of the protocol's beta, and where they went. Passed over in silence, a format would be heard as noise."""

LONGEST_IDLE_MS = 600_000

LONGEST_INSTRUCTIONS = 50_000
"""Characters."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What a `session.update` means for the call; None is left as it was."""

    instructions: str | None = None
    voice: str | None = None
    push_to_talk: bool | None = None
    answers_by_itself: bool | None = None
    interruptible: bool | None = None
    silence: int | None = None
    """`idle_timeout_ms` in samples."""
    input_format: bool = False
    output_format: bool = False


class SessionSettings:
    """One client's session object."""

    def __init__(
        self, session_id: str, model: str, instructions: str, voice: str, push_to_talk: bool
    ) -> None:
        self.body: dict[str, Any] = {
            "type": "realtime",
            "object": "realtime.session",
            "id": session_id,
            "model": model,
            "output_modalities": ["audio"],
            "instructions": instructions,
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "tracing": None,
            "truncation": "auto",
            "prompt": None,
            "include": None,
            "audio": {
                "input": {
                    "format": dict(PCM),
                    "transcription": None,
                    "noise_reduction": None,
                    "turn_detection": None if push_to_talk else dict(VAD),
                },
                "output": {"format": dict(PCM), "voice": voice, "speed": 1.0},
            },
        }

    @property
    def input_format(self) -> dict[str, Any]:
        return dict(self.body["audio"]["input"]["format"])

    @property
    def output_format(self) -> dict[str, Any]:
        return dict(self.body["audio"]["output"]["format"])

    @property
    def speaks(self) -> bool:
        """Whether the client wants sound; else text alone."""
        return "audio" in self.body["output_modalities"]

    @property
    def shows_tool_calls(self) -> bool:
        """Whether the client has named an MCP server among its tools, and so knows `mcp_call` items: Pipecat, which
        cannot name one, stops hearing at an item of a type that it does not know."""
        tools = self.body["tools"]
        return isinstance(tools, list) and any(
            isinstance(tool, dict) and tool.get("type") == "mcp" for tool in tools
        )

    def update(self, given: dict[str, Any]) -> Changes:
        """Take a `session.update`'s session object, whole or not at all.

        Raises:
            WireError: nothing was changed.
        """
        if given.get("type", "realtime") != "realtime":
            raise WireError(
                "invalid_value", "Invalid value for 'session.type': only 'realtime'.", "session.type"
            )
        for name in MOVED.keys() & given.keys():
            raise WireError(
                "unknown_parameter",
                f"Unknown parameter: 'session.{name}'; it is 'session.{MOVED[name]}' now.",
                f"session.{name}",
            )
        body = deepcopy(self.body)
        body |= {name: given[name] for name in ECHOED if name in given}
        if "model" in given:
            body["model"] = _text(given["model"], "session.model")
        if "instructions" in given:
            body["instructions"] = _text(given["instructions"], "session.instructions")
        if "output_modalities" in given:
            body["output_modalities"] = _modalities(given["output_modalities"])
        audio = _part(given, "audio", "session.audio")
        heard, spoken = (_part(audio, name, f"session.audio.{name}") for name in ("input", "output"))
        for name in ("transcription", "noise_reduction"):
            if name in heard:
                body["audio"]["input"][name] = heard[name]
        if "format" in heard:
            body["audio"]["input"]["format"] = parse_format(heard["format"], "session.audio.input.format")
        if "turn_detection" in heard:
            body["audio"]["input"]["turn_detection"] = _turn_detection(heard["turn_detection"])
        if "format" in spoken:
            body["audio"]["output"]["format"] = parse_format(spoken["format"], "session.audio.output.format")
        # A custom voice of OpenAI's is an object; like every voice that is not known here it means the default.
        for name, kind in (("voice", str | dict), ("speed", int | float)):
            if name in spoken:
                body["audio"]["output"][name] = field(spoken, name, kind, within="session.audio.output.")
        changes = self._changes(body, given, heard, spoken)
        self.body = body
        return changes

    def _changes(
        self, body: dict[str, Any], given: dict[str, Any], heard: dict[str, Any], spoken: dict[str, Any]
    ) -> Changes:
        turns = body["audio"]["input"]["turn_detection"]
        told = "turn_detection" in heard
        voice = spoken.get("voice")
        return Changes(
            instructions=body["instructions"] if "instructions" in given else None,
            voice=voice if isinstance(voice, str) else None,
            push_to_talk=turns is None if told else None,
            answers_by_itself=bool(turns and turns.get("create_response", True)) if told else None,
            interruptible=bool(turns and turns.get("interrupt_response", True)) if told else None,
            silence=_idle(turns) if told else None,
            input_format=body["audio"]["input"]["format"] != self.body["audio"]["input"]["format"],
            output_format=body["audio"]["output"]["format"] != self.body["audio"]["output"]["format"],
        )


def _idle(turns: dict[str, Any] | None) -> int | None:
    """After how many samples of silence the client wants the agent to speak up; None where it does not say."""
    where = "session.audio.input.turn_detection."
    wanted = field(turns or {}, "idle_timeout_ms", int | None, None, within=where)
    if wanted is not None and not 1000 <= wanted <= LONGEST_IDLE_MS:
        raise WireError(
            "invalid_value",
            f"Invalid value for '{where}idle_timeout_ms': 1000 to {LONGEST_IDLE_MS}.",
            f"{where}idle_timeout_ms",
        )
    return None if wanted is None else samples(wanted)


def _text(value: Any, param: str) -> str:
    if not isinstance(value, str):
        raise WireError("invalid_type", f"Invalid type for '{param}': expected a string.", param)
    if len(value) > LONGEST_INSTRUCTIONS:
        raise too_long(param, LONGEST_INSTRUCTIONS)
    return value


def _modalities(value: Any) -> list[str]:
    if value not in (["audio"], ["text"], ["audio", "text"], ["text", "audio"]):
        raise WireError(
            "invalid_value",
            "Invalid value for 'session.output_modalities': ['audio'] or ['text'].",
            "session.output_modalities",
        )
    return list(value)


def _part(whole: dict[str, Any], name: str, param: str) -> dict[str, Any]:
    part = whole.get(name)
    if part is None:
        return {}
    if not isinstance(part, dict):
        raise WireError("invalid_type", f"Invalid type for '{param}': expected an object.", param)
    return part


def _turn_detection(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    param = "session.audio.input.turn_detection"
    if not isinstance(value, dict) or value.get("type", "server_vad") not in ("server_vad", "semantic_vad"):
        raise WireError(
            "invalid_value", f"Invalid value for '{param}': null, server_vad or semantic_vad.", param
        )
    if value.get("type") == "semantic_vad":
        return {
            "type": "semantic_vad",
            "eagerness": "auto",
            "create_response": True,
            "interrupt_response": True,
        } | value
    return VAD | value
