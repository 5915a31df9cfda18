"""Facts of a call as events of this wire: what a client is told, and in which order."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from bridge import events as bridge
from bridge.ledger import FINISHED, Invocation, Status
from gateway.profile import Profile
from gateway.recorder import Fact, plain
from gateway.session import effects as do
from gateway.session.clock import ms
from gateway.session.events import Arrived
from gateway.session.playout import Outgoing
from gateway.wires.realtime import items as show
from gateway.wires.realtime.errors import WireError
from gateway.wires.realtime.formats import Encoder
from gateway.wires.realtime.items import Items
from gateway.wires.realtime.journal import Journal
from gateway.wires.realtime.sent import SentSound
from gateway.wires.realtime.settings import SessionSettings
from gateway.wires.realtime.timings import Spans, Timings


class Teller:
    """Tells one session's client. With `antiphon` it also gets our own events, which break some stock clients."""

    def __init__(
        self, profile: Callable[[], Profile], settings: SessionSettings, items: Items, journal: Journal
    ) -> None:
        """`profile` is the call's as it is by now."""
        self._profile, self._settings, self._items, self._journal = profile, settings, items, journal
        self.antiphon = False
        self.encoder = Encoder(settings.output_format)
        self.response_wish: dict[str, Any] = {}
        """`metadata` and `event_id` of the `response.create` that the next response answers."""
        self._metadata: dict[str, Any] | None = None
        self._speaks = True
        """Whether the open response has sound."""
        self._sent, self._sound_at, self._sent_to = SentSound(), 0, 0
        """Sound by event, and where in its turn the next piece goes on."""
        self._gap = ""
        """What stands before the next word of the open response."""
        self._ducked = False
        self._placed: tuple[UUID, dict[str, Any]] | None = None
        self._timings = Timings()
        self._begun: do.AgentStarted | None = None
        """How the last response began."""
        self._committed_by_client = False
        self._asked: dict[UUID, Invocation] = {}
        """Deeds for which the user's consent is awaited."""

    def tell(self, event: str, /, **fields: Any) -> None:
        """One control event."""
        self._journal.put(event, fields)

    def error(self, error: WireError, event_id: str | None = None) -> None:
        self.tell("error", error=error.body(event_id))

    def opened(self) -> None:
        """The first event on a new socket."""
        self.tell("session.created", session=self._settings.body)
        self._engine()
        # A client that begins anew does not know that its answer is awaited.
        for waiting in self._asked.values():
            self._ours("antiphon.tool", **plain(waiting))
            if self._shows_tools:
                self._approval_asked(waiting)

    def _engine(self) -> None:
        profile = self._profile()
        self._ours(
            "antiphon.engine",
            mode=profile.mode,
            reason=profile.fallback_reason,
            persona=profile.brief.persona.name,
            voice=profile.brief.voice.name,
            recognizer=profile.recognizer,
        )

    def committed(self) -> None:
        """The client committed the buffer: its turn's item carries on from here."""
        self._committed_by_client = True

    def fact(self, fact: Fact) -> None:
        """Tell what a fact means on this wire; most inner facts mean nothing."""
        match fact:
            case do.UserStarted():
                self.tell(
                    "input_audio_buffer.speech_started",
                    audio_start_ms=round(ms(fact.at)),
                    item_id=self._items.name(fact.turn_id),
                )
            case do.UserStopped():
                self._user_stopped(fact)
            case do.UserWords():
                self._ours("antiphon.partial", item_id=self._items.name(fact.turn_id), text=fact.text)
            case do.UserTurnEnded():
                self._user_ended(fact)
            case do.AgentStarted():
                self._begun = fact
                self._agent_started(fact)
            case do.AgentSounded():
                asked = self._begun.answers if self._begun else None
                if asked and (spans := self._timings.sounded(asked)):
                    self._timed(asked, spans)
            case do.AgentEnded():
                self._agent_ended(fact)
            case do.HeardCorrected():
                self._heard(fact)
            case do.Ducked() | do.Unducked():
                self._duck(isinstance(fact, do.Ducked), fact.turn_id)
            case do.BargeIn():
                self._ours(
                    "antiphon.barge_in",
                    kind=fact.kind,
                    response_id=response_name(fact.turn_id),
                    heard_ms=round(ms(fact.heard)),
                    stop_ms=fact.stop_ms,
                    cancelled_text=fact.cancelled_text,
                )
            case do.Hold(on=True):
                self._ours("antiphon.held", on=True)
            case do.Held():
                self._ours(
                    "antiphon.held",
                    on=False,
                    text=fact.text,
                    sounded_ms=round(ms(fact.sounded)),
                    dropped=fact.dropped,
                )
            case do.Measured():
                self._measured(fact.turn_id, fact.span, fact.ms)
            case do.EngineReplaced():
                self._engine()
            case do.Refused():
                wish, self.response_wish = self.response_wish, {}
                self.error(WireError(fact.code, fact.message), wish.get("event_id"))
            case bridge.IntentDecided():
                self._measured(fact.turn_id, "intent", fact.ms)
            case bridge.InvocationChanged():
                self._tool(fact.invocation)
            case bridge.ResultArrived():
                self._ours("antiphon.tool", **plain(fact.invocation))
            case bridge.Progressed():
                self._ours(
                    "antiphon.tool",
                    invocation_id=str(fact.invocation_id),
                    status="running",
                    progress={"text": fact.text, "fraction": fact.fraction},
                )
            case _:
                pass

    def sound(self, piece: Outgoing) -> None:
        """The agent's words and sound, as they are due."""
        place = self._place(piece.turn_id)
        text = " ".join(word.text for word in piece.words)
        if text:
            text, self._gap = self._gap + text, " "
        if not self._speaks:
            if text:
                self.tell("response.output_text.delta", **place, delta=text)
            return
        if text:
            self.tell("response.output_audio_transcript.delta", **place, delta=text)
        if piece.start != self._sound_at:
            # What the filter still holds of the sound before does not go on here.
            self.encoder = Encoder(self._settings.output_format)
            self._sent_to = piece.start
        self._sound_at = piece.end
        self._audio(piece.turn_id, self.encoder.encode(piece.pcm))

    def arrived(self, number: int) -> tuple[Arrived, ...]:
        """Where the turns' sound broke off for a client that got the events up to `number`."""
        return self._sent.until(number)

    def piece(self, number: int) -> tuple[UUID, int, int] | None:
        """The turn whose sound event `number` carried, and from where to where."""
        return self._sent.piece(number)

    def _audio(self, turn_id: UUID, audio: str) -> None:
        if audio:
            number = self._journal.put_sound("response.output_audio.delta", self._place(turn_id), audio)
            start, self._sent_to = self._sent_to, self._sound_at - self.encoder.held
            self._sent.note(number, turn_id, start, self._sent_to)

    # The user's turns.

    def _user_stopped(self, fact: do.UserStopped) -> None:
        name = self._items.name(fact.turn_id)
        if not self._committed_by_client:
            self.tell("input_audio_buffer.speech_stopped", audio_end_ms=round(ms(fact.at)), item_id=name)
        self._committed_by_client = False
        item = show.spoken_by_user(name, None)
        previous = self._items.put(item, fact.turn_id)
        self.tell("input_audio_buffer.committed", item_id=name, previous_item_id=previous)
        self.tell("conversation.item.added", item=item, previous_item_id=previous)

    def _user_ended(self, fact: do.UserTurnEnded) -> None:
        name = self._items.name(fact.breath_id)
        if fact.by == "text":
            item = show.typed(name, "user", fact.text)
            previous = self._items.put(item, fact.turn_id)
            self.tell("conversation.item.added", item=item, previous_item_id=previous)
            self.tell("conversation.item.done", item=item, previous_item_id=previous)
            return
        if self._items.get(name) is None:
            # Said while the agent spoke, and no barge-in: an item, but no floor. Without its words, as any spoken one:
            # LiveKit appends the transcript to what it was added with.
            unheard = show.spoken_by_user(name, None)
            before = self._items.put(unheard, fact.breath_id)
            self.tell("conversation.item.added", item=unheard, previous_item_id=before)
        # A turn that went on is told as a second item, with the words that were added: clients append.
        item = show.spoken_by_user(name, fact.added)
        previous = self._items.put(item, fact.breath_id)
        if fact.breath_id != fact.turn_id:
            self._ours("antiphon.continued", item_id=name, of=self._items.name(fact.turn_id), text=fact.text)
        place: dict[str, Any] = {"item_id": name, "content_index": 0}
        if fact.added:
            self.tell("conversation.item.input_audio_transcription.delta", **place, delta=fact.added)
        self.tell(
            "conversation.item.input_audio_transcription.completed",
            **place,
            transcript=fact.added,
            usage={"type": "duration", "seconds": round(ms(fact.end - fact.start) / 1000, 3)},
        )
        self.tell("conversation.item.done", item=item, previous_item_id=previous)

    # The agent's turns.

    def _agent_started(self, fact: do.AgentStarted) -> None:
        name = self._items.name(fact.turn_id)
        self._speaks, self._gap, self._sound_at = self._settings.speaks, "", 0
        self._sent_to = 0
        wish, self.response_wish = self.response_wish, {}
        self._metadata = wish.get("metadata")
        item = show.said_by_agent(name, "in_progress", None, self._speaks)
        previous = self._items.put(item, fact.turn_id)
        response_id = response_name(fact.turn_id)
        self.tell("response.created", response=self._response(fact.turn_id, "in_progress", []))
        self.tell("response.output_item.added", response_id=response_id, output_index=0, item=item)
        self.tell("conversation.item.added", item=item, previous_item_id=previous)
        self.tell(
            "response.content_part.added", **self._place(fact.turn_id), part=show.agent_part("", self._speaks)
        )

    def _agent_ended(self, fact: do.AgentEnded) -> None:
        place = self._place(fact.turn_id)
        # Of a turn that was cut only what was heard was said.
        transcript = fact.text if fact.status == "completed" else fact.heard_text
        if self._speaks:
            rest = self.encoder.finish()
            if fact.status == "completed":
                self._audio(fact.turn_id, rest)
            self.tell("response.output_audio.done", **place)
            self.tell("response.output_audio_transcript.done", **place, transcript=transcript)
        else:
            self.tell("response.output_text.done", **place, text=transcript)
        self.tell("response.content_part.done", **place, part=show.agent_part(transcript, self._speaks))
        status = "completed" if fact.status == "completed" else "incomplete"
        item = show.said_by_agent(place["item_id"], status, transcript, self._speaks)
        previous = self._items.put(item, fact.turn_id)
        self.tell("response.output_item.done", response_id=place["response_id"], output_index=0, item=item)
        self.tell("conversation.item.done", item=item, previous_item_id=previous)
        details: dict[str, Any] | None = None
        if fact.status == "cancelled":
            reason = "turn_detected" if fact.reason == "turn_detected" else "client_cancelled"
            details = {"type": "cancelled", "reason": reason}
            self._ours("output_audio_buffer.cleared", response_id=place["response_id"])
        elif fact.status == "failed":
            details = {"type": "failed", "error": {"type": "server_error", "code": fact.reason}}
        self.tell("response.done", response=self._response(fact.turn_id, fact.status, [item], details))
        if self._ducked:
            # Only now has the client dropped the sound that would come up again.
            self._duck(False, fact.turn_id)

    def _heard(self, fact: do.HeardCorrected) -> None:
        name = self._items.name(fact.turn_id)
        if item := self._items.get(name):
            said = show.said_by_agent(name, item["status"], fact.heard_text, self._speaks)
            self._items.put(said, fact.turn_id)

    def _response(
        self, turn_id: UUID, status: str, output: list[Any], details: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return {
            "object": "realtime.response",
            "id": response_name(turn_id),
            "status": status,
            "status_details": details,
            "output": output,
            "conversation_id": f"conv_{self._profile().conversation_id}",
            "output_modalities": ["audio"] if self._speaks else ["text"],
            "max_output_tokens": "inf",
            "audio": {"output": dict(self._settings.body["audio"]["output"])},
            "metadata": self._metadata,
            # Nothing here is counted in tokens.
            "usage": None,
        }

    def _place(self, turn_id: UUID) -> dict[str, Any]:
        """Where a turn's sound and words belong; the same object throughout a turn."""
        if self._placed is None or self._placed[0] != turn_id:
            place = {
                "response_id": response_name(turn_id),
                "item_id": self._items.name(turn_id),
                "output_index": 0,
                "content_index": 0,
            }
            self._placed = turn_id, place
        return self._placed[1]

    # What only our own clients are told.

    def _ours(self, event: str, /, **fields: Any) -> None:
        if self.antiphon:
            self.tell(event, **fields)

    def _duck(self, on: bool, turn_id: UUID) -> None:
        self._ducked = on
        self._ours("antiphon.duck", on=on, response_id=response_name(turn_id))

    def _measured(self, turn_id: UUID, span: str, took_ms: float) -> None:
        if spans := self._timings.note(turn_id, span, took_ms):
            self._timed(turn_id, spans)

    def _timed(self, turn_id: UUID, spans: Spans) -> None:
        """The response that began last begins to sound: what was measured of the turn that it answers."""
        self._ours(
            "antiphon.latency",
            turn_id=str(turn_id),
            item_id=self._items.name(turn_id),
            response_id=response_name(self._begun.turn_id) if self._begun else None,
            spans=spans,
        )

    def _tool(self, invocation: Invocation) -> None:
        self._ours("antiphon.tool", **plain(invocation))
        if invocation.status is Status.AWAITING_APPROVAL:
            self._asked[invocation.invocation_id] = invocation
        else:
            self._asked.pop(invocation.invocation_id, None)
        if not self._shows_tools:
            return
        if invocation.status is Status.AWAITING_APPROVAL:
            self._approval_asked(invocation)
            return
        item = show.tool_call(invocation)
        where: dict[str, Any] = {"item_id": item["id"], "output_index": 0}
        if invocation.status is Status.RUNNING:
            self._ours("response.mcp_call.in_progress", **where)
        elif invocation.status in FINISHED:
            ending = "completed" if invocation.status is Status.SUCCESS else "failed"
            self._ours(f"response.mcp_call.{ending}", **where)
            previous = self._items.put(item)
            self.tell("conversation.item.added", item=item, previous_item_id=previous)
            self.tell("conversation.item.done", item=item, previous_item_id=previous)

    @property
    def _shows_tools(self) -> bool:
        """Whether the client knows items of tool calls."""
        return self.antiphon or self._settings.shows_tool_calls

    def _approval_asked(self, invocation: Invocation) -> None:
        item = show.approval_request(invocation)
        previous = self._items.put(item)
        self.tell("conversation.item.added", item=item, previous_item_id=previous)
        self.tell("conversation.item.done", item=item, previous_item_id=previous)


def response_name(turn_id: UUID) -> str:
    """The response id of an agent's turn."""
    return f"resp_{turn_id.hex}"
