"""What clients do wrong: one `error` event that says so, nothing changed, and the call goes on."""

import base64
import contextlib
import reprlib
from typing import Any

import pytest

from gateway.wires.realtime import hearing
from gateway.wires.realtime.formats import Decoder
from tests.gateway.harness import Client, Gateway, sound


def audio_format(side: str, form: Any) -> dict[str, Any]:
    """A session object that asks for an audio format."""
    return {"type": "realtime", "audio": {side: {"format": form}}}


async def assert_alive(client: Client) -> None:
    """What is right is taken as if nothing had been."""
    content = [{"type": "input_text", "text": "still there"}]
    await client.send(
        "conversation.item.create", item={"type": "message", "role": "user", "content": content}
    )
    while (await client.until("conversation.item.done"))["item"]["content"] != content:
        pass


BAD_TEXTS = {
    "not JSON": "hello",
    "half of it": '{"type": "response.create"',
    "no object": "[1, 2]",
    "a number that JSON has not": '{"type": "session.update", "session": {"tracing": NaN}}',
    "a number beyond all": '{"type": "session.update", "session": {"tracing": 1e999}}',
    "the character zero": '{"type": "response.create", "response": {"instructions": "a\\u0000b"}}',
    "half of a surrogate pair": '{"type": "response.create", "response": {"instructions": "\\ud83d"}}',
    "too deep": '{"type": "session.update", "session": {"tracing": ' + "[" * 50 + "]" * 50 + "}}",
    "far too deep": "[" * 100_000,
}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
async def test_what_cannot_be_read_is_invalid_json(gateway: Gateway, text: str) -> None:
    client, _ = await gateway.client()
    await client.socket.send_str(text)
    assert (await client.error())["code"] == "invalid_json"
    await assert_alive(client)


async def test_a_binary_frame_is_invalid_json(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.socket.send_bytes(bytes(960))
    assert (await client.error())["code"] == "invalid_json"


BAD_EVENTS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "no type": ({}, "missing_required_parameter", "type"),
    "a type that is no text": ({"type": 5}, "invalid_type", "type"),
    "a type nobody knows": ({"type": "input_audio_buffer.explode"}, "invalid_value", "type"),
    "no audio": ({"type": "input_audio_buffer.append"}, "missing_required_parameter", "audio"),
    "audio that is no text": ({"type": "input_audio_buffer.append", "audio": [0]}, "invalid_type", "audio"),
    "not base64": ({"type": "input_audio_buffer.append", "audio": "€€"}, "invalid_value", "audio"),
    "half a sample": ({"type": "input_audio_buffer.append", "audio": "AAAA"}, "invalid_value", "audio"),
    "nothing to commit": (
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        None,
    ),
    "no session": ({"type": "session.update"}, "missing_required_parameter", "session"),
    "a session that is no object": ({"type": "session.update", "session": []}, "invalid_type", "session"),
    "a transcription session": (
        {"type": "session.update", "session": {"type": "transcription"}},
        "invalid_value",
        "session.type",
    ),
    "instructions that are no text": (
        {"type": "session.update", "session": {"instructions": 5}},
        "invalid_type",
        "session.instructions",
    ),
    "instructions without end": (
        {"type": "session.update", "session": {"instructions": "a" * 50_001}},
        "string_above_max_length",
        "session.instructions",
    ),
    "a voice that is no name": (
        {"type": "session.update", "session": {"audio": {"output": {"voice": 5}}}},
        "invalid_type",
        "session.audio.output.voice",
    ),
    "turn detection of another kind": (
        {"type": "session.update", "session": {"audio": {"input": {"turn_detection": {"type": "magic"}}}}},
        "invalid_value",
        "session.audio.input.turn_detection",
    ),
    "modalities nobody has": (
        {"type": "session.update", "session": {"output_modalities": ["smell"]}},
        "invalid_value",
        "session.output_modalities",
    ),
    "an item of another kind": (
        {"type": "conversation.item.create", "item": {"type": "function_call_output", "output": "1"}},
        "invalid_value",
        "item.type",
    ),
    "an item of nobody": (
        {"type": "conversation.item.create", "item": {"type": "message", "role": "dog", "content": []}},
        "invalid_value",
        "item.role",
    ),
    "an item without text": (
        {"type": "conversation.item.create", "item": {"type": "message", "role": "user", "content": []}},
        "invalid_value",
        "item.content",
    ),
    "an item that is an image": (
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "user", "content": [{"type": "input_image"}]},
        },
        "invalid_value",
        "item.content",
    ),
    "an item with too much text": (
        {
            "type": "conversation.item.create",
            "item": {
                "type": "message",
                "role": "user",
                "content": [{"type": "input_text", "text": "a" * (hearing.LONGEST_TEXT + 1)}],
            },
        },
        "string_above_max_length",
        "item.content",
    ),
    "a deleted item that was none": (
        {"type": "conversation.item.delete", "item_id": "item_x"},
        "item_not_found",
        "item_id",
    ),
    "a retrieved item that was none": (
        {"type": "conversation.item.retrieve", "item_id": "item_x"},
        "item_not_found",
        "item_id",
    ),
    "a truncated item that was none": (
        {"type": "conversation.item.truncate", "item_id": "item_x", "content_index": 0, "audio_end_ms": 1},
        "item_not_found",
        "item_id",
    ),
    "truncated at no time": (
        {"type": "conversation.item.truncate", "item_id": "item_x", "content_index": 0, "audio_end_ms": "1"},
        "invalid_type",
        "audio_end_ms",
    ),
    "a response that is no object": ({"type": "response.create", "response": 5}, "invalid_type", "response"),
    "metadata that is no object": (
        {"type": "response.create", "response": {"metadata": "a"}},
        "invalid_type",
        "response.metadata",
    ),
    "a response about nothing": ({"type": "response.create"}, "no_input", None),
    "nothing to cancel": ({"type": "response.cancel"}, "response_cancel_not_active", None),
    "an event without end": (
        {"type": "session.update", "session": {"tools": ["a" * hearing.LONGEST_EVENT]}},
        "string_above_max_length",
        "session.update",
    ),
    "manners nobody knows": (
        {"type": "antiphon.engine", "input_mode": "shouting"},
        "invalid_value",
        "input_mode",
    ),
}


@pytest.mark.parametrize(("event", "code", "param"), BAD_EVENTS.values(), ids=BAD_EVENTS.keys())
async def test_a_bad_event_is_one_error_and_nothing_else(
    gateway: Gateway, event: dict[str, Any], code: str, param: str | None
) -> None:
    client, _ = await gateway.client()
    await client.socket.send_json(event | {"event_id": "mine"})
    error = await client.error()
    assert (error["code"], error["param"], error["event_id"]) == (code, param, "mine")
    assert error["type"] == "invalid_request_error"
    assert client.kinds() == ["session.created", "antiphon.engine", "error"]
    await assert_alive(client)


@pytest.mark.parametrize("side", ["input", "output"])
@pytest.mark.parametrize(
    "form", [{"type": "audio/pcm", "rate": 48000}, {"type": "audio/opus"}, {"rate": 24000}, "pcm16", None, {}]
)
async def test_a_wrong_format_is_told_what_came_and_what_was_wanted(
    gateway: Gateway, side: str, form: Any
) -> None:
    client, _ = await gateway.client()
    good = audio_format(side, {"type": "audio/pcmu"})
    await client.send("session.update", session=good)
    before = (await client.until("session.updated"))["session"]
    await client.send("session.update", session=audio_format(side, form) | {"instructions": "Be brief."})
    error = await client.error()
    assert error["param"] == f"session.audio.{side}.format"
    assert reprlib.repr(form) in error["message"]
    assert "24000" in error["message"]
    await client.send("session.update", session={"type": "realtime"})
    assert (await client.until("session.updated"))["session"] == before


@pytest.mark.parametrize("name", ["input_audio_format", "modalities", "voice"])
async def test_the_beta_s_names_are_refused_with_the_new_one(gateway: Gateway, name: str) -> None:
    client, _ = await gateway.client()
    await client.send("session.update", session={"type": "realtime", name: "g711_ulaw"})
    error = await client.error()
    assert error["code"] == "unknown_parameter"
    assert "session." in error["message"].split(";")[1]


@pytest.mark.parametrize(
    ("head", "named"), [(b"RIFF", "WAV"), (b"OggS", "Ogg"), (b"\x1aE\xdf\xa3", "WebM"), (b"fLaC", "FLAC")]
)
@pytest.mark.parametrize("form", ["audio/pcm", "audio/pcma"])
async def test_a_file_is_not_heard_as_raw_sound(gateway: Gateway, head: bytes, named: str, form: str) -> None:
    client, ears = await gateway.client()
    await client.send("session.update", session=audio_format("input", {"type": form}))
    audio = base64.b64encode(head + bytes(100)).decode()
    await client.send("input_audio_buffer.append", audio=audio)
    error = await client.error()
    assert named in error["message"]
    assert form in error["message"]
    assert ears.heard == 0


async def test_more_than_a_minute_ahead_is_refused_and_what_came_before_is_heard(gateway: Gateway) -> None:
    client, ears = await gateway.client()
    await client.send("input_audio_buffer.append", audio=sound(40_000))
    await client.send("input_audio_buffer.append", audio=sound(40_000))
    assert (await client.error())["code"] == "input_audio_buffer_full"
    await client.send("input_audio_buffer.commit")
    await client.until("input_audio_buffer.committed")
    assert ears.heard == 40 * 48_000
    await assert_alive(client)


@pytest.mark.parametrize("ms", [-1, 10**12, 10**400])
async def test_a_time_that_cannot_be_is_refused(gateway: Gateway, ms: int) -> None:
    client, _ = await gateway.client()
    await client.text("hello")
    done = await client.until("response.done")
    item = done["response"]["output"][0]["id"]
    await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=ms)
    assert (await client.error())["code"] == "invalid_value"
    await assert_alive(client)


async def test_only_what_the_agent_said_can_be_truncated(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    content = [{"type": "input_text", "text": "hello"}]
    item = {"id": "mine", "type": "message", "role": "user", "content": content}
    await client.send("conversation.item.create", item=item)
    await client.until("conversation.item.done")
    await client.send("conversation.item.truncate", item_id="mine", content_index=0, audio_end_ms=0)
    assert (await client.error())["code"] == "invalid_value"


async def test_an_item_s_id_is_taken_once(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    content = [{"type": "input_text", "text": "hello"}]
    item = {"id": "mine", "type": "message", "role": "user", "content": content}
    for _ in range(2):
        await client.send("conversation.item.create", item=item)
    assert (await client.error())["param"] == "item.id"


async def test_a_second_response_waits_for_the_first(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.text("one two three")
    await client.until("response.created")
    await client.send("response.create")
    assert (await client.error())["code"] == "conversation_already_has_active_response"
    assert (await client.until("response.done"))["response"]["status"] == "completed"


async def test_the_metadata_of_a_refused_response_is_no_other_one_s(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.send("response.create", response={"metadata": {"mine": "1"}})
    assert (await client.error())["code"] == "no_input"
    await client.text("hello")
    assert (await client.until("response.done"))["response"]["metadata"] is None


async def test_a_fault_of_ours_costs_one_event(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client, _ = await gateway.client()

    def broken() -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(gateway.call(), "clear", broken)
    await client.send("input_audio_buffer.clear", event_id="mine")
    error = await client.error()
    assert (error["code"], error["type"], error["event_id"]) == ("internal_error", "server_error", "mine")
    assert "event failed" in caplog.text
    await assert_alive(client)


async def test_a_message_beyond_twenty_megabytes_costs_the_connection_and_not_the_call(
    gateway: Gateway,
) -> None:
    session = await gateway.session()
    client = await gateway.attach(session)
    # Closed with 1009 while it still sends.
    with contextlib.suppress(ConnectionError):
        await client.send("input_audio_buffer.append", audio="A" * 21 * 2**20)
    assert (await client.closed())[0] in (1009, 1006)
    again = await gateway.attach(session)
    await again.until("session.created")
    await assert_alive(again)


async def test_telephone_sound_beyond_the_buffer_is_refused_before_it_is_decoded(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _ = await gateway.client()
    pcmu = {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}
    await client.send("session.update", session=pcmu)
    await client.until("session.updated")

    def decode(decoder: Decoder, audio: str) -> bytes:
        raise AssertionError("decoded for nothing")

    monkeypatch.setattr(Decoder, "decode", decode)
    await client.send("input_audio_buffer.append", audio="AAAA" * 200_000)
    assert (await client.error())["code"] == "input_audio_buffer_full"


async def test_system_items_do_not_grow_without_end(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    item = {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "x" * 19_000}]}
    for _ in range(3):
        await client.send("conversation.item.create", item=item)
    assert (await client.error())["code"] == "string_above_max_length"
    await assert_alive(client)
