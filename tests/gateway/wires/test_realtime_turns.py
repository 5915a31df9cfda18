"""Turns on the realtime wire: what a client is told, in which order."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from bridge import events as bridge
from gateway.session.clock import RATE
from tests.gateway.harness import WORD, Gateway, sound
from tests.gateway.samples import finished_invocation


async def test_a_spoken_turn_is_told_in_openai_s_order(gateway: Gateway) -> None:
    client, ears = await gateway.client(antiphon=False)
    await client.send("input_audio_buffer.append", audio=sound(20))
    await ears.say("hello there")
    done = await client.until("response.done")
    assert done["response"]["status"] == "completed"
    user = [
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        "conversation.item.added",
        "conversation.item.input_audio_transcription.delta",
        "conversation.item.input_audio_transcription.completed",
        "conversation.item.done",
    ]
    agent = [
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        *["response.output_audio_transcript.delta"] * 4,
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert client.kinds() == ["session.created", *user, *agent]


async def test_the_agent_s_sound_arrives_whole(gateway: Gateway) -> None:
    client, ears = await gateway.client()
    await client.send("input_audio_buffer.append", audio=sound(20))
    await ears.say("hello there")
    done = await client.until("response.done")
    pcm = np.frombuffer(client.sound(done["response"]["id"]), dtype="<i2")
    assert len(pcm) == 4 * WORD
    assert (pcm == 0x4000).all()


async def test_a_typed_turn_is_answered_when_an_answer_is_asked_for(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.text("good morning")
    done = await client.until("response.done")
    assert done["response"]["output"][0]["content"][0]["transcript"] == "You said good morning"


async def test_text_modality_gives_text_and_no_sound(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.send("session.update", session={"type": "realtime", "output_modalities": ["text"]})
    await client.text("good morning")
    await client.until("response.done")
    assert "response.output_text.delta" in client.kinds()
    assert not any(e["type"] == "response.output_audio.delta" for e in client.events)


async def test_an_answer_without_anything_said_is_refused(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.send("response.create")
    assert (await client.until("error"))["error"]["code"] == "no_input"


async def test_instructions_of_a_response_are_spoken(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.send(
        "response.create", response={"instructions": "Say that tea is ready", "metadata": {"a": "b"}}
    )
    done = await client.until("response.done")
    assert gateway.parts.voice.spoken == ["Say that tea is ready"]
    assert done["response"]["metadata"] == {"a": "b"}


async def test_the_session_s_own_instructions_are_not_spoken(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.send("session.update", session={"type": "realtime", "instructions": "You are kind."})
    await client.send("response.create", response={"instructions": "You are kind.\nTea is ready."})
    await client.until("response.done")
    assert gateway.parts.voice.spoken == ["Tea is ready."]


async def test_cancel_stops_the_response_and_names_what_was_heard(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.text("one two three four five six seven eight nine ten eleven twelve")
    await client.until("response.output_audio_transcript.delta", delta=" two")
    await client.send("response.cancel")
    done = await client.until("response.done")
    assert done["response"]["status"] == "cancelled"
    assert done["response"]["status_details"]["reason"] == "client_cancelled"
    said = done["response"]["output"][0]["content"][0]["transcript"]
    assert said.startswith("You said one")
    assert "twelve" not in said


async def test_cancel_without_a_response_is_an_error_and_nothing_else(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.send("response.cancel", event_id="mine")
    error = (await client.until("error"))["error"]
    assert (error["code"], error["event_id"]) == ("response_cancel_not_active", "mine")


async def test_a_barge_in_is_told_right_before_the_end_of_the_response(gateway: Gateway) -> None:
    client, ears = await gateway.client(antiphon=False)
    await client.text("one two three four five six seven eight nine ten eleven twelve")
    await client.until("response.output_audio.delta")
    await ears.begin("stop")
    await client.until("response.done")
    kinds = client.kinds()
    started = kinds.index("input_audio_buffer.speech_started")
    assert kinds[started + 1] == "response.output_audio.done"
    assert kinds[-1] == "response.done"


async def test_a_murmur_while_the_agent_speaks_is_an_item_and_stops_nothing(gateway: Gateway) -> None:
    client, ears = await gateway.client(antiphon=False)
    await client.text("one two three four five six seven eight nine ten eleven twelve")
    await client.until("response.output_audio.delta")
    await ears.say("mhm")
    heard = await client.until("conversation.item.input_audio_transcription.completed")
    done = await client.until("response.done")
    assert heard["transcript"] == "mhm"
    assert done["response"]["status"] == "completed"
    assert "input_audio_buffer.speech_started" not in client.kinds()


async def test_every_spoken_item_is_added_without_its_words(gateway: Gateway) -> None:
    client, ears = await gateway.client(antiphon=False)
    await client.send("input_audio_buffer.append", audio=sound(20))
    await ears.say("hello there")
    await client.until("response.output_audio.delta")
    await ears.say("mhm")
    await client.until("response.done")
    added = [e["item"] for e in client.events if e["type"] == "conversation.item.added"]
    spoken = [item["content"] for item in added if item["role"] == "user"]
    assert spoken == [[{"type": "input_audio", "transcript": None}]] * 2


async def test_truncation_tells_how_much_was_heard(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.text("one two three four five")
    done = await client.until("response.done")
    item = done["response"]["output"][0]["id"]
    heard_ms = 3 * WORD * 1000 // RATE
    await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=heard_ms)
    assert (await client.until("conversation.item.truncated"))["audio_end_ms"] == heard_ms
    rows = [row for row in gateway.rows if getattr(row, "heard_basis", None) == "client"]
    assert rows[-1].heard_text == "You said one"  # type: ignore[union-attr]


async def test_push_to_talk_ends_a_turn_by_commit_alone(gateway: Gateway) -> None:
    client, ears = await gateway.client()
    manual = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    await client.send("session.update", session=manual)
    await client.until("session.updated")
    await client.send("input_audio_buffer.append", audio=sound(2000))
    await ears.begin("what is new")
    await client.send("input_audio_buffer.commit")
    await client.send("response.create")
    done = await client.until("response.done")
    assert done["response"]["output"][0]["content"][0]["transcript"] == "You said what is new"
    assert "input_audio_buffer.speech_stopped" not in client.kinds()
    assert ears.heard >= 2 * 2000 * RATE // 1000


async def test_our_own_events_go_to_those_alone_who_asked(gateway: Gateway) -> None:
    for antiphon in (True, False):
        client, ears = await gateway.client(antiphon=antiphon)
        await client.send("input_audio_buffer.append", audio=sound(20))
        await ears.say("hello there")
        await client.until("response.done")
        assert any(kind.startswith("antiphon.") for kind in client.kinds()) is antiphon


async def the_time(utterance: bridge.Utterance) -> AsyncIterator[bridge.BridgeEvent]:
    """A bridge that has the clock tell the time."""
    invocation = finished_invocation(utterance)
    yield bridge.InvocationChanged(invocation)
    yield bridge.Reply(utterance.turn_id, "It is noon.", "tool", invocation.invocation_id)


async def test_a_tool_is_a_finished_item_for_who_names_an_mcp_server(gateway: Gateway) -> None:
    gateway.parts.bridge.script = the_time
    client, _ = await gateway.client(antiphon=False)
    await client.send(
        "session.update",
        session={"type": "realtime", "tools": [{"type": "mcp", "server_label": "antiphon"}]},
    )
    await client.text("what time is it")
    item: dict[str, Any] = {"type": ""}
    while item["type"] != "mcp_call":
        item = (await client.until("conversation.item.done"))["item"]
    assert item["name"] == "tell_time"
    assert item["error"] is None
    done = await client.until("response.done")
    assert done["response"]["output"][0]["content"][0]["transcript"] == "It is noon."


async def test_a_tool_is_only_heard_by_who_names_none(gateway: Gateway) -> None:
    gateway.parts.bridge.script = the_time
    client, _ = await gateway.client(antiphon=False)
    await client.text("what time is it")
    done = await client.until("response.done")
    assert done["response"]["output"][0]["content"][0]["transcript"] == "It is noon."
    items = [e for e in client.events if e["type"].startswith("conversation.item.")]
    assert {e["item"]["type"] for e in items} == {"message"}
    names = {e["item"]["id"] for e in items} | {None}
    assert {e["previous_item_id"] for e in items} <= names


async def test_what_breaks_in_the_bridge_is_said_and_the_call_goes_on(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(utterance: bridge.Utterance) -> AsyncIterator[bridge.BridgeEvent]:
        if utterance.text == "break":
            raise RuntimeError("a fault of ours")
        yield bridge.LeftToMind(utterance.turn_id)

    gateway.parts.bridge.script = script
    client, _ = await gateway.client()
    await client.text("break")
    done = await client.until("response.done")
    assert "something broke" in done["response"]["output"][0]["content"][0]["transcript"]
    assert "the bridge failed" in caplog.text
    await client.text("hello")
    done = await client.until("response.done")
    assert done["response"]["output"][0]["content"][0]["transcript"] == "You said hello"


async def test_a_voice_lost_in_mid_sentence_goes_on_at_the_word(gateway: Gateway) -> None:
    gateway.parts.voice.breaks_after = 3
    client, _ = await gateway.client()
    await client.text("one two three")
    done = await client.until("response.done")
    assert done["response"]["status"] == "completed"
    assert gateway.parts.voice.spoken == ["You said one two three", "two three"]
    assert len(client.sound(done["response"]["id"])) == 2 * 5 * WORD


async def test_closing_in_order_ends_the_call(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    call = gateway.call()
    await client.socket.close()
    await gateway.over()
    assert call.end_reason == "client_closed"
    assert gateway.parts.bridge.closed


async def test_the_words_of_a_response_add_up_to_its_transcript(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    for words in ("one two", "three"):
        client.events.clear()
        await client.text(words)
        done = await client.until("response.done")
        deltas = [e["delta"] for e in client.events if e["type"] == "response.output_audio_transcript.delta"]
        assert "".join(deltas) == done["response"]["output"][0]["content"][0]["transcript"]


async def test_each_duck_ends_also_when_the_user_takes_the_floor(gateway: Gateway) -> None:
    client, ears = await gateway.client()
    await client.text("one two three four five six")
    await client.until("response.output_audio.delta")
    await ears.begin("stop")
    await client.until("antiphon.duck", on=False)
    kinds = client.kinds()
    assert kinds.index("antiphon.duck") < kinds.index("response.done")
    assert kinds[-2:] == ["response.done", "antiphon.duck"]


async def test_a_murmur_ducks_and_lets_the_agent_go_on(gateway: Gateway) -> None:
    client, ears = await gateway.client()
    await client.text("one two three four five six seven")
    await client.until("response.output_audio.delta")
    await ears.say("mhm")
    await client.until("antiphon.duck", on=True)
    await client.until("antiphon.duck", on=False)
    assert (await client.until("response.done"))["response"]["status"] == "completed"
    assert [e["on"] for e in client.events if e["type"] == "antiphon.duck"] == [True, False]


@pytest.mark.parametrize("antiphon", [True, False])
async def test_clearing_the_output_stops_the_agent_and_is_told_once(gateway: Gateway, antiphon: bool) -> None:
    client, _ = await gateway.client(antiphon=antiphon)
    await client.text("one two three four five six")
    await client.until("response.output_audio.delta")
    await client.send("output_audio_buffer.clear")
    await client.send("conversation.item.retrieve", item_id="item_x")
    await client.error()
    assert client.kinds().count("output_audio_buffer.cleared") == 1
    assert client.kinds().count("response.done") == 1


async def test_a_truncated_item_shows_what_was_heard(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.text("one two three four five")
    item = (await client.until("response.done"))["response"]["output"][0]["id"]
    await client.send("conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=600)
    await client.send("conversation.item.retrieve", item_id=item)
    shown = (await client.until("conversation.item.retrieved"))["item"]
    assert shown["content"][0]["transcript"] == "You said one"
    assert gateway.call().conversation.last("agent") == "You said one"


async def test_a_deleted_item_is_forgotten_by_the_mind_too(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    await client.text("one")
    item = (await client.until("response.done"))["response"]["output"][0]["id"]
    await client.send("conversation.item.delete", item_id=item)
    await client.until("conversation.item.deleted")
    assert gateway.call().conversation.last("agent") == ""


async def test_a_system_item_is_added_to_the_instructions(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    content = [{"type": "input_text", "text": "The user is called Ada."}]
    await client.send(
        "conversation.item.create", item={"type": "message", "role": "system", "content": content}
    )
    await client.until("conversation.item.done")
    assert gateway.call().profile.brief.instructions.endswith("The user is called Ada.")


async def test_telephone_sound_comes_whole_also_at_its_end(gateway: Gateway) -> None:
    client, _ = await gateway.client()
    phone = {"input": {"format": {"type": "audio/pcma"}}, "output": {"format": {"type": "audio/pcma"}}}
    await client.send("session.update", session={"type": "realtime", "audio": phone})
    for _ in range(2):
        await client.text("one")
        done = await client.until("response.done")
        assert len(client.sound(done["response"]["id"])) == 3 * WORD // 3


async def test_a_committed_telephone_turn_is_heard_whole(gateway: Gateway) -> None:
    client, ears = await gateway.client()
    audio = {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}}
    await client.send("session.update", session={"type": "realtime", "audio": audio})
    await client.send("input_audio_buffer.append", audio=base64.b64encode(b"\xff" * 1600).decode())
    await client.send("input_audio_buffer.commit")
    await client.until("input_audio_buffer.committed")
    assert ears.heard == 1600 * 3 * 2


async def test_the_spans_of_a_turn_are_told_with_its_first_sound(gateway: Gateway) -> None:
    async def script(utterance: bridge.Utterance) -> AsyncIterator[bridge.BridgeEvent]:
        yield bridge.IntentDecided(utterance.turn_id, bridge.Intent.CHITCHAT, 0.9, 1.5, "nearest")
        yield bridge.LeftToMind(utterance.turn_id)

    gateway.parts.bridge.script = script
    client, ears = await gateway.client()
    await client.send("input_audio_buffer.append", audio=sound(20))
    await ears.say("hello there")
    told = await client.until("antiphon.latency")
    assert set(told["spans"]) == {"endpoint", "transcript", "intent", "turn", "first_audio"}
    assert told["spans"]["intent"] == 1.5
    assert all(took >= 0 for took in told["spans"].values())
    assert (
        told["response_id"]
        == [e for e in client.events if e["type"] == "response.created"][-1]["response"]["id"]
    )


async def test_who_is_not_heard_is_told_so_once(gateway: Gateway) -> None:
    client, ears = await gateway.client()
    ears.missing = "no place is free"
    await client.send("input_audio_buffer.append", audio=sound(20))
    error = await client.until("error")
    assert error["error"]["code"] == "transcriber_away"
    done = await client.until("response.done")
    assert done["response"]["output"][0]["content"][0]["transcript"].startswith("I can't hear you")
    await client.text("hello")
    await client.until("response.done")
    assert [event["type"] for event in client.events].count("error") == 1
