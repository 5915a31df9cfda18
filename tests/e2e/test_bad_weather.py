"""The connection breaks in mid-word, of the user's and of the agent's: nothing is lost, and nothing comes twice."""

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import numpy as np
import pytest_asyncio

from gateway.cli.caller import API, CHUNK
from gateway.cli.waveforms import Pcm
from gateway.session.clock import RATE
from tests.e2e.deployment import Deployment
from tests.e2e.recogniser import nearest_in_length, recognise, words
from tests.e2e.sentences import small_talk_sentences
from tests.e2e.speech import Voice, timeline
from tests.gateway.proxy import Proxy

Event = dict[str, Any]

PATIENCE_S = 45.0

AWAY_CHUNKS = 150
"""The connection is down for 3 s of the microphone's."""


class Traveller:
    """A client on a bad line, which resumes and keeps its microphone's sound meanwhile, as the page does."""

    def __init__(self, http: aiohttp.ClientSession, made: Event, port: int) -> None:
        """`port` is where its way to the gateway begins."""
        self._http = http
        here = str(urlsplit(made["realtime_url"]).port)
        self._url = made["realtime_url"].replace(f":{here}/", f":{port}/") + "&antiphon=1"
        self._secret = made["client_secret"]["value"]
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self.events: list[Event] = []
        self.heard: dict[str, bytearray] = {}
        """The sound of each response."""
        self.lips: deque[bytes] = deque()
        self.kept: deque[str] = deque()
        self._fresh = asyncio.Event()
        self._seen = 0

    async def connect(self) -> None:
        """Come, or come back; what was kept goes first."""
        after = f"&after={self._number}" if self.events else ""
        headers = {"Authorization": f"Bearer {self._secret}"}
        socket = await self._http.ws_connect(f"{self._url}{after}", headers=headers, max_msg_size=0)
        while self.kept:
            await socket.send_str(self.kept.popleft())
        self._socket = socket

    async def listen(self) -> None:
        """Take what comes, until the connection breaks."""
        assert self._socket is not None
        async for message in self._socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            event = json.loads(message.data)
            self.events.append(event)
            if event["type"] == "response.output_audio.delta":
                self.heard.setdefault(event["response_id"], bytearray()).extend(
                    base64.b64decode(event["delta"])
                )
            self._fresh.set()
        self._socket = None
        self._fresh.set()

    async def breathe(self) -> None:
        """The microphone: what is to be said, else silence, 20 ms at a time."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            chunk = self.lips.popleft() if self.lips else bytes(CHUNK * 2)
            audio = base64.b64encode(chunk).decode()
            message = json.dumps({"type": "input_audio_buffer.append", "audio": audio})
            try:
                if self._socket is None:
                    raise ConnectionError
                await self._socket.send_str(message)
            except (aiohttp.ClientError, ConnectionError):
                self.kept.append(message)
            self._fresh.set()
            due += CHUNK / RATE
            await asyncio.sleep(due - loop.time())

    def say(self, pcm: Pcm) -> None:
        raw = pcm.astype("<i2").tobytes()
        self.lips.extend(raw[at : at + CHUNK * 2] for at in range(0, len(raw), CHUNK * 2))

    async def until(self, kind: str, text: str = "") -> Event:
        """The next event of this kind, with `text` in it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                while self._seen < len(self.events):
                    event = self.events[self._seen]
                    self._seen += 1
                    if event["type"] == kind and text in json.dumps(event):
                        return event
                await self.news()

    async def news(self) -> None:
        self._fresh.clear()
        await self._fresh.wait()

    @property
    def _number(self) -> int:
        return int(self.events[-1]["event_id"].rsplit("_", 1)[1])


@pytest_asyncio.fixture
async def line(deployment: Deployment) -> AsyncIterator[Proxy]:
    port = urlsplit(deployment.url).port
    assert port is not None
    async with Proxy.before(port) as line:
        yield line


@pytest_asyncio.fixture
async def traveller(deployment: Deployment, line: Proxy) -> AsyncIterator[Traveller]:
    """In a call, over a line that a test can break."""
    async with aiohttp.ClientSession(deployment.url, raise_for_status=True) as http:
        async with http.post(f"{API}/duplex/session", json={"greeting": False}) as answer:
            traveller = Traveller(http, await answer.json(), line.port)
        await traveller.connect()
        tasks = [asyncio.create_task(traveller.breathe()), asyncio.create_task(comes_back(traveller))]
        yield traveller
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def comes_back(traveller: Traveller) -> None:
    """Whenever the connection breaks, for as long as the sound of `AWAY_CHUNKS` lasts."""
    while True:
        await traveller.listen()
        while len(traveller.kept) < AWAY_CHUNKS:
            await traveller.news()
        await traveller.connect()


async def test_a_question_is_understood_though_the_line_breaks_in_it(
    traveller: Traveller, line: Proxy, voice: Voice
) -> None:
    traveller.say(timeline(0.3, await voice.say("what time is it in tokyo")))
    await traveller.until("antiphon.partial", "time")
    line.reset()
    said = await traveller.until("conversation.item.input_audio_transcription.completed")
    assert said["transcript"] == "what time is it in tokyo"
    assert (await traveller.until("antiphon.tool", '"success"'))["action"] == "tell_time"


async def test_an_answer_is_heard_whole_though_the_line_breaks_in_it(
    traveller: Traveller, line: Proxy, voice: Voice
) -> None:
    traveller.say(timeline(0.3, await voice.say("how are you today")))
    await traveller.until("response.output_audio_transcript.delta")
    await traveller.until("response.output_audio.delta")
    line.reset()
    response = (await traveller.until("response.done"))["response"]
    said = words(response["output"][0]["content"][0]["transcript"])
    sound = np.frombuffer(bytes(traveller.heard[response["id"]]), "<i2")
    assert recognise(sound, nearest_in_length(said, small_talk_sentences())).heard == said
