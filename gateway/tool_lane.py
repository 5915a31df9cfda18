"""The slow lane of a call: utterances go to the bridge, and what it makes of them comes back to the session."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from uuid import UUID

from bridge import events as bridge
from bridge.bridge import Bridge
from bridge.ledger import Invocation, Status
from gateway.conversation import Conversation
from gateway.profile import Profile
from gateway.recorder import Fact
from gateway.session import events as on
from gateway.session.clock import RATE, ms, samples
from gateway.session.effects import AnswerWanted, Measured

log = logging.getLogger(__name__)

STALE_FILLER = samples(1500)
"""One that could not be said by then, because somebody spoke, fills no silence any more."""


class ToolLane:
    """Holds the bridge of one call and the tasks of the utterances that it has in hand."""

    def __init__(
        self,
        bridge_: Bridge,
        now: Callable[[], int],
        feed: Callable[[on.Event], None],
        tell: Callable[[Fact, int], None],
        new_id: Callable[[], UUID],
    ) -> None:
        """`feed` lets something happen to the session, `tell` tells the call's listeners at a session time."""
        self._bridge, self._now, self._feed, self._tell, self._new_id = bridge_, now, feed, tell, new_id
        bridge_.arrived = lambda event: tell(event, now())
        self._wish: UUID | None = None
        """The turn that was last found to be one, while it went on."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: dict[UUID, asyncio.Task[None]] = {}
        """By turn: of one that went on, the reading of its whole words."""

    @property
    def is_busy(self) -> bool:
        """Whether an utterance is in hand."""
        return bool(self._tasks)

    @property
    def deeds(self) -> tuple[Invocation, ...]:
        """The rows of what is under way."""
        return self._bridge.deeds

    def take(
        self, wanted: AnswerWanted, profile: Profile, conversation: Conversation, work: asyncio.TaskGroup
    ) -> None:
        """Have the bridge take an utterance, in a task of `work`."""
        utterance = bridge.Utterance(
            turn_id=wanted.turn_id,
            session_id=profile.session_id,
            conversation_id=profile.conversation_id,
            text=wanted.text,
            confidence=wanted.confidence,
            last_agent=conversation.last("agent"),
            timezone=profile.timezone,
            owner=None if profile.of_house else profile.owner,
            user_id=profile.user_id,
            say=profile.say,
            language=profile.brief.language,
            settle_s=max(0, wanted.open_until - self._now()) / RATE,
        )
        task = work.create_task(self._take(utterance, profile, self._now()), name=f"bridge {wanted.turn_id}")
        self._tasks.add(task)
        self._last[wanted.turn_id] = task

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if self._last.get(wanted.turn_id) is task:
                del self._last[wanted.turn_id]

        task.add_done_callback(over)

    def look(self, turn_id: UUID, so_far: str, conversation: Conversation) -> None:
        """Tell the session as soon as the words of a turn, which goes on, are a wish."""
        if turn_id != self._wish and self._bridge.is_wish_so_far(so_far, conversation.last("agent")):
            self._wish = turn_id
            self._feed(on.WishHeard(self._now(), turn_id))

    def withdraw(self, turn_id: UUID) -> None:
        """The user goes on with that turn; it will be taken again, whole."""
        self._last.pop(turn_id, None)
        self._bridge.withdraw(turn_id)

    def answer_approval(self, approval_id: UUID, approve: bool) -> bool:
        """The user pressed yes or no to that question; False where it is not open."""
        return self._bridge.answer_approval(approval_id, approve)

    def inject(
        self, turn_id: UUID | None, text: str, source: on.Source, invocation_id: UUID | None = None
    ) -> None:
        """Have the agent say `text` at a free moment."""
        now = self._now()
        self._feed(
            on.InjectionAsked(
                now,
                self._new_id(),
                text,
                source,
                turn_id=turn_id,
                expires_at=now + STALE_FILLER if source == "filler" else None,
                invocation_id=invocation_id,
            )
        )

    def cancel(self) -> None:
        """The call ends. The bridge's deeds are not cancelled with its words: `close` sees to them."""
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """Let running deeds come to an end that is written down."""
        await self._bridge.close()

    async def _take(self, utterance: bridge.Utterance, profile: Profile, wanted_at: int) -> None:
        """Have the bridge take one utterance; whatever breaks there is said, and breaks nothing else."""
        try:
            async with contextlib.aclosing(self._bridge.take(utterance)) as events:
                async for event in events:
                    self._tell(event, self._now())
                    if isinstance(event, bridge.InvocationChanged):
                        self._measure(event.invocation, wanted_at)
                    self._follow(event)
        except Exception:
            log.exception("the bridge failed", extra={"session": profile.session_id})
            phrase = profile.brief.persona.phrases.failed[0]
            self.inject(utterance.turn_id, phrase.format(reason="something broke on my side"), "notice")
        if self._last.get(utterance.turn_id) is asyncio.current_task():
            self._feed(on.Settled(self._now(), utterance.turn_id))

    def _measure(self, row: Invocation, wanted_at: int) -> None:
        """Tell what it took until the deed went out, and what it took itself."""
        now = self._now()
        if row.status is Status.RUNNING and not row.approval:
            # What the user took to say yes is no delay of ours.
            self._tell(Measured(now, row.turn_id, "dispatch", ms(now - wanted_at)), now)
        elif row.latency_ms is not None:
            self._tell(Measured(now, row.turn_id, "tool", row.latency_ms), now)

    def _follow(self, event: bridge.BridgeEvent) -> None:
        match event:
            case bridge.LeftToMind():
                self._feed(on.MindAsked(self._now(), event.turn_id))
            case bridge.Reply():
                self.inject(event.turn_id, event.text, event.source, event.invocation_id)
            case bridge.ControlAsked(_, "stop"):
                self._feed(on.HushAsked(self._now()))
            case bridge.InvocationChanged(row) if row.status is Status.RUNNING and row.risk != "read":
                self._feed(on.DeedBegan(self._now(), row.turn_id))
            case _:
                pass
