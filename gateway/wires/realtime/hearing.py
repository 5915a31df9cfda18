"""A client's events as deeds on its call; what is wrong with one is told, and the call goes on."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from gateway.call import Call
from gateway.conversation import Line
from gateway.parts import Parts
from gateway.session import events as on
from gateway.session.clock import samples
from gateway.session.uplink import BufferFull
from gateway.wires.realtime import items as show
from gateway.wires.realtime.errors import WireError, field
from gateway.wires.realtime.formats import Decoder, Encoder
from gateway.wires.realtime.items import Items
from gateway.wires.realtime.settings import SessionSettings
from gateway.wires.realtime.telling import Teller, response_name
from services.base.ids import new_id

Event = dict[str, Any]

LONGEST_TEXT = 20_000
"""Characters of one text item."""


class Hearer:
    """Takes one session's client events."""

    def __init__(
        self, call: Call, parts: Parts, settings: SessionSettings, items: Items, teller: Teller
    ) -> None:
        self._call, self._parts = call, parts
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
        """Take one text frame."""
        event_id = None
        try:
            try:
                event = json.loads(text)
            except ValueError as error:
                raise WireError("invalid_json", "The message is not JSON.") from error
            if not isinstance(event, dict):
                raise WireError("invalid_json", "The message is not a JSON object.")
            event_id = event.get("event_id") if isinstance(event.get("event_id"), str) else None
            kind = field(event, "type", str)
            handler = self._handlers.get(kind)
            if handler is None:
                raise WireError(
                    "invalid_value", f"Invalid value: '{kind}' is no event that is known here.", "type"
                )
            handler(event)
        except WireError as error:
            self._teller.error(error, event_id)

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
        if (changes.push_to_talk, changes.answers_by_itself, changes.interruptible) != (None, None, None):
            call.feed(
                on.RulesChanged(
                    call.now(), changes.push_to_talk, changes.answers_by_itself, changes.interruptible
                )
            )

    def _update(self, event: Event) -> None:
        self.update_session(field(event, "session", dict))
        self._call.start()
        self._teller.tell("session.updated", session=self._settings.body)

    def _append(self, event: Event) -> None:
        pcm = self._decoder.decode(field(event, "audio", str))
        try:
            self._call.hear(pcm)
        except BufferFull as error:
            raise WireError(
                error.code, "The input audio buffer holds 60 s that were not heard yet."
            ) from error
        self._buffered += len(pcm)

    def _commit(self, event: Event) -> None:
        if not self._buffered:
            raise WireError("input_audio_buffer_commit_empty", "The input audio buffer is empty.")
        self._buffered = 0
        self._teller.committed()
        self._call.commit()

    def _clear(self, event: Event) -> None:
        self._buffered = 0
        self._call.clear()
        self._teller.tell("input_audio_buffer.cleared")

    def _create(self, event: Event) -> None:
        item = field(event, "item", dict)
        kind = field(item, "type", str)
        if kind != "message":
            raise WireError("invalid_value", f"No {kind} is awaited in this session.", "item.type")
        role = field(item, "role", str)
        text = self._text(field(item, "content", list), role)
        turn_id = new_id()
        if name := field(item, "id", str, ""):
            if self._items.get(name) is not None:
                raise WireError("invalid_value", f"There is an item '{name}' already.", "item.id")
            self._items.rename(turn_id, name)
        if role == "user":
            self._call.start()
            self._call.feed(on.TextGiven(self._call.now(), turn_id, text))
            return
        if role == "assistant":
            self._call.conversation.add(Line(turn_id, "agent", text))
        else:
            brief = self._call.profile.brief
            self._call.change_brief(replace(brief, instructions=f"{brief.instructions}\n\n{text}"))
        shown = show.typed(self._items.name(turn_id), role, text)
        previous = self._items.put(shown, turn_id)
        self._teller.tell("conversation.item.added", item=shown, previous_item_id=previous)
        self._teller.tell("conversation.item.done", item=shown, previous_item_id=previous)

    @staticmethod
    def _text(content: list[Any], role: str) -> str:
        if role not in ("user", "assistant", "system"):
            raise WireError("invalid_value", f"Invalid value for 'item.role': {role!r}.", "item.role")
        texts = []
        for part in content:
            if not isinstance(part, dict) or part.get("type") not in ("input_text", "output_text", "text"):
                raise WireError("invalid_value", "Only text parts can be created here.", "item.content")
            texts.append(field(part, "text", str))
        text = " ".join(texts).strip()
        if not text or len(text) > LONGEST_TEXT:
            raise WireError(
                "invalid_value", f"The text must have 1 to {LONGEST_TEXT} characters.", "item.content"
            )
        return text

    def _truncate(self, event: Event) -> None:
        name = field(event, "item_id", str)
        end_ms = field(event, "audio_end_ms", int)
        turn_id = self._turn(name)
        self._call.feed(on.PlaybackReported(self._call.now(), turn_id, samples(max(0, end_ms))))
        self._teller.tell("conversation.item.truncated", item_id=name, content_index=0, audio_end_ms=end_ms)

    def _playback(self, event: Event) -> None:
        turn_id = self._turn(field(event, "item_id", str))
        played = field(event, "played_ms", (int, float))
        self._call.feed(on.PlaybackReported(self._call.now(), turn_id, samples(max(0.0, played))))

    def _delete(self, event: Event) -> None:
        name = field(event, "item_id", str)
        turn_id = self._items.turn(name)
        if not self._items.delete(name):
            raise WireError("item_not_found", f"There is no item '{name}'.", "item_id")
        if turn_id is not None:
            self._call.conversation.correct(turn_id, "")
        self._teller.tell("conversation.item.deleted", item_id=name)

    def _retrieve(self, event: Event) -> None:
        name = field(event, "item_id", str)
        item = self._items.get(name)
        if item is None:
            raise WireError("item_not_found", f"There is no item '{name}'.", "item_id")
        self._teller.tell("conversation.item.retrieved", item=item)

    def _respond(self, event: Event) -> None:
        wish = field(event, "response", (dict, type(None)), None) or {}
        instructions = field(wish, "instructions", (str, type(None)), None)
        self._call.start()
        if self._call.session.agent.turn is not None:
            raise WireError(
                "conversation_already_has_active_response", "Wait for the response to end, or cancel it."
            )
        self._teller.response_wish = {"metadata": wish.get("metadata")}
        if instructions:
            self._call.say(instructions)
        else:
            self._call.feed(on.AnswerAsked(self._call.now()))

    def _cancel(self, event: Event) -> None:
        turn = self._call.session.agent.turn
        wanted = field(event, "response_id", (str, type(None)), None)
        if turn is None or (wanted and wanted != response_name(turn.turn_id)):
            raise WireError("response_cancel_not_active", "Cancellation failed: no active response found.")
        self._call.feed(on.CancelAsked(self._call.now()))

    def _clear_output(self, event: Event) -> None:
        turn = self._call.session.agent.turn
        if turn is not None:
            self._call.feed(on.CancelAsked(self._call.now()))
            self._teller.tell("output_audio_buffer.cleared", response_id=response_name(turn.turn_id))

    def _choose_engine(self, event: Event) -> None:
        mode = field(event, "input_mode", str)
        if mode not in ("duplex", "push_to_talk"):
            raise WireError("invalid_value", "'input_mode' is 'duplex' or 'push_to_talk'.", "input_mode")
        self._call.feed(on.RulesChanged(self._call.now(), push_to_talk=mode == "push_to_talk"))

    def _turn(self, name: str) -> UUID:
        turn_id = self._items.turn(name)
        if turn_id is None:
            raise WireError("item_not_found", f"There is no item '{name}'.", "item_id")
        return turn_id
