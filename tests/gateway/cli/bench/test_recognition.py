"""`antiphon bench recognition` against a synthesizer and a transcriber that are played."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from gateway.cli.bench import recognition as command
from gateway.cli.bench.readers import Flite, People, Reader, Synthesized
from gateway.cli.bench.recognition import UNSEEN, NotHeard, Where, measure, recogniser
from gateway.cli.main import cli
from gateway.cli.phrases import small_talk
from services.orchestrator.loader import load_agents
from services.transcriber import phrases
from services.transcriber.protocol import Failed, Final, encode
from services.transcriber.spoken import spoken

HUMAN = Path(__file__).parents[3] / "data" / "human"
KEY = "sesame"


async def speech(request: web.Request) -> web.Response:
    """Text as sound of its own kind: one sample a letter."""
    if request.headers["Authorization"] != f"Bearer {KEY}":
        return web.Response(status=401)
    order = await request.json()
    if order["voice"] != "en-us":
        return web.Response(status=400, text="no such voice")
    return web.Response(body=order["input"].encode("utf-16-le"))


async def listen(request: web.Request) -> web.WebSocketResponse:
    """Hears `speech`'s sound, and mistakes "time"; breaks at "broken"."""
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert request.query["rate"] == "24000"
    socket = web.WebSocketResponse(max_msg_size=0)
    await socket.prepare(request)
    sound = b""
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            sound += message.data
            continue
        assert json.loads(message.data) == {"type": "finish", "at": len(sound) // 2}
        text = sound.decode("utf-16-le").replace("\0", "").replace("time", "dime")
        answer = Failed("recogniser_lost", "it died") if text == "broken" else Final(text, (), 0.9, "en")
        await socket.send_str(encode(answer))
    return socket


async def ready(_: web.Request) -> web.Response:
    return web.json_response({"recognizer": "played"})


@pytest_asyncio.fixture
async def where() -> AsyncIterator[Where]:
    app = web.Application()
    app.router.add_post("/v1/audio/speech", speech)
    app.router.add_get("/v1/listen", listen)
    app.router.add_get("/ready", ready)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        yield Where(url, url, KEY)


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_what_a_voice_reads_is_heard_and_counted(http: aiohttp.ClientSession, where: Where) -> None:
    said = ["what time is it", "turn off the pump"]
    row = await measure(http, where, Synthesized(http, where.synthesizer, KEY, "en-us", said))
    assert [(each.said, each.heard) for each in row.utterances] == [
        ("what time is it", "what dime is it"),
        ("turn off the pump", "turn off the pump"),
    ]
    assert row.rate is not None
    assert row.rate.mean == 1 / 8
    assert "0.12" in row.line()
    assert await recogniser(http, where.transcriber) == "played"


@pytest.mark.parametrize("voice", ["a voice that is none", "no flite", "a folder without transcripts"])
async def test_a_reader_that_is_not_here_says_so_in_its_row(
    http: aiohttp.ClientSession, where: Where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, voice: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    readers: dict[str, Reader] = {
        "a voice that is none": Synthesized(http, where.synthesizer, KEY, "xx", ["hello"]),
        "no flite": Flite("slt", ["hello"]),
        "a folder without transcripts": People(tmp_path),
    }
    row = await measure(http, where, readers[voice])
    assert row.rate is None
    assert row.missing
    assert row.missing in row.line()


async def test_a_transcriber_that_gives_up_ends_the_measurement(
    http: aiohttp.ClientSession, where: Where
) -> None:
    with pytest.raises(NotHeard, match="it died"):
        await measure(http, where, Synthesized(http, where.synthesizer, KEY, "en-us", ["broken"]))


async def test_people_are_read_from_their_folder(tmp_path: Path) -> None:
    for name in ("goforward.wav", "something.wav"):
        (tmp_path / name).write_bytes((HUMAN / name).read_bytes())
    rows = [
        {"file": "goforward.wav", "text": "go forward ten meters"},
        {"file": "something.wav", "text": None},
    ]
    (tmp_path / "transcripts.jsonl").write_text("\n".join(map(json.dumps, rows)))
    readings = [each async for each in People(tmp_path).readings()]
    assert [each.said for each in readings] == ["go forward ten meters"]
    # 2.8 s, at 24 kHz.
    assert len(readings[0].pcm) == pytest.approx(2 * 24000 * 2.786, abs=100)


async def test_the_command_prints_a_table_and_writes_every_utterance(where: Where, tmp_path: Path) -> None:
    file = tmp_path / "out.json"
    order = ["bench", "recognition", "--transcriber", where.transcriber, "--synthesizer", where.synthesizer]
    order += ["--espeak", "en-us", "--flite", "none", "--first", "3", "--json", str(file)]
    environment = {"ANTIPHON_INTERNAL_KEY": KEY, "ANTIPHON_HOME": str(tmp_path)}
    result = await asyncio.to_thread(CliRunner(env=environment).invoke, cli, order)
    assert result.exit_code == 0, result.output
    assert result.output.startswith("played; 3 unseen requests a voice")
    assert "eSpeak NG en-us" in result.output
    written = json.loads(file.read_text())
    assert written["recognizer"] == "played"
    assert [len(row["utterances"]) for row in written["rows"]] == [3, 0]


def test_where_nothing_runs_the_command_says_what_to_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTIPHON_HOME", str(tmp_path))
    with pytest.raises(NotHeard, match="start `antiphon up`, or give --transcriber"):
        command.Where.find(None, "http://127.0.0.1:1")


def test_none_of_the_unseen_requests_is_known_to_the_recogniser() -> None:
    examples = [example for tool in load_agents().tools for example in tool.examples]
    seen = {_plain(text) for text in [*phrases.general(), *small_talk(), *examples]}
    requests = UNSEEN.read_text("utf-8").splitlines()
    assert len(set(requests)) == 100
    assert not {_plain(text) for text in requests} & seen
    assert requests == [" ".join(spoken(text)) for text in requests]


def _plain(text: str) -> str:
    return " ".join(spoken(text)).replace("'", "")
