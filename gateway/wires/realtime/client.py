"""One session's client on this wire. It outlives its sockets: a client that was cut off finds all as it was."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.call import Call
from gateway.limits import Flow
from gateway.parts import Parts
from gateway.recorder import Fact
from gateway.session import events as on
from gateway.session.playout import Outgoing
from gateway.wires.realtime.errors import WireError
from gateway.wires.realtime.hearing import Hearer
from gateway.wires.realtime.items import Items
from gateway.wires.realtime.journal import Journal, Line
from gateway.wires.realtime.settings import SessionSettings
from gateway.wires.realtime.telling import Teller

log = logging.getLogger(__name__)

COMES_BACK_S = 20.0
"""What a client that was cut off has to come back."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One socket's hold on the session."""

    line: Line
    replaced: asyncio.Event
    """A newer socket has come."""


class RealtimeClient:
    """Listener of a call, and the end that its sockets attach to, one at a time."""

    def __init__(self, call: Call, parts: Parts, model: str, comes_first_s: float, flow: Flow) -> None:
        """`comes_first_s` is what the client has to come at all; `flow` what it may send."""
        self.call, self.flow = call, flow
        brief = call.profile.brief
        self._settings = SessionSettings(
            f"sess_{call.session_id.hex}",
            model,
            brief.instructions,
            brief.voice.name,
            call.profile.rules.push_to_talk,
        )
        items, self._journal = Items(), Journal(self._dropped)
        self.teller = Teller(lambda: call.profile, self._settings, items, self._journal)
        self.hearer = Hearer(call, parts, self._settings, items, self.teller, flow)
        self.over = asyncio.Event()
        """The call has ended; nothing more will come."""
        self._came = False
        self._replaced = asyncio.Event()
        self._leaving = self._end_in(comes_first_s, "never_attached")
        call.listen(self)
        # What is to be said before it comes waits for it.
        call.client_lost()

    def begin_with(self, session: Mapping[str, Any]) -> None:
        """Take the session object that the client's secret was made with; it was checked then."""
        if session:
            self.hearer.update_session(dict(session))

    def told(self, fact: Fact) -> None:
        self.teller.fact(fact)

    def sound(self, piece: Outgoing) -> None:
        self.teller.sound(piece)

    def ended(self, reason: str) -> None:
        if reason not in ("client_closed", "hung_up"):
            self.teller.error(WireError(reason, "The session has ended.", kind="server_error"))
        self._leaving.cancel()
        self.over.set()

    def attach(self, antiphon: bool, after: int | None) -> Attachment:
        """A socket has come; the one before is told to go.

        With `after`, it has the events up to that number already: it gets the control events behind it, and the sound
        goes on where its own broke off. Where they are no longer kept it is told so, and begins anew.
        """
        comes_first, self._came = not self._came, True
        self._leaving.cancel()
        if comes_first:
            self.call.greet(knows_ours=antiphon)
        self._replaced.set()
        self._replaced = asyncio.Event()
        self.teller.antiphon = antiphon
        attachment = Attachment(self._journal.attach(), self._replaced)
        arrived = None
        if after is not None and self._journal.replay(after):
            arrived = self.teller.arrived(after)
        else:
            if after is not None:
                message = "Events since then are no longer kept; read the session anew."
                self.teller.error(WireError("resync_required", message))
            self.teller.opened()
        self.call.client_back(arrived)
        return attachment

    def detach(self, closed_in_order: bool) -> None:
        """The attached socket is gone: in order, which ends the call, or lost, which leaves it some time."""
        self._journal.detach()
        if closed_in_order:
            self.call.end("client_closed")
        else:
            self.call.client_lost()
            self._leaving = self._end_in(COMES_BACK_S, "client_lost")

    def _dropped(self, number: int) -> None:
        """The client was too slow to be sent the sound of event `number`."""
        if piece := self.teller.piece(number):
            self.call.feed(on.SoundDropped(self.call.now(), *piece))

    def _end_in(self, seconds: float, reason: str) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(seconds, self.call.end, reason)
