"""A client's events as deeds on its call; what is wrong with one is told, and the call goes on."""

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gateway.call import Call
from gateway.conversation import Line
from gateway.limits import Flow, RateLimited
from gateway.parts import Parts
from gateway.session import events as on
from gateway.session.clock import samples
from gateway.session.uplink import MOST_AHEAD, BufferFull
from gateway.strict_json import BadJson, parse
from gateway.wires.realtime import items as show
from gateway.wires.realtime.errors import WireError, field, too_long
from gateway.wires.realtime.formats import Decoder, Encoder
from gateway.wires.realtime.items import Items
from gateway.wires.realtime.settings import LONGEST_INSTRUCTIONS, VAD, SessionSettings
from gateway.wires.realtime.telling import Teller, response_name
from services.base.ids import new_id
from services.base.problems import Conflict

log = logging.getLogger(__name__)

Event = dict[str, Any]

LONGEST_TEXT = 20_000
"""Characters of one text item, or of what a response is to say."""

LONGEST_EVENT = 262_144
"""Characters of any event but sound: most of them is kept, and given back."""

LONGEST_NAME = 200
"""Characters of an item's id."""

MOST_MS = 86_400_000
"""A day, of playback."""


class Hearer:
    """Takes one session's client events."""

    def __init__(
        self,
        call: Call,
        parts: Parts,
        settings: SessionSettings,
        items: Items,
        teller: Teller,
        flow: Flow,
    ) -> None:
        self._call, self._parts, self._flow = call, parts, flow
        self._settings, self._items, self._teller = settings, items, teller
        self._decoder = Decoder(settings.input_format)
        self._buffered = 0
        """Bytes of sound since the last commit or clear."""
        self._handlers: dict[str, Callable[[Event], None]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create,
            "conversation.item.truncate": self._truncate,
            "conversation.item.delete": self._delete,
            "conversation.item.retrieve": self._retrieve,
            "response.create": self._respond,
            "response.cancel": self._cancel,
            "output_audio_buffer.clear": self._clear_output,
            "antiphon.playback": self._playback,
            "antiphon.engine": self._choose_engine,
        }

    def hear(self, text: str) -> None:
        """Take one text frame. Whatever is wrong with it is one `error` event, and nothing else changes.

        Raises:
            RateLimited: there were too many of them.
        """
        event_id = None
        try:
            try:
                event = parse(text)
            except BadJson as error:
                raise WireError("invalid_json", f"The message cannot be read: {error}.") from error
            if not isinstance(event, dict):
                raise WireError("invalid_json", "The message is not a JSON object.")
            event_id = event.get("event_id") if isinstance(event.get("event_id"), str) else None
            kind = field(event, "type", str)
            handler = self._handlers.get(kind)
            if handler is None:
                raise WireError(
                    "invalid_value", f"Invalid value: '{kind[:100]}' is no event that is known here.", "type"
                )
            if handler != self._append:
                self._flow.event(time.monotonic())
                if len(text) > LONGEST_EVENT:
                    raise too_long(kind, LONGEST_EVENT)
            handler(event)
        except WireError as error:
            self._teller.error(error, event_id)
        except RateLimited:
            raise
        except Exception:
            log.exception("event failed", extra={"session": self._call.session_id})
            fault = WireError("internal_error", "This event failed on our side.", kind="server_error")
            self._teller.error(fault, event_id)

    def update_session(self, session: Event) -> None:
        """Take a session object.

        Raises:
            WireError: nothing was changed.
        """
        changes = self._settings.update(session)
        call = self._call
        if changes.input_format:
            self._decoder = Decoder(self._settings.input_format)
        if changes.output_format:
            self._teller.encoder = Encoder(self._settings.output_format)
        brief = call.profile.brief
        if changes.instructions is not None:
            brief = replace(brief, instructions=changes.instructions or brief.persona.prompt)
        # A voice that is not known here means the default: stock clients send OpenAI's names.
        if changes.voice is not None and changes.voice in {v.name for v in self._parts.catalogue.voices}:
            brief = replace(brief, voice=self._parts.catalogue.voice(changes.voice))
        if brief != call.profile.brief:
            call.change_brief(brief)
        manners = (changes.push_to_talk, changes.answers_by_itself, changes.interruptible, changes.silence)
        if any(wish is not None for wish in manners):
            call.feed(on.RulesChanged(call.now(), *manners))

    def _update(self, event: Event) -> None:
        self.update_session(field(event, "session", dict))
        self._call.start()
        self._teller.tell("session.updated", session=self._settings.body)

    def _append(self, event: Event) -> None:
        audio = field(event, "audio", str)
        # Asked before the work is done: 20 MiB of telephone sound cost seconds of everybody's time.
        if self._call.uplink.queued + self._decoder.most_samples(len(audio)) > MOST_AHEAD:
            raise _buffer_full()
        self._take(self._decoder.decode(audio))

    def _take(self, pcm: bytes) -> None:
        try:
            self._call.hear(pcm)
        except BufferFull as error:
            raise _buffer_full() from error
        self._buffered += len(pcm)

    def _commit(self, event: Event) -> None:
        if not self._buffered:
            raise WireError("input_audio_buffer_commit_empty", "The input audio buffer is empty.")
        self._buffered = 0
        if rest := self._decoder.finish():
            self._take(rest)
        self._teller.committed()
        self._call.commit()

    def _clear(self, event: Event) -> None:
        self._buffered = 0
        self._call.clear()
        self._teller.tell("input_audio_buffer.cleared")

    def _create(self, event: Event) -> None:
        item = field(event, "item", dict)
        kind = field(item, "type", str, within="item.")
        if kind == "mcp_approval_response":
            self._approve(item)
            return
        if kind != "message":
            raise WireError("invalid_value", f"No '{kind[:100]}' is awaited in this session.", "item.type")
        role = field(item, "role", str, within="item.")
        text = self._text(field(item, "content", list, within="item."), role)
        turn_id = new_id()
        if name := self._new_name(item):
            self._items.rename(turn_id, name)
        if role == "user":
            self._call.start()
            self._call.feed(on.TextGiven(self._call.now(), turn_id, text))
            return
        if role == "assistant":
            self._call.conversation.add(Line(turn_id, "agent", text))
        else:
            brief = self._call.profile.brief
            instructions = f"{brief.instructions}\n\n{text}"
            if len(instructions) > LONGEST_INSTRUCTIONS:
                raise too_long("item.content", LONGEST_INSTRUCTIONS)
            self._call.change_brief(replace(brief, instructions=instructions))
        shown = show.typed(self._items.name(turn_id), role, text)
        previous = self._items.put(shown, turn_id)
        self._teller.tell("conversation.item.added", item=shown, previous_item_id=previous)
        self._teller.tell("conversation.item.done", item=shown, previous_item_id=previous)

    def _new_name(self, item: Event) -> str | None:
        """What the client calls its item, where it does."""
        name: str | None = field(item, "id", str | None, None, within="item.")
        if name and len(name) > LONGEST_NAME:
            raise too_long("item.id", LONGEST_NAME)
        if name and (self._items.turn(name) or self._items.get(name)):
            raise WireError("invalid_value", f"There is an item '{name}' already.", "item.id")
        return name or None

    def _approve(self, item: Event) -> None:
        """The user pressed yes or no to a question for consent."""
        asked = field(item, "approval_request_id", str, within="item.")
        approve = field(item, "approve", bool, within="item.")
        reason = field(item, "reason", str | None, None, within="item.")
        name = self._new_name(item) or f"mcpa_{new_id().hex}"
        approval_id = show.approval_behind(asked)
        if approval_id is None or not self._call.answer_approval(approval_id, approve):
            message = "This question is not open, or no longer."
            raise WireError("item_not_found", message, "item.approval_request_id")
        shown = show.approval_response(name, asked, approve, reason)
        previous = self._items.put(shown)
        self._teller.tell("conversation.item.added", item=shown, previous_item_id=previous)
        self._teller.tell("conversation.item.done", item=shown, previous_item_id=previous)

    @staticmethod
    def _text(content: list[Any], role: str) -> str:
        if role not in ("user", "assistant", "system"):
            raise WireError("invalid_value", f"Invalid value for 'item.role': {role[:100]!r}.", "item.role")
        texts = []
        for part in content:
            if not isinstance(part, dict) or part.get("type") not in ("input_text", "output_text", "text"):
                raise WireError("invalid_value", "Only text parts can be created here.", "item.content")
            texts.append(field(part, "text", str, within="item.content."))
        text = " ".join(texts).strip()
        if not text:
            raise WireError("invalid_value", "Invalid 'item.content': no text.", "item.content")
        if len(text) > LONGEST_TEXT:
            raise too_long("item.content", LONGEST_TEXT)
        return text

    def _truncate(self, event: Event) -> None:
        name = field(event, "item_id", str)
        end_ms = field(event, "audio_end_ms", int)
        self._played(name, end_ms)
        self._teller.tell("conversation.item.truncated", item_id=name, content_index=0, audio_end_ms=end_ms)

    def _playback(self, event: Event) -> None:
        self._played(field(event, "item_id", str), field(event, "played_ms", int | float))

    def _played(self, name: str, ms: float) -> None:
        """Of the agent's item `name` the user has heard `ms`."""
        turn_id, item = self._items.turn(name), self._items.get(name)
        if turn_id is None or item is None:
            raise _no_item(name)
        if item["role"] != "assistant":
            raise WireError("invalid_value", "Only what the agent said is played.", "item_id")
        if not 0 <= ms <= MOST_MS:
            raise WireError("invalid_value", f"Milliseconds are 0 to {MOST_MS}.", "audio_end_ms")
        self._call.feed(on.PlaybackReported(self._call.now(), turn_id, samples(ms)))

    def _delete(self, event: Event) -> None:
        name = field(event, "item_id", str)
        turn_id = self._items.turn(name)
        if not self._items.delete(name):
            raise _no_item(name)
        if turn_id is not None:
            self._call.conversation.correct(turn_id, "")
        self._teller.tell("conversation.item.deleted", item_id=name)

    def _retrieve(self, event: Event) -> None:
        name = field(event, "item_id", str)
        item = self._items.get(name)
        if item is None:
            raise _no_item(name)
        self._teller.tell("conversation.item.retrieved", item=item)

    def _respond(self, event: Event) -> None:
        wish = field(event, "response", dict | None, None) or {}
        instructions = field(wish, "instructions", str | None, None, within="response.")
        metadata = field(wish, "metadata", dict | None, None, within="response.")
        if instructions and len(instructions) > LONGEST_TEXT:
            raise too_long("response.instructions", LONGEST_TEXT)
        self._call.start()
        if self._call.session.agent.turn is not None:
            raise WireError(
                "conversation_already_has_active_response", "Wait for the response to end, or cancel it."
            )
        self._teller.response_wish = {"metadata": metadata, "event_id": event.get("event_id")}
        # LiveKit puts the session's own instructions before those of a response. Nobody is to hear them.
        to_say = (instructions or "").removeprefix(self._settings.body["instructions"]).strip()
        if to_say:
            try:
                self._call.say(to_say)
            except Conflict as error:
                raise WireError(error.code, f"{error}.") from error
        else:
            self._call.feed(on.AnswerAsked(self._call.now()))

    def _cancel(self, event: Event) -> None:
        turn = self._call.session.agent.turn
        wanted = field(event, "response_id", str | None, None)
        if turn is None or (wanted and wanted != response_name(turn.turn_id)):
            raise WireError("response_cancel_not_active", "Cancellation failed: no active response found.")
        self._call.feed(on.CancelAsked(self._call.now()))

    def _clear_output(self, event: Event) -> None:
        turn = self._call.session.agent.turn
        if turn is not None:
            self._call.feed(on.CancelAsked(self._call.now()))
            if not self._teller.antiphon:
                # Our own clients hear of it whenever a response is cut.
                self._teller.tell("output_audio_buffer.cleared", response_id=response_name(turn.turn_id))

    def _choose_engine(self, event: Event) -> None:
        """The engine itself is chosen when the session is made; here, how the user takes the floor."""
        mode = field(event, "input_mode", str)
        if mode not in ("duplex", "push_to_talk"):
            raise WireError("invalid_value", "'input_mode' is 'duplex' or 'push_to_talk'.", "input_mode")
        by_hand = mode == "push_to_talk"
        self._settings.update({"audio": {"input": {"turn_detection": None if by_hand else dict(VAD)}}})
        self._call.start()
        # Whatever the client had set before: the session object shows the defaults now.
        self._call.feed(
            on.RulesChanged(self._call.now(), by_hand, answers_by_itself=True, interruptible=True)
        )
        self._teller.tell("session.updated", session=self._settings.body)


def _no_item(name: str) -> WireError:
    return WireError("item_not_found", f"There is no item '{name[:LONGEST_NAME]}'.", "item_id")


def _buffer_full() -> WireError:
    return WireError(BufferFull.code, "The input audio buffer holds 60 s that were not heard yet.")
