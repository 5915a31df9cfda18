"""What goes over the socket: sound where there are words, words where there is sound."""

import asyncio

import numpy as np
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from services.synthesizer.line import MAX_TEXT, MAX_WAITING
from services.synthesizer.protocol import Cancel, Done, Failed, Speak, Started, encode
from tests.services.synthesizer.conftest import Client, Connect
from tests.services.synthesizer.speaking import Heard, hear, level, next_event, say, silences

SENTENCE = "Hello there, this is the end of the day."


async def test_sound_comes_between_started_and_done(socket: ClientWebSocketResponse) -> None:
    heard = await say(socket, SENTENCE)
    assert heard.events[0] == Started("t", 24000)
    assert heard.end == Done("t", len(heard.pcm))
    assert level(heard.pcm) > 1000
    assert 1.5 < len(heard.pcm) / 24000 < 3.0


async def test_frames_hold_forty_milliseconds(socket: ClientWebSocketResponse) -> None:
    heard = await say(socket, SENTENCE)
    assert set(heard.frames[:-1]) == {960}
    assert 0 < heard.frames[-1] <= 960


async def test_words_are_the_text_as_written_and_in_order(socket: ClientWebSocketResponse) -> None:
    text = "At 14:05 it's “warm” – 21 °C, 80 % humid; I am in the lab of Dr. Smith!"
    heard = await say(socket, text)
    assert " ".join(word.text for word in heard.words) == text
    for word, after in zip(heard.words, heard.words[1:], strict=False):
        assert word.start < word.end <= after.start
    assert heard.words[-1].end <= len(heard.pcm)


async def test_a_word_comes_before_the_frame_in_which_it_begins(socket: ClientWebSocketResponse) -> None:
    heard = await say(socket, f"{SENTENCE} And this is the next one, which is longer.")
    assert heard.words
    assert heard.late_words == []


async def test_words_sound_and_pauses_do_not(socket: ClientWebSocketResponse) -> None:
    heard = await say(socket, "One moment; then we shall see. Here it is.")
    for word in heard.words:
        assert level(heard.pcm[word.start : word.end]) > 500, word
    pauses = [
        (word.end, after.start)
        for word, after in zip(heard.words, heard.words[1:], strict=False)
        if after.start - word.end > 0.1 * 24000
    ]
    assert len(pauses) == 2
    for start, end in pauses:
        # The filter rings for a millisecond around each edge.
        assert level(heard.pcm[start + 48 : end - 48]) < 200


async def test_a_pause_lies_between_the_words_around_it(socket: ClientWebSocketResponse) -> None:
    heard = await say(socket, "Look at this. Wonderful.")
    [(start, end)] = silences(heard.pcm, 24000, at_least_s=0.15)
    before, after = heard.words[-2:]
    assert before.text == "this."
    assert abs(before.end - start) < 0.03 * 24000
    assert abs(after.start - end) < 0.03 * 24000


async def test_the_last_word_ends_with_its_sound(socket: ClientWebSocketResponse) -> None:
    heard = await say(socket, SENTENCE)
    loud = np.flatnonzero(
        np.abs(heard.pcm.astype(np.int32)) > 0.02 * np.abs(heard.pcm.astype(np.int32)).max()
    )
    assert abs(heard.words[-1].end - int(loud[-1])) < 0.02 * 24000
    assert len(heard.pcm) - heard.words[-1].end < 0.03 * 24000


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
async def test_every_rate_has_the_same_length_in_time(connect: Connect, rate: int) -> None:
    heard = await say(await connect(rate), SENTENCE)
    native = await say(await connect(48000), SENTENCE)
    assert heard.events[0] == Started("t", rate)
    assert len(heard.pcm) / rate == pytest.approx(len(native.pcm) / 48000, rel=0.01)
    assert [word.start / rate for word in heard.words] == pytest.approx(
        [word.start / 48000 for word in native.words],
        abs=0.02,  # eSpeak itself is out by a pitch period or two between two readings of one text
    )


async def test_slower_is_longer_and_higher_is_higher(socket: ClientWebSocketResponse) -> None:
    plain = await say(socket, SENTENCE, "en-us")
    slow = await say(socket, SENTENCE, "en-us", speed=0.6)
    assert len(slow.pcm) > 1.3 * len(plain.pcm)
    low = await say(socket, "Aaah.", "en-us", pitch=0.2)
    high = await say(socket, "Aaah.", "en-us", pitch=1.8)
    assert pitch_of(high) > 1.2 * pitch_of(low)


async def test_voices_sound_different(socket: ClientWebSocketResponse) -> None:
    us, gb = await say(socket, SENTENCE, "en-us+f2"), await say(socket, SENTENCE, "en-gb+m1")
    assert isinstance(us.end, Done)
    assert isinstance(gb.end, Done)
    assert us.audio != gb.audio


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "—", "..."])
async def test_what_makes_no_sound_is_done_at_once(socket: ClientWebSocketResponse, text: str) -> None:
    heard = await say(socket, text)
    assert heard.end == Done("t", 0)
    assert not heard.audio


async def test_markup_is_text(socket: ClientWebSocketResponse) -> None:
    plain = await say(socket, "wait here now", "en-us")
    marked = await say(socket, 'wait <break time="9s"/> here & now', "en-us")
    assert isinstance(marked.end, Done)
    assert silences(marked.pcm, 24000, at_least_s=2.0) == []
    assert len(marked.pcm) > len(plain.pcm)
    assert " ".join(word.text for word in marked.words) == 'wait <break time="9s"/> here & now'


async def test_phoneme_brackets_are_text(socket: ClientWebSocketResponse) -> None:
    spelled = await say(socket, "[[h@l'oU]]", "en-us")
    assert len(spelled.words) == 1
    assert len(spelled.pcm) > 0.8 * 24000


async def test_control_characters_give_no_orders(socket: ClientWebSocketResponse) -> None:
    plain = await say(socket, "one 200S two", "en-us")
    ordered = await say(socket, "one \x01200S two\x00 three", "en-us")
    assert len(ordered.pcm) > len(plain.pcm)
    assert ordered.words[-1].text == "three"


async def test_any_unicode_can_be_spoken(socket: ClientWebSocketResponse) -> None:
    heard = await say(socket, "Naïve 😀 café 中文 \u202e done", "en-us")
    assert isinstance(heard.end, Done)
    assert heard.words[-1].text.endswith("done")
    assert heard.words[0].text == "Naïve"


async def test_texts_are_spoken_in_the_order_in_which_they_came(socket: ClientWebSocketResponse) -> None:
    for number in range(5):
        await socket.send_str(encode(Speak(str(number), f"Number {number}.", "en-us")))
    for number in range(5):
        assert isinstance((await hear(socket, str(number))).end, Done)


async def test_two_sockets_side_by_side_do_not_mix(connect: Connect) -> None:
    alone = await say(await connect(), "The quick brown fox jumps.", "en-us")
    other = await say(await connect(16000), "Seven slow snails sleep.", "en-gb")

    async def repeat(rate: int, text: str, voice: str) -> list[Heard]:
        socket = await connect(rate)
        return [await say(socket, text, voice) for _ in range(10)]

    fox, snails = await asyncio.gather(
        repeat(24000, "The quick brown fox jumps.", "en-us"),
        repeat(16000, "Seven slow snails sleep.", "en-gb"),
    )
    for heard in fox:
        assert [word.text for word in heard.words] == [word.text for word in alone.words]
        assert len(heard.pcm) == pytest.approx(len(alone.pcm), rel=0.01)
    for heard in snails:
        assert [word.text for word in heard.words] == [word.text for word in other.words]
        assert len(heard.pcm) == pytest.approx(len(other.pcm), rel=0.01)


async def test_a_long_text_does_not_keep_a_short_one_waiting(connect: Connect) -> None:
    long, short = await connect(), await connect()
    await long.send_str(encode(Speak("long", "This sentence is one of very many. " * 140, "en-us")))
    assert await next_event(long) == Started("long", 24000)
    order: list[str] = []

    async def wait(socket: ClientWebSocketResponse, id: str) -> Heard:
        heard = await hear(socket, id)
        order.append(id)
        return heard

    await short.send_str(encode(Speak("short", "Hello.", "en-us")))
    whole, _ = await asyncio.gather(wait(long, "long"), wait(short, "short"))
    assert order == ["short", "long"]
    assert len(whole.words) == 140 * 7


async def test_a_cancelled_text_stops(socket: ClientWebSocketResponse) -> None:
    whole = await say(socket, "This sentence is one of very many. " * 100)
    await socket.send_str(encode(Speak("c", "This sentence is one of very many. " * 100, "en-us+f2")))
    heard = Heard("c")
    while not heard.audio:
        await next_event(socket, heard)
    await socket.send_str(encode(Cancel("c")))
    while not isinstance(await next_event(socket, heard), Done):
        pass
    assert heard.end == Done("c", len(heard.pcm), cancelled=True)
    assert len(heard.pcm) < len(whole.pcm)
    after = await say(socket, SENTENCE, id="d")
    assert isinstance(after.end, Done)
    assert not after.end.cancelled


async def test_a_waiting_text_can_be_called_off(socket: ClientWebSocketResponse) -> None:
    await socket.send_str(encode(Speak("1", "This sentence is one of very many. " * 100, "en-us")))
    await socket.send_str(encode(Speak("2", "And this one is never heard.", "en-us")))
    await socket.send_str(encode(Cancel("2")))
    await socket.send_str(encode(Cancel("1")))
    assert isinstance((await hear(socket, "1")).end, Done)
    assert (await hear(socket, "2")).end == Done("2", 0, cancelled=True)


async def test_calling_off_what_is_not_there_does_nothing(socket: ClientWebSocketResponse) -> None:
    await socket.send_str(encode(Cancel("never")))
    assert isinstance((await say(socket, SENTENCE)).end, Done)


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (Speak("x", "Hello", "en-us+nobody"), "unknown_voice"),
        (Speak("x", "Hello", "en-us+../../etc/passwd"), "unknown_voice"),
        (Speak("x", "Hello", ""), "unknown_voice"),
        (Speak("x", "x" * (MAX_TEXT + 1), "en-us"), "text_too_long"),
        (Speak("x", "Hello", "en-us", speed=0.1), "out_of_range"),
        (Speak("x", "Hello", "en-us", pitch=9.0), "out_of_range"),
    ],
)
async def test_what_cannot_be_spoken_fails_with_a_code(
    socket: ClientWebSocketResponse, order: Speak, code: str
) -> None:
    await socket.send_str(encode(order))
    heard = await hear(socket, "x")
    assert isinstance(heard.end, Failed)
    assert heard.end.code == code
    assert not heard.audio
    assert isinstance((await say(socket, SENTENCE)).end, Done)


async def test_a_text_of_the_longest_length_is_spoken(socket: ClientWebSocketResponse) -> None:
    heard = await say(socket, ("word " * MAX_TEXT)[:MAX_TEXT])
    assert isinstance(heard.end, Done)
    assert len(heard.words) == MAX_TEXT // 5


@pytest.mark.parametrize(
    "frame",
    [
        "{",
        "[]",
        '"speak"',
        '{"type": "sing"}',
        '{"type": []}',
        '{"type": "speak"}',
        '{"type": "speak", "id": 1, "text": "a", "voice": "en-us"}',
        '{"type": "speak", "id": "a", "text": "a", "voice": "en-us", "speed": "fast"}',
        '{"type": "speak", "id": "a", "text": "a", "voice": "en-us", "speed": NaN}',
        '{"type": "speak", "id": "a", "text": "a", "voice": "en-us", "loud": true}',
        '{"type": "done", "id": "a", "samples": 1}',
        b"\x00\x01",
    ],
)
async def test_what_is_no_order_is_answered_and_the_line_goes_on(
    socket: ClientWebSocketResponse, frame: str | bytes
) -> None:
    await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
    answer = await next_event(socket)
    assert isinstance(answer, Failed)
    assert (answer.id, answer.code) == ("", "bad_message")
    assert isinstance((await say(socket, SENTENCE)).end, Done)


async def test_more_texts_than_can_wait_are_refused(socket: ClientWebSocketResponse) -> None:
    long = "This sentence is one of very many. " * 140
    for number in range(MAX_WAITING + 3):
        await socket.send_str(encode(Speak(str(number), long if number == 0 else "Hi.", "en-us")))
    refused: list[Failed] = []
    while not refused:
        event = await next_event(socket)
        if isinstance(event, Failed):
            refused.append(event)
    assert refused[0].code == "too_many_texts"


@pytest.mark.parametrize("rate", ["44100", "22050", "", "-8000", "loud", "²"])
async def test_another_rate_is_refused_before_the_upgrade(connect: Connect, rate: str) -> None:
    with pytest.raises(WSServerHandshakeError) as refused:
        await connect(rate)
    assert refused.value.status == 400


async def test_the_refusal_names_the_rates_there_are(client: Client) -> None:
    answer = await client.get("/v1/speak?rate=44100")
    body = await answer.json()
    assert (answer.status, body["code"]) == (400, "bad_rate")
    assert "8000, 16000, 24000, 48000" in body["detail"]


async def test_a_socket_closed_in_mid_word_leaves_the_others_alone(connect: Connect) -> None:
    leaving, staying = await connect(), await connect()
    await leaving.send_str(encode(Speak("l", "This sentence is one of very many. " * 140, "en-us")))
    assert await next_event(leaving) == Started("l", 24000)
    await leaving.close()
    assert isinstance((await say(staying, SENTENCE)).end, Done)


async def test_closing_is_answered(socket: ClientWebSocketResponse) -> None:
    await say(socket, SENTENCE)
    await socket.close()
    assert socket.close_code == 1000
    assert (await socket.receive()).type is WSMsgType.CLOSED


def pitch_of(heard: Heard) -> float:
    """The strongest repetition in the middle of a vowel, in hertz."""
    third = len(heard.pcm) // 3
    # Two milliseconds' mean leaves the fundamental, and not its harmonics.
    smooth = np.convolve(heard.pcm[third : third + 2400].astype(np.float64), np.ones(48) / 48, "same")
    alike = np.correlate(smooth, smooth, "full")[len(smooth) - 1 :]
    shortest, longest = 24000 // 400, 24000 // 50
    return 24000 / (shortest + int(alike[shortest:longest].argmax()))
