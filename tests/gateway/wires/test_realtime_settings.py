"""What a client may set in its session, what is merely given back, and what unknown names mean."""

from typing import Any

import pytest

from gateway.session.rules import Rules
from gateway.store.rows import SessionRow
from gateway.wires.realtime.settings import Changes, SessionSettings
from tests.gateway.harness import Gateway


@pytest.fixture
def settings() -> SessionSettings:
    return SessionSettings("sess_1", "antiphon", "Be kind.", "fern", push_to_talk=False)


MEANINGLESS = {
    "tracing": "auto",
    "truncation": {"type": "retention_ratio", "retention_ratio": 0.8},
    "include": ["item.input_audio_transcription.logprobs"],
    "prompt": {"id": "pmpt_1"},
    "reasoning": {"effort": "low"},
    "tools": [{"type": "function", "name": "look"}],
    "tool_choice": "required",
    "max_output_tokens": 100,
}


@pytest.mark.parametrize(("name", "value"), MEANINGLESS.items())
def test_fields_without_meaning_here_are_given_back(settings: SessionSettings, name: str, value: Any) -> None:
    assert settings.update({"type": "realtime", name: value}) == Changes()
    assert settings.body[name] == value


@pytest.mark.parametrize("name", ["noise_reduction", "transcription"])
def test_so_are_those_of_the_input(settings: SessionSettings, name: str) -> None:
    assert settings.update({"audio": {"input": {name: {"type": "near_field"}}}}) == Changes()
    assert settings.body["audio"]["input"][name] == {"type": "near_field"}


@pytest.mark.parametrize(
    ("turns", "changes"),
    [
        (None, Changes(push_to_talk=True, answers_by_itself=False, interruptible=False)),
        (
            {"type": "server_vad", "silence_duration_ms": 900},
            Changes(push_to_talk=False, answers_by_itself=True, interruptible=True),
        ),
        (
            {"type": "semantic_vad", "create_response": False},
            Changes(push_to_talk=False, answers_by_itself=False, interruptible=True),
        ),
        (
            {"type": "server_vad", "interrupt_response": False},
            Changes(push_to_talk=False, answers_by_itself=True, interruptible=False),
        ),
    ],
)
def test_turn_detection_says_who_ends_turns_and_who_answers(
    settings: SessionSettings, turns: Any, changes: Changes
) -> None:
    assert settings.update({"audio": {"input": {"turn_detection": turns}}}) == changes


def test_what_is_not_said_stays(settings: SessionSettings) -> None:
    settings.update({"audio": {"input": {"format": {"type": "audio/pcmu"}}, "output": None}})
    settings.update({"instructions": "Be brief.", "audio": None})
    assert settings.input_format == {"type": "audio/pcmu"}
    assert settings.body["instructions"] == "Be brief."
    assert settings.body["audio"]["output"]["voice"] == "fern"


async def test_a_voice_of_ours_is_taken_and_written_down(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "alder"}}})
    await client.until("session.updated")
    assert gateway.call().profile.brief.voice.name == "alder"
    changed = [row for row in gateway.rows if isinstance(row, SessionRow)][-1]
    assert changed.voice_prompt == "alder"


async def test_a_voice_of_others_means_the_default_and_is_given_back(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    before = gateway.call().profile.brief
    await client.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "alloy"}}})
    updated = await client.until("session.updated")
    assert updated["session"]["audio"]["output"]["voice"] == "alloy"
    assert gateway.call().profile.brief == before


async def test_the_model_of_a_connection_may_name_a_persona(gateway: Gateway) -> None:
    for model, persona in (("plain", "plain"), ("gpt-realtime", gateway.parts.catalogue.default.name)):
        client = await gateway.connect(f"{gateway.url}/v1/realtime?model={model}")
        created = await client.until("session.created")
        assert created["session"]["model"] == model
        assert gateway.call().profile.brief.persona.name == persona
        await client.socket.close()
        await gateway.over()


async def test_our_own_clients_choose_push_to_talk_in_a_word(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.send("antiphon.engine", input_mode="push_to_talk")
    updated = await client.until("session.updated")
    assert updated["session"]["audio"]["input"]["turn_detection"] is None
    await client.send("antiphon.engine", input_mode="duplex")
    updated = await client.until("session.updated")
    assert updated["session"]["audio"]["input"]["turn_detection"]["type"] == "server_vad"


def manners(rules: Rules) -> tuple[bool, bool, bool]:
    """What a client may choose: push-to-talk, answers by itself, interruptible."""
    return rules.push_to_talk, rules.answers_by_itself, rules.interruptible


async def test_such_a_choice_brings_all_manners_that_the_session_shows(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    quiet = {"type": "server_vad", "create_response": False, "interrupt_response": False}
    await client.send(
        "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": quiet}}}
    )
    await client.until("session.updated")
    await client.send("antiphon.engine", input_mode="push_to_talk")
    await client.until("session.updated")
    await client.text("hello")
    await client.until("response.done")
    assert manners(gateway.call().session.rules) == (True, True, True)
    await client.send("antiphon.engine", input_mode="duplex")
    updated = await client.until("session.updated")
    assert updated["session"]["audio"]["input"]["turn_detection"]["create_response"] is True
    await client.text("hello")
    await client.until("response.done")
    assert manners(gateway.call().session.rules) == (False, True, True)


async def test_our_clients_are_told_engine_persona_voice_and_recogniser(gateway: Gateway) -> None:
    client = await gateway.attach(await gateway.session())
    told = await client.until("antiphon.engine")
    assert (told["mode"], told["reason"], told["persona"]) == ("local", None, "myca")
    assert told["recognizer"] == gateway.parts.recognizer
