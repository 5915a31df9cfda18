"""The user's consent to one deed: which of its plans they were asked about, and what they answered."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from bridge.approval import Approval, AsksBefore, By, is_due
from services.orchestrator.protocol import Plan

THEIR_YES = "Yes."
"""How whoever asks back is told that the user agrees, also where they pressed a button."""


class Consent:
    """Belongs to one deed. A grant is bound to the very plan that was asked about: another plan lacks it again."""

    def __init__(
        self, asks_before: AsksBefore, new_id: Callable[[], UUID], now: Callable[[], datetime], open_s: float
    ) -> None:
        """`open_s`: how long an answer counts, in seconds."""
        self.approval: Approval | None = None
        """The question as it stands."""
        self.settles_at = 0.0
        """Until then the user may go on with the words that granted it; seconds of the event loop's clock."""
        self._asks_before, self._new_id, self._now, self._open_s = asks_before, new_id, now, open_s
        self._about: Plan | None = None
        """What the question is about."""
        self._asked_back: Plan | None = None
        """What somebody was asked to do who wants to know first whether they may."""
        self._times_asked_back = 0
        self._granted: Plan | None = None
        self._unasked = False
        """The question is still to be put into words, or once more."""
        self._closes_at = 0.0

    def lacks(self, plan: Plan) -> bool:
        """Whether `plan` may not go out without an answer yet."""
        due = plan is self._asked_back or is_due(plan, self._asks_before)
        return due and plan is not self._granted

    def is_open(self, plan: Plan) -> bool:
        """Whether the user was asked about `plan`, and an answer counts."""
        return self.lacks(plan) and plan is self._about and self.approval is not None

    def must_pose(self, plan: Plan) -> bool:
        """Whether there is no question about `plan` yet."""
        return plan is not self._about

    @property
    def must_ask(self) -> bool:
        """Whether the question is to be asked now, for the first time or once more."""
        return self._unasked

    def pose(self, plan: Plan, question: str) -> Approval:
        """The question about `plan`, which is to be asked as soon as that is written down."""
        now, back = self._now(), plan is self._asked_back
        strict = plan.risk == "dangerous" or back
        times = self._times_asked_back if back else 0
        self.approval = Approval(self._new_id(), question, now, now, strict, asked_back=times)
        self._about, self._unasked = plan, True
        return self.approval

    def ask(self) -> Approval:
        """The question is asked now."""
        assert self.approval is not None, "a question is posed before it is asked"
        now = self._now()
        self._unasked = False
        self._closes_at = asyncio.get_running_loop().time() + self._open_s
        self.approval = replace(self.approval, asked_at=now, expires_at=now + timedelta(seconds=self._open_s))
        return self.approval

    @property
    def left_s(self) -> float:
        """Seconds in which an answer still counts."""
        return self._closes_at - asyncio.get_running_loop().time()

    def heard(self) -> None:
        """The user has heard the whole question."""
        if self.approval:
            self.approval = replace(self.approval, heard=True)

    def again(self, counts: bool) -> None:
        """Ask once more; `counts`: because nothing that was said answered it."""
        if self.approval:
            self.approval = replace(self.approval, tries=self.approval.tries + counts)
            self._unasked = True

    def answer(self, answer: Literal["yes", "no"], by: By, turn_id: UUID | None, settles_at: float) -> None:
        """The user answered."""
        if self.approval:
            self.approval = replace(self.approval, answer=answer, by=by, turn_id=turn_id)
            self.settles_at = settles_at
            self._granted = self._about if answer == "yes" else None

    def take_back(self, before: Approval) -> None:
        """The user goes on with what was taken for the answer: the question is as it was before."""
        heard = self.approval is not None and self.approval.heard
        self.approval = replace(before, heard=before.heard or heard)
        self._granted, self._unasked = None, False

    def forget(self) -> None:
        """The user means something else: what was asked and answered was about what they said first."""
        self.approval = self._about = self._asked_back = self._granted = None

    def ask_for(self, plan: Plan) -> None:
        """Whoever was to do `plan` wants to know first whether they may."""
        self._asked_back = plan
        self._times_asked_back += 1
