"""Has the bridge answer what the user said: as soon as it was said, or when the client asks for it."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from gateway.session import effects as do
from gateway.session.answers import Answers, Question
from gateway.session.user_floor import Said


class Asking:
    """Holds what the bridge has in hand. What was said last waits in `answers` until it is asked for."""

    def __init__(self, answers: Answers, tell: Callable[[do.Effect], None]) -> None:
        self._answers, self._tell = answers, tell
        self._unsettled: set[UUID] = set()

    @property
    def bridge_is_busy(self) -> bool:
        """Whether there is an utterance that the bridge has not done with."""
        return bool(self._unsettled)

    @property
    def typing_waits(self) -> bool:
        """Whether what the user wrote last is not answered yet."""
        return self._answers.unanswered is not None and self._answers.unanswered.by == "text"

    def said(self, said: Said, open_until: int) -> None:
        """The user said this, and may go on with it until then."""
        self._answers.unanswered = Question(
            said.turn_id, said.text, said.confidence, said.end, "voice", open_until
        )

    def typed(self, turn_id: UUID, text: str, now: int) -> None:
        """The user wrote this."""
        self._answers.unanswered = Question(turn_id, text, 1.0, now, "text", now)

    def ask(self, now: int) -> None:
        """What nobody has answered yet goes to the bridge."""
        question = self._answers.unanswered
        if question is None:
            self._tell(do.Refused("no_input", "nothing was said or typed that is not answered yet"))
            return
        self._answers.ask(question, now)
        self._unsettled.add(question.turn_id)
        self._tell(do.AnswerWanted(question.turn_id, question.text, question.confidence, question.open_until))

    def ask_late(self, now: int, under_way: bool) -> None:
        """The client asks for an answer to what was said before; `under_way`: one is coming."""
        if question := self._answers.unanswered:
            self._answers.unanswered = replace(question, end=now, open_until=now)
        elif under_way:
            self.refuse_another("an answer is on its way")
            return
        self.ask(now)

    def refuse_another(self, why: str) -> None:
        """The client asks for an answer while it is getting one."""
        self._tell(do.Refused("conversation_already_has_active_response", why))

    def withdraw(self, turn_id: UUID) -> None:
        """The user goes on with this utterance: it is asked anew when it is whole."""
        self._unsettled.discard(turn_id)
        self._answers.withdraw(turn_id)

    def settled(self, turn_id: UUID) -> None:
        """The bridge has done with this utterance."""
        self._unsettled.discard(turn_id)
        self._answers.decide(turn_id)
