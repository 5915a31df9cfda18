"""Puts a call together: which engine, mind, voice, ears and bridge it gets. The one place that names adapters."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import aiohttp

from bridge.bridge import Bridge
from bridge.fillers import Patience, ToolTimes
from bridge.follower import Follower
from bridge.intent import IntentClassifier, Trained
from bridge.ledger import LedgerStore
from bridge.limits import Limits
from bridge.orchestrators.http import HttpOrchestrator
from bridge.ports import OrchestratorError
from gateway.call import Call
from gateway.ears import TranscriberEars
from gateway.engines.cascade import CascadeEngine
from gateway.engines.personaplex.engine import PersonaPlexEngine
from gateway.engines.personaplex.servers import Servers
from gateway.engines.voice_service import VoiceService
from gateway.minds.small_talk import SmallTalkMind
from gateway.ports import Ears, Engine, Mind, Mode, Synthesizer, base_language
from gateway.profile import Profile
from gateway.recorder import Outlet, Recorder
from gateway.settings import GatewaySettings
from personas.loader import Catalogue, load
from personas.model import Persona
from personas.small_talk import SmallTalkIndex
from services.base.ids import new_id
from services.base.settings import BadSettings, as_list

log = logging.getLogger(__name__)

WantedMode = Literal["auto", "personaplex", "realtime", "elevenlabs", "local"]

TOOLS_AGAIN_S = 60.0
TOOLS_SOON_S = 2.0
"""Until the orchestrator has told its tools for the first time."""

LOCAL_NEEDS = ("transcriber", "synthesizer")
"""The parts without which the local engine cannot be had."""

PROBE_S = 1.5
"""What a part gets to say whether it is ready; shorter than a readiness check may take, so that the reason is ours."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Offer:
    """Whether an engine can be had now."""

    mode: Mode
    available: bool
    reason: str | None
    """Why not, in words one can act on."""
    slots_free: int | None = None
    """Of the engine's own; None where the gateway's places are the only limit."""
    slots_total: int | None = None
    queue: int = 0
    is_set_up: bool = True
    """Somebody wants it here; what is set up and cannot be had is out of order, or full."""


def missing_to_local(parts: Mapping[str, str | None]) -> str | None:
    """What the local engine cannot do without and has not; `parts` is what readiness found."""
    return "; ".join(f"{part}: {why}" for part in LOCAL_NEEDS if (why := parts.get(part))) or None


class Parts:
    """Shared by all calls of this gateway: connections, catalogue, classifiers."""

    def __init__(
        self,
        settings: GatewaySettings,
        http: aiohttp.ClientSession,
        ledger: LedgerStore,
        language_model: Mind | None = None,
    ) -> None:
        """`language_model` answers chitchat; without one the persona's small talk does."""
        self.settings, self.http, self._ledger = settings, http, ledger
        self._language_model = language_model
        self._transcribers = [url.rstrip("/") for url in as_list(settings.transcriber_urls)]
        if not self._transcribers:
            raise BadSettings("TRANSCRIBER_URLS names no transcriber")
        self.speech = Servers(http, as_list(settings.personaplex_urls), settings.antiphon_internal_key)
        self.catalogue: Catalogue = load()
        self.orchestrator = HttpOrchestrator(
            http, settings.orchestrator_url, key=settings.antiphon_internal_key
        )
        self.follower = Follower(self.orchestrator, ledger, utc_now)
        """Outlives the calls whose deeds it follows."""
        self._small_talk = {who.name: SmallTalkIndex(who.small_talk) for who in self.catalogue.personas}
        self._classifiers: dict[str, IntentClassifier] = {}
        self._times = ToolTimes()
        self._recognizers: set[str] = set()
        """The names of the transcribers', of those that are ready."""
        self._wishes: list[str] = []
        """The tools' example phrases."""

    @classmethod
    @asynccontextmanager
    async def opened(cls, settings: GatewaySettings, ledger: LedgerStore) -> AsyncIterator["Parts"]:
        """Parts with their connections, and a task that keeps the tools' phrases fresh.

        Raises:
            BadSettings: TRANSCRIBER_URLS is empty, or PERSONAPLEX_URLS holds no URL.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5)
        # Each call holds sockets for as long as it lives, and each deed one for as long as it runs.
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(timeout=timeout, connector=connector) as http,
            language_model(settings) as mind,
        ):
            parts = cls(settings, http, ledger, mind)
            watches = {
                asyncio.create_task(parts.watch(), name="watch parts"),
                asyncio.create_task(parts.speech.watch(), name="watch speech servers"),
            }
            try:
                yield parts
            finally:
                for watch in watches:
                    watch.cancel()
                await asyncio.wait(watches)
                await parts.follower.close()

    def offers(self, missing: str | None = None) -> list[Offer]:
        """The engines and whether they can be had, the best first; `missing` says what the local one has not.

        To `choose` nothing is missing: a part that is being started again is back before the first word is due.
        """
        speech = self.speech.room()
        return [
            Offer(
                "personaplex",
                speech.missing is None,
                speech.missing,
                speech.free,
                speech.total,
                speech.queue,
                is_set_up=bool(self.settings.personaplex_urls),
            ),
            Offer(
                "realtime",
                False,
                "Realtime servers have no engine in this version; `local` takes their calls",
                is_set_up=False,
            ),
            Offer(
                "elevenlabs",
                False,
                "ElevenLabs has no engine in this version; `local` takes its calls",
                is_set_up=False,
            ),
            Offer("local", missing is None, missing),
        ]

    def choose(self, wanted: WantedMode) -> tuple[Mode, str | None]:
        """The engine that `wanted` gets, and why it is not the one asked for where it isn't."""
        offers = self.offers()
        best = next(offer for offer in offers if offer.available)
        if wanted == "auto":
            # Who has set up speech servers and gets another engine wants to know why.
            wanted = "personaplex" if self.settings.personaplex_urls else best.mode
        asked = next(offer for offer in offers if offer.mode == wanted)
        if asked.available:
            return asked.mode, None
        return best.mode, f"{asked.mode}: {asked.reason}"

    def call(self, profile: Profile, outlet: Outlet) -> Call:
        """Put a call together."""
        persona = profile.brief.persona
        bridge = Bridge(
            persona,
            self.classifier(persona),
            self.orchestrator,
            self._ledger,
            new_id,
            utc_now,
            Limits(fillers=Patience.after(self.settings.filler_after_s)),
            self.follower.follow,
            self._times,
        )
        recorder = Recorder(outlet, profile.session_id, profile.started_at, profile.mode)
        spare = partial(self.local_engine, profile) if profile.mode == "personaplex" else None
        ears = partial(self.ears, profile)
        return Call(profile, self.engine(profile), ears, bridge, recorder, new_id, spare)

    def engine(self, profile: Profile) -> Engine:
        """The call's engine."""
        if profile.mode != "personaplex":
            return self.local_engine(profile)
        self.speech.promise()
        return PersonaPlexEngine(self.speech, self._mind(profile.brief.persona), self.synthesizer(), new_id)

    def local_engine(self, profile: Profile) -> Engine:
        """That of mode `local`, which takes a call, too, whose own engine is lost before it begins."""
        return CascadeEngine("local", self._mind(profile.brief.persona), self.synthesizer())

    def synthesizer(self) -> Synthesizer:
        """A voice of one's own, to be closed by whoever asked for it."""
        return VoiceService(self.http, self.settings.synthesizer_url, self.settings.antiphon_internal_key)

    def ears(self, profile: Profile, now: Callable[[], int], clock: Callable[[int], int]) -> Ears:
        """The call's ears; `now` is its clock, `clock` lays a position of the heard sound on it."""
        return TranscriberEars(
            self.http,
            self._transcribers,
            self.settings.antiphon_internal_key,
            base_language(profile.brief.language),
            now,
            clock,
        )

    def classifier(self, persona: Persona) -> IntentClassifier:
        """Tells this persona's small talk from wishes; made once for each persona and set of tools."""
        found = self._classifiers.get(persona.name)
        if found is None:
            chitchat = [example for talk in persona.small_talk for example in talk.examples]
            found = self._classifiers[persona.name] = Trained(chitchat, self._wishes)
        return found

    async def watch(self) -> None:
        """Learn the recogniser's name, and the tools' phrases now and again: tools come and go."""
        while True:
            await self.transcriber_ready()
            try:
                tools = await self.orchestrator.tools()
            except OrchestratorError as error:
                log.warning("the orchestrator tells no tools", extra={"code": error.code})
                await asyncio.sleep(TOOLS_SOON_S)
                continue
            wishes = [example for tool in tools for example in tool.examples]
            if wishes != self._wishes:
                self._wishes = wishes
                self._classifiers.clear()
            await asyncio.sleep(TOOLS_AGAIN_S if self.recognizer else TOOLS_SOON_S)

    def _mind(self, persona: Persona) -> Mind:
        return self._language_model or SmallTalkMind(persona, self._small_talk[persona.name])

    # Readiness, a sentence each where something is missing.

    async def transcriber_ready(self) -> str | None:
        told: list[dict[str, Any]] = []
        # At once: one that hangs hides none of the others.
        answers = await asyncio.gather(
            *(self._probe(f"{url}/ready", told.append) for url in self._transcribers)
        )
        self._recognizers = {name for ready in told if isinstance(name := ready.get("recognizer"), str)}
        return None if None in answers else answers[0]

    @property
    def recognizer(self) -> str | None:
        """The name of what makes words of sound; of several kinds all, since any of them may hear a call."""
        return ", ".join(sorted(self._recognizers)) or None

    async def synthesizer_ready(self) -> str | None:
        return await self._probe(f"{self.settings.synthesizer_url.rstrip('/')}/ready")

    async def _probe(self, url: str, learn: Callable[[dict[str, Any]], None] | None = None) -> str | None:
        """Why the part at `url` is not ready; `learn` gets what one that is tells of itself."""
        try:
            async with asyncio.timeout(PROBE_S), self.http.get(url) as answer:
                if answer.status != 200:
                    return f"{url} answered {answer.status}"
                if learn:
                    learn(await answer.json())
                return None
        except ValueError:
            return f"{url} did not answer in JSON"
        except TimeoutError:
            return f"{url} did not answer within {PROBE_S:g} s"
        except (aiohttp.ClientError, OSError) as error:
            return f"{url} cannot be reached: {error}"


@asynccontextmanager
async def language_model(settings: GatewaySettings) -> AsyncIterator[Mind | None]:
    """The mind behind `LLM_BASE_URL`, where it is set."""
    if not settings.llm_base_url:
        yield None
        return
    # Half a second to import: only who uses it pays, and not in the middle of a call.
    from gateway.minds.language_model import LanguageModelMind, new_client

    async with new_client(settings.llm_base_url, settings.llm_api_key) as client:
        yield LanguageModelMind(client, settings.llm_model, settings.llm_max_tokens)
