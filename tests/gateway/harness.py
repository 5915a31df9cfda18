"""A gateway in one process with real sockets, whose ears, voice and bridge a test writes the script for."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from uuid import UUID

import aiohttp
from aiohttp import web

from bridge import events as bridge
from bridge.bridge import Bridge
from bridge.ledger import Invocation
from gateway.access import Access
from gateway.call import Call
from gateway.calls import Calls
from gateway.conversation import Conversation
from gateway.engines.cascade import CascadeEngine
from gateway.engines.personaplex.servers import Servers
from gateway.parts import Offer, Parts
from gateway.ports import Engine, Mode, PartAway, Sound
from gateway.profile import Profile
from gateway.recorder import Fact, Outlet, Recorder
from gateway.server import new_app, new_limits
from gateway.session import events as on
from gateway.session.clock import RATE, samples
from gateway.session.playout import Outgoing
from gateway.settings import GatewaySettings
from gateway.store.rows import EventRow, Row
from gateway.store.store import Store
from gateway.store.totals import Totals
from personas.loader import load
from personas.model import Voice
from services.base.ids import new_id
from services.orchestrator.protocol import AgentDescription, ToolDescription
from tests.gateway.proxy import Proxy

F = TypeVar("F")

PATIENCE = 20.0
"""Seconds until a test gives up; only a broken one waits so long."""

WORD = samples(200)
"""Each word of the test voice sounds this long."""


class ScriptedEars:
    """Ears whose test says what they make out."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._tell: Callable[[on.Event], None] | None = None
        self.running = asyncio.Event()
        self.heard = 0
        """Bytes of the user's sound."""
        self.missing: str | None = None
        self.final = ""
        """The words of the next `TranscriptReady`."""
        self._fresh = asyncio.Event()

    async def run(self, tell: Callable[[on.Event], None]) -> None:
        self._tell = tell
        self.running.set()
        await asyncio.Event().wait()

    def hear(self, pcm: bytes) -> None:
        self.heard += len(pcm)
        self._fresh.set()

    async def sounded(self, samples_: int) -> None:
        """Wait until so much of the user's sound has come."""
        async with asyncio.timeout(PATIENCE):
            while self.heard // 2 < samples_:
                self._fresh.clear()
                await self._fresh.wait()

    def finish(self) -> None:
        text, self.final = self.final, ""
        asyncio.get_running_loop().call_soon(self.tell, on.TranscriptReady(self._now(), text, (), 0.9, "en"))

    def tell(self, event: on.Event) -> None:
        assert self._tell is not None
        self._tell(event)

    async def begin(self, words: str = "") -> None:
        """The user begins to speak, and so far says `words`."""
        async with asyncio.timeout(PATIENCE):
            await self.running.wait()
        self.tell(on.SpeechStarted(self._now(), self._now()))
        if words:
            self.final = words
            self.tell(on.WordsHeard(self._now(), words))

    def pause(self) -> None:
        """The user falls silent."""
        self.tell(on.SpeechStopped(self._now(), self._now()))

    async def say(self, words: str) -> None:
        """The user says `words` and stops; the turn ends by the session's own rules."""
        await self.begin(words)
        self.pause()


class TestVoice:
    """A synthesizer whose words all sound alike: 200 ms each, loud."""

    __test__ = False

    def __init__(self) -> None:
        self.spoken: list[str] = []
        self.voices: list[Voice] = []
        """Of each text."""
        self.words = 0
        """That sounded."""
        self.closed = asyncio.Event()
        self.breaks_after: int | None = None
        """Words until the voice is lost, once."""
        self.after_first: Callable[[], Awaitable[object]] | None = None
        """Awaited behind the first word."""

    async def speak(self, text: str, voice: Voice) -> AsyncGenerator[Sound, None]:
        self.spoken.append(text)
        self.voices.append(voice)
        for place, word in enumerate(text.split()):
            if self.breaks_after is not None and place >= self.breaks_after:
                self.breaks_after = None
                raise PartAway("the test voice broke")
            start = place * WORD
            self.words += 1
            yield Sound(b"\x00\x40" * WORD, (on.Word(word, start, start + WORD),))
            if self.after_first:
                await self.after_first()

    async def close(self) -> None:
        self.closed.set()


class EchoMind:
    """Answers with what was said."""

    name = "echo"

    async def answer(self, conversation: Conversation, instructions: str) -> AsyncGenerator[str, None]:
        yield f"You said {conversation.last('user')}"


class ScriptedBridge:
    """A bridge whose test says what it does with an utterance; by default all is left to the mind."""

    def __init__(self) -> None:
        self.heard: list[bridge.Utterance] = []
        self.script: Callable[[bridge.Utterance], AsyncIterator[bridge.BridgeEvent]] | None = None
        self.withdrawn: list[UUID] = []
        self.wish = ""
        """What begins so is a wish, while it is being said."""
        self.deeds: tuple[Invocation, ...] = ()
        self.closed = False

    async def take(self, utterance: bridge.Utterance) -> AsyncGenerator[bridge.BridgeEvent, None]:
        self.heard.append(utterance)
        if self.script is None:
            yield bridge.LeftToMind(utterance.turn_id)
            return
        async for event in self.script(utterance):
            yield event

    def is_wish_so_far(self, text: str, last_agent: str) -> bool:
        return bool(self.wish) and text.startswith(self.wish)

    def withdraw(self, turn_id: UUID) -> None:
        self.withdrawn.append(turn_id)

    async def close(self) -> None:
        self.closed = True


class Watch:
    """Listens to a call beside its client."""

    def __init__(self, call: Call) -> None:
        self.facts: list[Fact] = []
        self.sounds: list[Outgoing] = []
        self.end_reason: str | None = None
        self._fresh = asyncio.Event()
        call.listen(self)

    def told(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._fresh.set()

    def sound(self, piece: Outgoing) -> None:
        self.sounds.append(piece)
        self._fresh.set()

    async def sounded(self, samples_: int) -> None:
        """Wait until so much sound has left since the watch began."""
        async with asyncio.timeout(PATIENCE):
            while sum(len(piece.pcm) // 2 for piece in self.sounds) < samples_:
                self._fresh.clear()
                await self._fresh.wait()

    async def nth(self, kind: type[F], number: int) -> F:
        """The nth fact of that kind since the watch began, the first being 1."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = [fact for fact in self.facts if isinstance(fact, kind)]
                if len(found) >= number:
                    return found[number - 1]
                self._fresh.clear()
                await self._fresh.wait()

    def ended(self, reason: str) -> None:
        self.end_reason = reason

    async def until(self, kind: type[F], wanted: Callable[[F], bool] = lambda fact: True) -> F:
        """The first fact of that kind (and as wanted), of those that were told since the watch began."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for fact in self.facts:
                    if isinstance(fact, kind) and wanted(fact):
                        return fact
                self._fresh.clear()
                await self._fresh.wait()


class TestOrchestrator:
    """As far as somebody other than the bridge asks it."""

    __test__ = False

    def __init__(self) -> None:
        self.missing: str | None = None

    async def ready(self) -> str | None:
        return self.missing

    async def agents(self) -> list[AgentDescription]:
        return [AgentDescription(name="clock", description="Knows the time.", tools=["tell_time"])]

    async def tools(self) -> list[ToolDescription]:
        return [
            ToolDescription(
                name="tell_time",
                agent="clock",
                description="Tells the time.",
                risk="read",
                idempotent=True,
                parameters={},
            )
        ]


class NothingStored:
    """A store in which no session was ever written down; tests read the rows themselves."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.outbox = self
        self.queries = self
        self.depth, self.full = 0, False
        self._fresh = asyncio.Event()

    def put(self, row: Row) -> None:
        self.rows.append(row)
        self._fresh.set()

    async def until(self, kind: str, nth: int = 1) -> EventRow:
        """The nth event of that kind in the log."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = [row for row in self.rows if isinstance(row, EventRow) and row.kind == kind]
                if len(found) >= nth:
                    return found[nth - 1]
                self._fresh.clear()
                await self._fresh.wait()

    async def flush(self, timeout: float) -> bool:
        return True

    async def list_sessions(self, *_: object) -> str:
        return '{"sessions":[],"next":null}'

    async def session(self, session_id: UUID) -> None:
        return None

    async def fate(self, session_id: UUID) -> None:
        return None

    async def events(self, session_id: UUID, after: int, limit: int) -> None:
        return None

    async def injection(self, session_id: UUID, injection_id: UUID) -> None:
        return None

    async def turn_latencies(self, node: str) -> dict[str, object]:
        return {}

    async def totals(self) -> Totals:
        return Totals(datetime.now(UTC), 0, 0, 0, 0, (), ())

    async def ready(self) -> str | None:
        return None


class TestParts:
    """Puts calls together from the doubles above."""

    __test__ = False

    def __init__(self) -> None:
        self.catalogue = load()
        self.speech = Servers(cast(aiohttp.ClientSession, None), [], "")
        self.orchestrator = TestOrchestrator()
        self.recognizer = "ears of a test"
        self.ears: dict[UUID, ScriptedEars] = {}
        self.made = asyncio.Event()
        """A call was put together."""
        self.voice = TestVoice()
        self.synthesizer_missing: str | None = None
        self.bridge = ScriptedBridge()
        self.engine: Callable[[], Engine] = lambda: CascadeEngine("local", EchoMind(), self.voice)
        self.spare: Callable[[], Engine] | None = None

    def offers(self, missing: str | None = None) -> list[Offer]:
        personaplex = Offer("personaplex", False, "none here", is_set_up=False)
        return [personaplex, Offer("local", missing is None, missing)]

    def synthesizer(self) -> TestVoice:
        return self.voice

    def choose(self, wanted: str) -> tuple[Mode, str | None]:
        return "local", None if wanted in ("auto", "local") else f"{wanted}: none here"

    def call(self, profile: Profile, outlet: Outlet) -> Call:
        def ears(now: Callable[[], int], clock: Callable[[int], int]) -> ScriptedEars:
            self.ears[profile.session_id] = ScriptedEars(now)
            self.made.set()
            return self.ears[profile.session_id]

        recorder = Recorder(outlet, profile.session_id, profile.started_at, profile.mode)
        return Call(profile, self.engine(), ears, cast(Bridge, self.bridge), recorder, new_id, self.spare)

    async def transcriber_ready(self) -> str | None:
        return None

    async def synthesizer_ready(self) -> str | None:
        return self.synthesizer_missing


@dataclass(slots=True)
class Client:
    """A client on the realtime wire."""

    socket: aiohttp.ClientWebSocketResponse
    events: list[dict[str, Any]] = field(default_factory=list)
    """All that came."""

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_json({"type": kind, **fields})

    async def until(self, kind: str, /, **wanted: Any) -> dict[str, Any]:
        """The next event of that kind (whose fields are as wanted)."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, f"waiting for {kind}: {message}"
                event = json.loads(message.data)
                self.events.append(event)
                if event["type"] == kind and all(event.get(k) == v for k, v in wanted.items()):
                    return cast(dict[str, Any], event)

    async def error(self) -> dict[str, Any]:
        """The next `error` event's body."""
        return cast(dict[str, Any], (await self.until("error"))["error"])

    async def closed(self) -> tuple[int, str]:
        """Code and reason of the close that comes; events before it are kept."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await self.socket.receive()
                if message.type is aiohttp.WSMsgType.TEXT:
                    self.events.append(json.loads(message.data))
                elif message.type is aiohttp.WSMsgType.CLOSE:
                    return message.data, message.extra or ""
                else:
                    return 1006, message.type.name

    def drop(self) -> None:
        """The connection breaks, without a close."""
        self._transport.abort()

    def stop_reading(self) -> None:
        """Take nothing more of what comes."""
        self._transport.pause_reading()

    @property
    def _transport(self) -> asyncio.Transport:
        connection = self.socket._response.connection
        assert connection is not None
        assert isinstance(connection.transport, asyncio.Transport)
        return connection.transport

    async def text(self, words: str) -> None:
        """Type `words` and ask for an answer."""
        content = [{"type": "input_text", "text": words}]
        await self.send(
            "conversation.item.create", item={"type": "message", "role": "user", "content": content}
        )
        await self.send("response.create")

    def kinds(self) -> list[str]:
        """What came, by kind, without the sound."""
        return [e["type"] for e in self.events if not e["type"].endswith("audio.delta")]

    def sound(self, response_id: str) -> bytes:
        """All PCM of one response."""
        return b"".join(
            base64.b64decode(e["delta"])
            for e in self.events
            if e["type"] == "response.output_audio.delta" and e["response_id"] == response_id
        )


class Gateway:
    """The served gateway and what tests reach into."""

    def __init__(
        self, access: Access | None = None, most: int = 10, store: Store | None = None, **settings: Any
    ) -> None:
        """Without a store the rows are kept in `rows`; `settings` are the gateway's, by their names."""
        self.settings = GatewaySettings(database_url="", **settings)
        self.parts = TestParts()
        self.kept = NothingStored()
        self.store = store or cast(Store, self.kept)
        self.access = access or Access({}, open_to_all=True, hosts=frozenset())
        limits = new_limits(self.settings)
        tokens = self.access.say_tokens
        self.calls = Calls(cast(Parts, self.parts), self.store.outbox, "test", most, tokens, limits)
        self._stack = contextlib.AsyncExitStack()
        self.app: web.Application
        self.runner: web.AppRunner
        self.http: aiohttp.ClientSession
        self.port: int
        self.url: str

    @property
    def rows(self) -> list[Row]:
        """What the calls wrote down, where there is no store."""
        return self.kept.rows

    async def __aenter__(self) -> "Gateway":
        app = self.app = new_app(self.settings, self.access, self.store, self.calls)
        # As `services.base.serve` does: a handler is not cancelled when its client goes.
        runner = self.runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        self.url = self.access.say_tokens.public_url = f"http://127.0.0.1:{self.port}"
        # Left first: the calls end before the server stops.
        await self._stack.enter_async_context(self.calls)
        self.http = await self._stack.enter_async_context(aiohttp.ClientSession())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def session(self, **body: Any) -> dict[str, Any]:
        """Make a session over REST; the agent greets only where a test wants it to."""
        body = {"greeting": False, **body}
        async with self.http.post(f"{self.url}/api/mas/voice/duplex/session", json=body) as answer:
            assert answer.status == 201, await answer.text()
            return cast(dict[str, Any], await answer.json())

    async def attach(
        self,
        session: dict[str, Any],
        antiphon: bool = True,
        after: int | None = None,
        via: Proxy | None = None,
    ) -> Client:
        """Attach to a session with its own secret, where asked `via` bad network."""
        url = session["realtime_url"] + ("&antiphon=1" if antiphon else "")
        if via is not None:
            url = url.replace(f":{self.port}/", f":{via.port}/")
        url += f"&after={after}" if after is not None else ""
        return await self.connect(url, session["client_secret"]["value"])

    async def connect(self, url: str, token: str = "") -> Client:
        """Open a socket."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        socket = await self.http.ws_connect(url, headers=headers, protocols=("realtime",), max_msg_size=0)
        # Closed before the http session: one that broke would else be left to the garbage collector.
        self._stack.push_async_callback(socket.close)
        return Client(socket)

    async def client(self, antiphon: bool = True, **body: Any) -> tuple[Client, ScriptedEars]:
        """A client with a session of its own that has said hello, and the session's ears."""
        session = await self.session(**body)
        client = await self.attach(session, antiphon)
        await client.until("session.created")
        return client, self.parts.ears[UUID(session["session_id"])]

    async def ask(
        self, method: str, path: str, token: str = "", headers: dict[str, str] | None = None, **options: Any
    ) -> tuple[int, Any]:
        """One request to REST: status and body."""
        shown = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.url}{path}"
        async with self.http.request(method, url, headers=shown | (headers or {}), **options) as response:
            return response.status, await response.json(content_type=None)

    def call(self, session: dict[str, Any] | None = None) -> Call:
        """The call of a session, or the only one there is."""
        if session is not None:
            return self.calls.get(UUID(session["session_id"]))
        return next(call for call, _ in self.calls._calls.values())

    async def over(self) -> None:
        """Wait until no call is under way any more."""
        tasks = [task for _, task in self.calls._calls.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=PATIENCE)
            assert not late


def sound(milliseconds: int, level: int = 0) -> str:
    """Base64 PCM16 at 24 kHz, constant."""
    return base64.b64encode(level.to_bytes(2, "little", signed=True) * (RATE * milliseconds // 1000)).decode()


def number(event: dict[str, Any]) -> int:
    """The growing number at the end of an event's id."""
    return int(event["event_id"].rsplit("_", 1)[1])
