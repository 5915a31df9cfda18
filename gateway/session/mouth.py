"""What the agent says next, and how each turn of its comes to an end."""

from collections.abc import Callable, Iterable
from uuid import UUID

from gateway.session import effects as do
from gateway.session.agent_floor import BREATH, AgentFloor, injection_changed
from gateway.session.answers import Answers, Question
from gateway.session.clock import ms, samples
from gateway.session.events import InjectionAsked, Source
from gateway.session.injections import Injections
from gateway.session.rules import Traits

FORESTALLED = samples(240)
"""An engine that hears may begin to answer so long before the last word is over: people do."""


class Mouth:
    """Opens and ends the turns of the agent's floor. Whether it is free to speak is for the session to say."""

    def __init__(
        self,
        floor: AgentFloor,
        traits: Traits,
        new_id: Callable[[], UUID],
        tell: Callable[[do.Effect], None],
        heard_out: Callable[[UUID], None],
    ) -> None:
        """`heard_out` is told of each utterance whose answer was heard to its end."""
        self.answers, self.injections = Answers(), Injections()
        self._floor, self._traits, self._new_id = floor, traits, new_id
        self._tell, self._heard_out = tell, heard_out
        self._breath_until = 0
        """When the next turn may begin."""

    @property
    def owed(self) -> Question | None:
        """What the mind must be told to answer; one that hears answers voice by itself, and may have already."""
        owed = self.answers.owed
        by_itself = self._traits.hears and not self.answers.left_unheard
        return None if owed and by_itself and owed.by == "voice" else owed

    @property
    def answer_under_way(self) -> bool:
        """Whether an answer is being decided, or waits for the floor."""
        return self.answers.undecided or self.owed is not None or self.injections.has_answers

    def inject(self, asked: InjectionAsked, now: int) -> None:
        """Queue a text to be said; one that interrupts cuts what is being said."""
        if not self.injections.add(asked):
            self._tell(injection_changed(asked, now, "dropped", why="queue_full"))
            return
        self._tell(injection_changed(asked, now, "waiting"))
        by_filler = asked.source == "filler"
        answered = self.answers.decide(asked.turn_id, by_filler) if asked.turn_id is not None else None
        if asked.turn_id is not None and asked.source != "filler":
            self.stop_filling(asked.turn_id, now)
        if asked.interrupt and self._floor.turn is not None:
            self.cut(now, "interrupted")
        elif answered is not None and self._forestalls(answered):
            self.cut(now, "superseded")

    def stop_filling(self, turn_id: UUID, now: int) -> None:
        """That turn has its answer: no filler for it is begun, and one that sounds ends where it sensibly can."""
        self.drop(self.injections.fillers(turn_id), now, "answered")
        turn = self._floor.turn
        if turn is None or turn.source != "filler" or turn.answers != turn_id:
            return
        if turn.sounded:
            self._floor.wind_up()
        else:
            self.cut(now, "answered")

    def _forestalls(self, question: Question) -> bool:
        """Whether an engine that hears has begun to answer what the bridge answers."""
        turn = self._floor.turn
        return turn is not None and turn.own and turn.opened_at > question.end - FORESTALLED

    def drop(self, dropped: Iterable[InjectionAsked], now: int, why: str) -> None:
        """These texts, which waited, are not said."""
        for asked in dropped:
            self._tell(injection_changed(asked, now, "dropped", why=why))

    def speak_next(self, now: int) -> None:
        """The floor is free: what is urgent, else the mind's answer, else the next text that waits."""
        if now < self._breath_until or not (self.injections or self.owed):
            return
        if urgent := self.injections.next_urgent():
            self._speak(urgent, now)
            return
        if owed := self.owed:
            self.answers.owed = None
            turn_id = self._new_id()
            self._open(turn_id, now, "mind", owed.turn_id, None)
            self._tell(do.Answer(turn_id, owed.turn_id))
            return
        awaited, alone = self.answers.awaited(now)
        asked = self.injections.next_for(awaited) if awaited else None
        if asked is None and not alone:
            asked = self.injections.next()
        if asked is not None:
            self._speak(asked, now)

    def make_way(self, now: int) -> None:
        """An engine that hears begins another turn: the one before is over, said to its end or not."""
        if self._floor.turn is not None:
            self.end(now, "cancelled" if self._floor.playout.backlog else "completed", "superseded")

    def opened_by_itself(self, turn_id: UUID, now: int) -> None:
        """An engine that hears began a turn: the answer that it owes, or something of its own."""
        owed, self.answers.owed = self.answers.owed, None
        self._open(turn_id, now, "mind", owed.turn_id if owed else None, None, own=True)

    def tell_first_sound(self, now: int) -> None:
        """Tell once that a turn sounds, and how long its answer took."""
        turn = self._floor.turn
        if turn is None or turn.sounded:
            return
        for sounded in self._floor.sounding():
            self._tell(sounded)
            if asked := self.answers.first_sound(turn.answers):
                asked_id = asked.question.turn_id
                self._measure(asked_id, now, "turn", sounded.at - asked.question.end)
                self._measure(asked_id, now, "first_audio", sounded.at - asked.at)

    def follow(self, now: int) -> None:
        """End a turn that has sounded to its end, or stalled."""
        if self._floor.playout.played_out(now):
            wound_up = self._floor.turn is not None and self._floor.turn.wound_up
            ended = self.end(now, "completed", "answered" if wound_up else "")
            if wound_up:
                self._tell(do.CancelEngine(ended.turn_id, ended.heard, ended.heard_text))
        elif self._floor.has_stalled(now):
            self.cut(now, "engine_stalled", "failed")

    def cut(self, now: int, reason: str, status: do.AgentStatus = "cancelled") -> do.AgentEnded:
        """End the turn in the middle, and stop the engine."""
        ended = self.end(now, status, reason)
        self._tell(do.CancelEngine(ended.turn_id, ended.heard, ended.heard_text))
        return ended

    def end(self, now: int, status: do.AgentStatus, reason: str) -> do.AgentEnded:
        """End the turn."""
        turn = self._floor.turn
        assert turn is not None, "only an open turn can end"
        ended, rest = self._floor.end(now, status, reason)
        if status == "completed" and ended.heard:
            self._breath_until = now + BREATH
            if turn.answers and turn.source != "filler":
                self._heard_out(turn.answers)
        self._tell(ended)
        for effect in rest:
            self._tell(effect)
        return ended

    def _speak(self, asked: InjectionAsked, now: int) -> None:
        turn_id = self._new_id()
        self._open(turn_id, now, asked.source, asked.turn_id, asked)
        self._tell(injection_changed(asked, now, "speaking", turn_id))
        self._measure(turn_id, now, "injection_wait", now - asked.at)
        self._tell(do.Speak(turn_id, asked.text))

    def _open(
        self,
        turn_id: UUID,
        now: int,
        source: Source,
        answers: UUID | None,
        asked: InjectionAsked | None,
        own: bool = False,
    ) -> None:
        self._floor.open(turn_id, now, source, answers, asked, own)
        self.answers.begin(answers)
        text = asked.text if asked else ""
        injection_id = asked.injection_id if asked else None
        self._tell(do.AgentStarted(turn_id, now, source, answers, injection_id, text))

    def _measure(self, turn_id: UUID, now: int, span: str, count: int) -> None:
        self._tell(do.Measured(now, turn_id, span, ms(count)))
