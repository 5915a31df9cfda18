"""The speech service from outside: a toy behind the real server, and clients of all manners."""

import asyncio
import dataclasses
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import chain
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError, web

from services.base.serve import new_runner, wind_up
from services.speech import call, model_thread, offload, pace
from services.speech import server as service
from services.speech.codec.mimi import Mimi
from services.speech.engine import Engine
from services.speech.formats import reader_of, writer_of
from services.speech.opus import MissingCodec, streams
from services.speech.opus.codec import Codec
from services.speech.priming import Work
from services.speech.protocol import (
    Audio,
    Chat,
    Control,
    Down,
    Error,
    Handshake,
    Inject,
    Injection,
    Metadata,
    Ping,
    Queued,
    Ready,
    Stats,
    Text,
    Unknown,
    Up,
    decode_down,
    encode,
    write_query,
)
from services.speech.protocol.messages import Action
from services.speech.server import DOOR, Door, make_app
from services.speech.settings import SpeechSettings
from services.speech.shapes import FRAME_SAMPLES, ModelShape
from services.speech.toy_engine import toy_engine
from tests.services.speech.calls import toy_model
from tests.services.speech.raw_socket import BINARY, CLOSE, RawSocket, connecting, frame

LIMIT_S = 60
SLOW_IS_FINE = 1e9
"""Other programs load the machine that tests run on."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return toy_engine()


@pytest.fixture(autouse=True)
def soon_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_thread, "MEASURED_TICKS", 1)


@dataclass(frozen=True)
class Server:
    """The service as a process would run it."""

    runner: web.AppRunner
    door: Door

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.runner.addresses[0][1]}{path}"


@asynccontextmanager
async def serving(engine: Engine, **settings: Any) -> AsyncIterator[Server]:
    told = {"speech_slots": 2, "speech_most_real_time": SLOW_IS_FINE, "speech_drain_s": 0.0, **settings}
    app = make_app(SpeechSettings(**told), engine)
    runner = new_runner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield Server(runner, app[DOOR])
    finally:
        await wind_up(runner)
        await runner.cleanup()


@dataclass
class Client:
    """A client of the wire, which keeps what it is told."""

    socket: ClientWebSocketResponse
    told: list[Down | Unknown] = field(default_factory=list)

    async def until(self, enough: Callable[[Down | Unknown], bool]) -> Any:
        """Read on to the first message of a kind."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                message = await self.socket.receive()
                assert message.type is WSMsgType.BINARY, message
                self.told.append(decode_down(message.data))
                if enough(self.told[-1]):
                    return self.told[-1]

    async def until_a(self, kind: type) -> Any:
        return await self.until(lambda message: isinstance(message, kind))

    async def send(self, message: Up) -> None:
        await self.socket.send_bytes(encode(message))

    async def say(self, frames: int, seed: int = 0) -> None:
        for sound in noise(frames, seed):
            await self.send(Audio(pcm16(sound)))

    async def hear(self, frames: int) -> str:
        """The words of the next frames."""
        heard = len([each for each in self.told if isinstance(each, Audio)])
        wanted = heard + frames
        while len([each for each in self.told if isinstance(each, Audio)]) < wanted:
            await self.until_a(Audio)
        return self.words

    @property
    def words(self) -> str:
        return "".join(each.text for each in self.told if isinstance(each, Text))

    async def closed(self) -> int | None:
        """The code with which the server hangs up."""
        async with asyncio.timeout(LIMIT_S):
            while (message := await self.socket.receive()).type is WSMsgType.BINARY:
                self.told.append(decode_down(message.data))
        return self.socket.close_code


def noise(frames: int, seed: int = 0) -> list[Any]:
    return list(
        np.random.default_rng(seed).normal(scale=0.1, size=(frames, FRAME_SAMPLES)).astype(np.float32)
    )


def pcm16(frame: Any) -> bytes:
    return writer_of("pcm16").write(frame)


@asynccontextmanager
async def calling(server: Server, **wanted: Any) -> AsyncIterator[Client]:
    query = write_query(Chat(**{"codec": "pcm16", "text_prompt": "be kind", "seed": 7, **wanted}))
    async with (
        ClientSession() as http,
        http.ws_connect(server.url("/api/chat"), params=query, max_msg_size=0) as socket,
    ):
        yield Client(socket)


async def refused(server: Server, query: dict[str, str]) -> tuple[int, dict[str, Any], str | None]:
    async with ClientSession() as http, http.get(server.url("/api/chat"), params=query) as answer:
        return answer.status, json.loads(await answer.text()), answer.headers.get("Retry-After")


async def readiness(server: Server) -> tuple[int, dict[str, Any]]:
    async with ClientSession() as http, http.get(server.url("/ready")) as answer:
        return answer.status, await answer.json()


async def used(server: Server, slots: int) -> None:
    """Wait until so many slots are taken."""
    async with asyncio.timeout(LIMIT_S):
        while (await readiness(server))[1]["slots_used"] != slots:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_stock_client_hears_handshake_words_and_sound(engine: Engine) -> None:
    async with serving(engine) as server, calling(server, codec="ogg", voice_prompt="NATF2.pt") as client:
        await client.until_a(Handshake)
        writer, reader = writer_of("ogg"), reader_of("ogg")
        for frame in noise(30):
            await client.send(Audio(writer.write(frame)))
        while not client.words or len([each for each in client.told if isinstance(each, Audio)]) < 20:
            await client.until_a(Audio)
    assert all(
        isinstance(each, Handshake | Text | Audio) for each in client.told
    )  # Nothing that it doesn't know.
    sound = np.concatenate([reader.read(each.data) for each in client.told if isinstance(each, Audio)])
    assert len(sound) > 15 * FRAME_SAMPLES
    assert 0.003 < float(np.sqrt(np.mean(np.square(sound)))) < 0.2


class Spelled:
    """Words of a model that says the same at all times, whatever it draws."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = iter(pieces)

    def persona(self, text: str) -> list[int]:
        return [4]

    def piece(self, token: int) -> bytes:
        return next(self._pieces, b"")


async def test_a_character_said_byte_by_byte_comes_whole(engine: Engine) -> None:
    said = {
        " today": [b" to", b"day"],
        " 🙂": [b" ", b"\xf0", b"\x9f", b"\x99", b"\x82"],
        "ęę": [b"\xc4", b"\x99\xc4", b"\x99"],
        "\ufffd no": [b"\xf0", b"\x9f", b" no"],  # Cut off.
        "\ufffd\ufffd!": [b"\x82", b"\xff", b"!"],  # No characters.
    }
    spelled = dataclasses.replace(engine, words=Spelled(list(chain(*said.values()))))
    async with serving(spelled) as server, calling(server) as client:
        await client.until_a(Handshake)
        while not client.words.endswith("!"):
            await client.say(5)
            await client.hear(5)
    texts = [each.text for each in client.told if isinstance(each, Text)]
    assert texts == [" to", "day", " ", "🙂", "ę", "ę", "\ufffd no", "\ufffd", "\ufffd", "!"]
    assert "".join(texts) == "".join(said)


async def test_who_asks_is_told_slot_model_and_how_it_keeps_up(engine: Engine) -> None:
    async with serving(engine) as server, calling(server, antiphon=True) as client:
        assert await client.until_a(Ready) == Ready(0, "toy", 80.0)
        await client.until_a(Handshake)
        found = await client.until_a(Stats)
        assert (found.slots_used, found.slots_total) == (1, 2)
        assert found.rtf > 0


async def test_a_seed_repeats_a_call_however_its_sound_was_cut(engine: Engine) -> None:
    frames = 10
    sound = b"".join(pcm16(frame) for frame in noise(frames))
    words = []
    async with serving(engine) as server:
        for cut in (3_840, 10_001, 77):
            async with calling(server, voice_prompt="NATM1.pt") as client:
                await client.until_a(Handshake)
                for start in range(0, len(sound), cut):
                    await client.send(Audio(sound[start : start + cut]))
                words.append(await client.hear(frames))
        async with calling(server, voice_prompt="NATM1.pt", seed=8) as client:
            await client.until_a(Handshake)
            await client.say(frames)
            other = await client.hear(frames)
    assert words[0]
    assert words[0] == words[1] == words[2] != other


async def test_a_call_says_the_same_beside_another(engine: Engine) -> None:
    async with serving(engine) as server, calling(server) as first, calling(server) as second:
        for client in (first, second):
            await client.until_a(Handshake)
        await asyncio.gather(first.say(15), second.say(15))
        assert await first.hear(15) == await second.hear(15)


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"voice_prompt": "../../etc/passwd"}, 404, "unknown_voice"),
        ({"voice_prompt": "NATF9.pt"}, 404, "unknown_voice"),
        ({"text_temperature": "hot"}, 400, "bad_query"),
        ({"text_prompt": "x" * 5_000}, 400, "bad_query"),
    ],
)
async def test_what_cannot_be_had_is_refused_before_the_upgrade(
    engine: Engine, query: dict[str, str], status: int, code: str
) -> None:
    async with serving(engine) as server:
        found, problem, _ = await refused(server, query)
        assert (found, problem["code"]) == (status, code)
        await used(server, 0)


async def test_no_name_of_a_voice_is_a_path(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*what: object, **how: object) -> None:
        raise AssertionError(f"{what} was opened")

    names = (
        "../NATF2.pt",
        "./NATF2.pt",
        "NATF2/../NATF2.pt",
        "voices/NATF2.pt",
        "/etc/passwd",
        "..\\NATF2.pt",
        "%2e%2e%2fNATF2.pt",
        "file:///NATF2.pt",
        "NATF2.pt\0",
        "NATF2.pt\n",
        " NATF2",
        "natf2",
        "NATF2.pt.pt",
        "NATF*",
        "~",
        ".",
    )
    async with serving(engine) as server:
        monkeypatch.setattr("builtins.open", opened)
        monkeypatch.setattr("pathlib.Path.open", opened)
        for name in names:
            status, problem, _ = await refused(server, {"voice_prompt": name})
            assert (status, problem["code"]) == (404, "unknown_voice"), name
        monkeypatch.undo()


async def test_without_voice_and_persona_nothing_is_primed(engine: Engine) -> None:
    async with serving(engine) as server, calling(server, text_prompt="") as client:
        await client.until_a(Handshake)
        assert not server.door.thread.prefixes.size
        await client.say(5)
        await client.hear(4)  # The first frame says nothing: there is no frame before it.


async def test_a_long_persona_fits_into_the_address(engine: Engine) -> None:
    async with serving(engine) as server, calling(server, text_prompt="ä" * 4_000) as client:
        await client.until_a(Handshake)


async def test_a_persona_with_too_many_tokens_is_told(engine: Engine) -> None:
    async with serving(engine) as server:
        async with calling(server, text_prompt="a " * 1_500) as client:
            error = await client.until_a(Error)
            assert error.code == "priming_too_long"
            await client.closed()
        await used(server, 0)


async def test_who_finds_no_slot_is_told_when_to_come_again(engine: Engine) -> None:
    async with serving(engine, speech_slots=1) as server, calling(server) as first:
        await first.until_a(Handshake)
        status, problem, retry = await refused(server, {})
        assert (status, problem["code"]) == (503, "busy")
        assert int(retry or 0) >= 1


async def test_who_waits_in_line_is_told_the_place_and_gets_the_slot(engine: Engine) -> None:
    async with serving(engine, speech_slots=1, speech_queue=1) as server:
        async with calling(server) as first:
            await first.until_a(Handshake)
            waiting = calling(server, queue=True, antiphon=True)
            second = await waiting.__aenter__()
            assert (await second.until_a(Queued)).place == 1
            status, problem, _ = await refused(server, {"queue": "1"})
            assert (status, problem["code"]) == (503, "busy")  # The line is full.
        await second.until_a(Handshake)
        await second.say(3)
        await second.hear(3)
        await waiting.__aexit__(None, None, None)
        await used(server, 0)


async def test_what_others_have_to_wait_goes_by_calls_and_not_by_their_waiting(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(service, "time", SimpleNamespace(monotonic=lambda: now))
    async with serving(engine, speech_slots=1) as server:
        async with calling(server) as first:
            await first.until_a(Handshake)
            waiting = calling(server, queue=True)
            second = await waiting.__aenter__()
            await second.until_a(Queued)
            now = 100.0
        await second.until_a(Handshake)
        now = 130.0
        await waiting.__aexit__(None, None, None)
        await used(server, 0)
        assert server.door.places.wait_s(1) == (100 + 30) / 2


async def test_who_leaves_the_line_holds_nobody_up(engine: Engine) -> None:
    async with serving(engine, speech_slots=1) as server:
        async with calling(server) as first:
            await first.until_a(Handshake)
            async with calling(server, queue=True) as second:
                await second.until_a(Queued)
            async with asyncio.timeout(LIMIT_S):
                while (await readiness(server))[1]["waiting"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        await used(server, 0)


def endless(engine: Engine) -> Engine:
    """One with a voice that is never had."""

    def voice(mimi: Mimi, shape: ModelShape) -> Work[Any]:
        while True:
            yield

    return replace(engine, voices={"NATF0": voice})


@pytest.mark.parametrize("goes", ["says so", "is gone"])
async def test_the_slot_of_a_client_that_goes_while_it_is_primed_is_free(engine: Engine, goes: str) -> None:
    query = {"codec": "pcm16", "voice_prompt": "NATF0.pt", "text_prompt": ""}
    async with (
        serving(endless(engine), speech_slots=1) as server,
        connecting(server.url(""), **query) as socket,
    ):
        await used(server, 1)
        if goes == "says so":
            socket.send(frame(CLOSE, b"\x03\xe8"))
        else:
            socket.vanish()
        await used(server, 0)


async def test_a_call_whose_priming_takes_too_long_is_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call, "PRIMED_WITHIN_S", 0.1)
    async with serving(endless(engine)) as server:
        async with calling(server, voice_prompt="NATF0.pt") as client:
            assert (await client.until_a(Error)).code == "priming_too_slow"
            await client.closed()
        await used(server, 0)


async def test_the_slot_of_a_client_that_is_gone_is_free(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def says_so(socket: RawSocket) -> None:
        socket.send(frame(CLOSE, b"\x03\xe8"))

    def hangs_up(socket: RawSocket) -> None:
        socket.writer.close()

    monkeypatch.setattr(service, "HEARTBEAT_S", None)  # By which only who is gone without a trace is missed.
    query = {"codec": "pcm16", "voice_prompt": "", "text_prompt": ""}
    async with serving(engine, speech_slots=1) as server:
        for go in (says_so, hangs_up, RawSocket.vanish):
            async with connecting(server.url(""), **query) as socket:
                assert await socket.message() == b"\x00"
                socket.send(frame(BINARY, b"\x01" + pcm16(noise(1)[0])))
                go(socket)
                await used(server, 0)
        # While its voice is read, nobody listens to it.
        async with connecting(server.url(""), **query | {"voice_prompt": "NATF0.pt"}) as socket:
            socket.vanish()
            await used(server, 0)


async def test_what_a_client_may_not_send_is_told_once_and_harms_no_call(engine: Engine) -> None:
    async with serving(engine) as server, calling(server) as good, calling(server) as bad:
        await good.until_a(Handshake)
        await bad.until_a(Handshake)
        for _ in range(3):
            await bad.socket.send_bytes(b"\xff\x00garbage")
            await bad.socket.send_bytes(b"")
            await bad.socket.send_str("hello")
            await bad.socket.send_bytes(b"\x02words")
            await bad.socket.send_bytes(b"\x04{")
        await bad.send(Control(Action.END_TURN))
        await good.say(5)
        await good.hear(5)
        await bad.say(5)
        await bad.hear(5)
        codes = [each.code for each in bad.told if isinstance(each, Error)]
        assert sorted(codes) == ["bad_json", "empty_message", "text_message", "unknown_kind", "wrong_way"]
        assert not [each for each in good.told if isinstance(each, Error)]


async def test_sound_that_cannot_be_understood_ends_that_call_alone(engine: Engine) -> None:
    async with serving(engine) as server, calling(server) as good:
        await good.until_a(Handshake)
        async with calling(server, codec="ogg") as bad:
            await bad.until_a(Handshake)
            await bad.send(Audio(b"\x1a\x45\xdf\xa3" + bytes(200)))  # WebM.
            error = await bad.until_a(Error)
            assert error.code == "bad_ogg"
            assert await bad.closed() == 1008
        await good.say(3)
        await good.hear(3)


async def test_a_stock_client_is_told_where_there_is_no_opus(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere() -> Codec:
        raise MissingCodec("install libopus")

    monkeypatch.setattr(streams, "chosen", nowhere)
    async with serving(engine) as server:
        async with calling(server, codec="ogg") as stock, calling(server) as ours:
            assert await stock.until_a(Error) == Error("opus_missing", "install libopus")
            assert await stock.closed() == 1011
            await ours.until_a(Handshake)
        await used(server, 0)


async def test_a_ping_is_answered(engine: Engine) -> None:
    async with serving(engine) as server, calling(server) as client:
        await client.until_a(Handshake)
        await client.send(Ping())
        await client.until_a(Ping)


async def test_an_injection_is_refused_until_it_is_built(engine: Engine) -> None:
    async with serving(engine) as server, calling(server, antiphon=True) as client:
        await client.until_a(Handshake)
        await client.send(Inject("one", "It is five."))
        assert (await client.until_a(Injection)).state == "failed"


async def test_a_client_that_sends_far_ahead_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_thread, "MOST_AHEAD", 3)
    async with serving(engine) as server, calling(server) as client:
        await client.until_a(Handshake)
        await client.send(Audio(b"".join(pcm16(frame) for frame in noise(16))))
        error = await client.until_a(Error)
        assert error.code == "too_far_ahead"


async def test_when_the_model_breaks_all_are_told_and_nobody_is_let_in(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(engine) as server, calling(server) as client:
        await client.until_a(Handshake)

        def break_down(count: int) -> None:
            raise RuntimeError("CUDA error: device-side assert triggered")

        monkeypatch.setattr(server.door.thread.batch, "tick", break_down)
        await client.say(1)
        error = await client.until_a(Error)
        assert error.code == "model_broke"
        assert await client.closed() == 1011
        status, told = await readiness(server)
        assert status == 503
        assert "device-side assert" in told["parts"]["model"]["reason"]
        assert (await refused(server, {}))[1]["code"] == "unavailable"


async def test_a_device_slower_than_real_time_takes_no_calls(engine: Engine) -> None:
    async with serving(engine, speech_most_real_time=0.0) as server:
        status, told = await readiness(server)
        assert status == 503
        assert "of real time for 2 slots" in told["parts"]["model"]["reason"]
        with pytest.raises(WSServerHandshakeError) as refusal:
            async with calling(server):
                pass
        assert refusal.value.status == 503


async def test_what_a_frame_costs_is_told_and_which_layers_are_sent_for_it(engine: Engine) -> None:
    model = toy_model()
    offload.place(model, torch.device("cpu"), sent=2)
    async with serving(replace(engine, model=model), speech_most_real_time=0.0) as server:
        _, told = await readiness(server)
    assert "0.3 MB of weights are sent over for each frame; set PERS" in told["parts"]["model"]["reason"]
    assert told["frame_ms"] == pytest.approx(80 * told["real_time"], abs=0.1)
    assert told["sent_mb_a_frame"] == pytest.approx(0.3, abs=0.05)


async def test_a_device_that_gets_slower_takes_no_calls_until_it_is_fast_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_thread, "PROBE_S", 0.01)
    monkeypatch.setattr(pace, "RECENT_TICKS", 2)
    async with serving(engine, speech_most_real_time=1_000) as server:
        for _ in range(2):
            server.door.thread.pace.ticked(1_000.0)
        assert server.door.missing() == (
            "the device got slower: ticks take 12500.00 of real time, and more than 1000 is of no use; "
            "see what else uses it"
        )
        assert (await refused(server, {}))[1]["code"] == "unavailable"

        def nothing() -> Work[None]:
            yield

        await server.door.thread.do(nothing())  # It wakes, and tries by itself from now on.
        async with asyncio.timeout(LIMIT_S):
            while (await readiness(server))[0] != 200:
                pass


async def test_calls_end_by_themselves_when_the_service_stops(engine: Engine) -> None:
    """A call goes on while the service drains; after that it is told that the service goes away."""
    async with serving(engine, speech_drain_s=0.2) as server:
        async with calling(server) as client:
            await client.until_a(Handshake)
            stopping = asyncio.create_task(wind_up(server.runner))
            assert await client.closed() == 1001
        await stopping


async def test_a_client_that_takes_no_close_frame_does_not_keep_the_service_from_stopping(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(*_: object, **__: object) -> bool:
        await asyncio.Event().wait()
        return True

    async with serving(engine) as server, calling(server) as client:
        await client.until_a(Handshake)
        with monkeypatch.context() as patched:
            patched.setattr(web.WebSocketResponse, "close", stuck)
            async with asyncio.timeout(LIMIT_S):
                await wind_up(server.runner)


async def test_metadata_of_other_servers_is_let_pass() -> None:
    assert decode_down(b'\x04{"model_type": "moshi"}') == Metadata({"model_type": "moshi"})
