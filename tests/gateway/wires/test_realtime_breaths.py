"""On the realtime wire: a wish in two breaths, a greeting, a word into long silence, and silence when asked for."""

from collections.abc import AsyncIterator

from bridge import events as bridge
from gateway.conversation import Line
from gateway.session import effects as do
from gateway.store.rows import TurnRow
from tests.gateway.harness import Gateway, Watch, sound

QUESTION, MORE = "what time is it", "in tokyo"


async def in_two_breaths(gateway: Gateway, antiphon: bool) -> tuple[list[dict[str, object]], Watch]:
    """A call in which the wish goes on while the answer to its first half is said; all events."""
    client, ears = await gateway.client(antiphon=antiphon)
    watch = Watch(gateway.call())
    await client.send("input_audio_buffer.append", audio=sound(20))
    await ears.say(QUESTION)
    await client.until("response.output_audio.delta")
    await ears.say(MORE)
    await client.until("response.done")
    whole = await client.until("response.done")
    assert whole["response"]["status"] == "completed"
    return client.events, watch


def transcripts(events: list[dict[str, object]]) -> dict[object, object]:
    """The words of the user's items, by item."""
    return {
        e["item_id"]: e["transcript"] for e in events if str(e["type"]).endswith("transcription.completed")
    }


async def test_the_second_breath_is_an_item_with_the_words_that_were_added(gateway: Gateway) -> None:
    events, _ = await in_two_breaths(gateway, antiphon=False)
    assert list(transcripts(events).values()) == [QUESTION, MORE]
    assert not any(str(e["type"]).startswith("antiphon.") for e in events)
    deltas = [e["delta"] for e in events if str(e["type"]).endswith("transcription.delta")]
    assert deltas == [QUESTION, MORE]


async def test_our_clients_are_told_that_both_are_one_turn(gateway: Gateway) -> None:
    events, _ = await in_two_breaths(gateway, antiphon=True)
    first, second = transcripts(events)
    (continued,) = [e for e in events if e["type"] == "antiphon.continued"]
    assert (continued["item_id"], continued["of"]) == (second, first)
    assert continued["text"] == f"{QUESTION} {MORE}"


async def test_the_answer_to_the_first_half_is_cut_and_the_whole_answered(gateway: Gateway) -> None:
    events, _ = await in_two_breaths(gateway, antiphon=False)
    done = [e["response"] for e in events if e["type"] == "response.done"]
    assert [response["status"] for response in done] == ["cancelled", "completed"]  # type: ignore[index]
    assert gateway.parts.voice.spoken[-1] == f"You said {QUESTION} {MORE}"


async def test_bridge_memory_and_rows_know_one_turn(gateway: Gateway) -> None:
    _, watch = await in_two_breaths(gateway, antiphon=False)
    first, second = gateway.parts.bridge.heard
    assert first.turn_id == second.turn_id
    assert (first.text, second.text) == (QUESTION, f"{QUESTION} {MORE}")
    assert 0 < first.settle_s <= 1.8
    assert gateway.parts.bridge.withdrawn == [first.turn_id]
    said = [line for line in gateway.call().conversation.lines if line.speaker == "user"]
    assert said == [Line(first.turn_id, "user", f"{QUESTION} {MORE}")]
    rows = [row for row in gateway.rows if isinstance(row, TurnRow) and row.speaker == "user"]
    assert {row.turn_id for row in rows} == {first.turn_id}
    assert (await watch.until(do.Withdrawn)).turn_id == first.turn_id


async def test_our_clients_are_greeted_by_the_persona(gateway: Gateway) -> None:
    client = await gateway.attach(await gateway.session(greeting=None, persona="myca"))
    done = await client.until("response.done")
    greeting = gateway.parts.catalogue.persona("myca").greeting
    assert done["response"]["output"][0]["content"][0]["transcript"] == greeting


async def test_a_client_that_comes_again_is_not_greeted_again(gateway: Gateway) -> None:
    session = await gateway.session(greeting=None)
    client = await gateway.attach(session)
    await client.until("response.done")
    client.drop()
    again = await gateway.attach(session)
    await again.text("good morning")
    await again.until("response.done")
    assert [text for text in gateway.parts.voice.spoken if text.startswith("Hi")] == ["Hi, this is MYCA."]


async def test_a_stock_client_is_not_spoken_to_unasked(gateway: Gateway) -> None:
    client = await gateway.attach(await gateway.session(greeting=None), antiphon=False)
    await client.until("session.created")
    await client.text("good morning")
    await client.until("response.done")
    assert gateway.parts.voice.spoken == ["You said good morning"]


async def test_a_stock_client_whose_session_wants_it_is_greeted(gateway: Gateway) -> None:
    client = await gateway.attach(await gateway.session(greeting=True), antiphon=False)
    await client.until("response.done")
    assert gateway.parts.voice.spoken[0] == "Hi, this is MYCA."


async def test_a_stock_client_sets_its_idle_timeout(gateway: Gateway) -> None:
    client, _ = await gateway.client(antiphon=False)
    turns = {"type": "server_vad", "idle_timeout_ms": 1000}
    await client.send(
        "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": turns}}}
    )
    await client.until("response.done")
    still_there = gateway.parts.catalogue.default.phrases.still_there
    assert still_there[0].startswith(gateway.parts.voice.spoken[0])


async def test_an_idle_timeout_that_is_no_time_is_refused(gateway: Gateway) -> None:
    client, _ = await gateway.client(antiphon=False)
    turns = {"type": "server_vad", "idle_timeout_ms": 5}
    await client.send(
        "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": turns}}}
    )
    assert (await client.error())["param"] == "session.audio.input.turn_detection.idle_timeout_ms"


async def test_stop_drops_the_answers_that_wait(gateway: Gateway) -> None:
    client, ears = await gateway.client()

    async def long_story(utterance: bridge.Utterance) -> AsyncIterator[bridge.BridgeEvent]:
        if utterance.text == "stop":
            yield bridge.ControlAsked(utterance.turn_id, "stop")
            return
        for part in ("One two three four five six seven.", "And more."):
            yield bridge.Reply(utterance.turn_id, part, "tool", None)

    gateway.parts.bridge.script = long_story
    watch = Watch(gateway.call())
    await client.text("tell me")
    await client.until("response.output_audio.delta")
    await ears.say("stop")
    dropped = await watch.until(do.InjectionChanged, lambda change: change.state == "dropped")
    assert (dropped.text, dropped.why) == ("And more.", "user_asked")
