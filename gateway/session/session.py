"""The rules of one call: two floors, user and agent, side by side, because in full duplex both may speak."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import UUID

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.agent_floor import AgentFloor, injection_changed
from gateway.session.clock import ms, samples
from gateway.session.injections import Injections
from gateway.session.interruption import Contest, is_backchannel
from gateway.session.playout import ROOM, Outgoing
from gateway.session.user_floor import UserFloor, UserTurn

DECISION_LIMIT = samples(3000)
"""A bridge that has said nothing by now no longer keeps other words from being spoken."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Manners that a client may choose."""

    push_to_talk: bool = False
    """Turns end when the client says so, not by silence; voice alone interrupts nothing."""
    answers_by_itself: bool = True
    """Whether each turn of the user is answered without being asked to."""
    interruptible: bool = True
    """Whether the user's voice may cut the agent's."""


@dataclass(frozen=True, slots=True)
class Traits:
    """What the session must know of its engine; adapters say more (`gateway.ports`)."""

    hears: bool = False
    """It listens to the user's sound and answers by itself, unless held."""
    holds: bool = False
    """It can be kept silent in its own mind."""
    basis: do.HeardBasis = "synthesizer"
    """How its word positions are known."""


@dataclass(frozen=True, slots=True)
class Said:
    """An utterance that is not answered yet."""

    turn_id: UUID
    text: str
    confidence: float
    end: int


class Session:
    """Takes events in order of time and returns what follows from each.

    Sound takes the straight way: `floor.playout.push` from the engine, `outgoing` to the wire.
    """

    def __init__(self, rules: Rules, traits: Traits, new_id: Callable[[], UUID]) -> None:
        self.rules, self.traits, self._new_id = rules, traits, new_id
        self.now = 0
        self.user = UserFloor(new_id)
        self.agent = AgentFloor(traits.basis)
        self.injections = Injections()
        self._contest: Contest | None = None
        self._quiet_at = 0
        """When the agent's sound died away after the last ducking."""
        self._unanswered: Said | None = None
        """Waits until the client asks for an answer."""
        self._answer_asked = False
        """The client asked for an answer before the final words were there."""
        self._deciding: tuple[UUID, int] | None = None
        """The utterance that the bridge has, and since when."""
        self._owed: UUID | None = None
        """The utterance that the engine's mind is to answer as soon as the floor is free."""
        self._ends: dict[UUID, tuple[int, int]] = {}
        """Of the last utterance, by turn: its last voiced sample, and when it went to the bridge."""
        self._out: list[do.Effect] = []

    def receive(self, event: on.Event) -> list[do.Effect]:
        """Take one event; what follows is returned in order."""
        self.now = max(self.now, event.at)
        self._apply(event)
        self._settle()
        out, self._out = self._out, []
        return out

    def outgoing(self) -> Outgoing | None:
        """The agent's sound that is due now."""
        return self.agent.playout.due(self.now)

    @property
    def has_room(self) -> bool:
        """Whether the engine may give more sound."""
        return self.agent.playout.backlog < ROOM

    def end(self, at: int) -> list[do.Effect]:
        """The call is over: what is being said is cut, what waits is dropped."""
        self.now = max(self.now, at)
        if self.agent.turn is not None:
            self._cut("session_ended")
        for asked in self.injections.drain():
            self._tell(injection_changed(asked, self.now, "dropped", why="ended"))
        out, self._out = self._out, []
        return out

    # What an event does.

    def _apply(self, event: on.Event) -> None:
        match event:
            case on.SpeechStarted():
                self._voice_began(event.onset)
            case on.SpeechStopped():
                self.user.stopped(event.offset)
                if self._contest:
                    self._contest.stopped = event.offset
            case on.WordsHeard():
                self._words(event.text)
            case on.TranscriptReady():
                self._transcribed(event)
            case on.TextGiven():
                self._typed(event)
            case on.InputCommitted():
                self._close_user_turn()
            case on.InputCleared():
                self._take_back()
            case on.AnswerAsked():
                self._answer_asked_for()
            case on.CancelAsked():
                self._cancel(event.reason)
            case on.PlaybackReported():
                self._played(event)
            case on.RulesChanged():
                self._change_rules(event)
            case on.AgentOpened():
                self._open(event.turn_id, "mind", None, None)
            case on.AgentFinished():
                self.agent.playout.finish(event.turn_id)
            case on.AgentFailed():
                if self.agent.is_current(event.turn_id):
                    self._end_agent("failed", event.code)
            case on.MindAsked():
                self._mind_asked(event.turn_id)
            case on.Settled():
                self._decided(event.turn_id)
            case on.InjectionAsked():
                self._inject(event)
            case on.Tick():
                pass

    def _settle(self) -> None:
        """What time and the floors allow by now."""
        self._judge()
        if not self.rules.push_to_talk and self.user.is_over(self.now):
            self._close_user_turn()
        if self.user.is_transcript_lost(self.now):
            self._give_up_transcript()
        self._follow_agent()
        for asked in self.injections.expired(self.now):
            self._tell(injection_changed(asked, self.now, "dropped", why="expired"))
        if not self.user.taken and self.agent.turn is None:
            self._speak_next()

    # The user's floor.

    def _voice_began(self, onset: int) -> None:
        turn = self.user.started(onset)
        if self.rules.push_to_talk:
            return
        if self.agent.turn is None:
            self._announce(turn)
        elif self.rules.interruptible:
            self._duck(onset)

    def _words(self, text: str) -> None:
        if self.user.turn is None or not text:
            return
        self.user.turn.text = text
        if self._contest:
            self._contest.text = text
        self._tell(do.UserWords(self.user.turn.turn_id, text))

    def _announce(self, turn: UserTurn) -> None:
        if not turn.announced:
            turn.announced = True
            self._tell(do.UserStarted(turn.turn_id, turn.onset))

    def _close_user_turn(self) -> None:
        if self.user.closing is not None:
            return
        self._drop_contest()
        turn = self.user.close(self.now)
        if turn.announced or self.rules.push_to_talk:
            self._tell(do.UserStopped(turn.turn_id, turn.end))
        self._tell(do.FinishTranscript(turn.turn_id))

    def _take_back(self) -> None:
        if self.user.turn is not None and self.user.closing is None:
            self._drop_contest()
            turn = self.user.close(self.now)
            turn.discarded = True
            self._tell(do.FinishTranscript(turn.turn_id))

    def _give_up_transcript(self) -> None:
        """The transcriber is lost: what it said so far counts, with little confidence."""
        assert self.user.closing is not None
        self._transcribed(on.TranscriptReady(self.now, self.user.closing.text, (), 0.0, ""))

    def _transcribed(self, event: on.TranscriptReady) -> None:
        turn, self.user.closing = self.user.closing, None
        if turn is None:
            return
        self._measure(turn.turn_id, "transcript", self.now - turn.asked_at)
        if turn.discarded:
            self._answer_asked = False
            return
        nod = not turn.announced and not self.rules.push_to_talk and is_backchannel(event.text)
        if event.text and not nod and not turn.announced and not self.rules.push_to_talk:
            # It passed for a murmur, and was words after all: they take the floor.
            if self.agent.turn is not None and self.rules.interruptible:
                self._barge_in(turn)
            self._announce(turn)
        if not event.text and not turn.announced and not self.rules.push_to_talk:
            return
        wanted = bool(event.text) and not nod and (self.rules.answers_by_itself or self._answer_asked)
        self._answer_asked = False
        said = Said(turn.turn_id, event.text, event.confidence, turn.end)
        self._tell(
            do.UserTurnEnded(
                turn.turn_id,
                event.text,
                event.words,
                event.confidence,
                event.language,
                turn.onset,
                turn.end,
                "voice",
                nod,
                wanted,
            )
        )
        if wanted:
            self._want_answer(said)
        elif event.text and not nod:
            self._unanswered = said

    def _typed(self, event: on.TextGiven) -> None:
        self._tell(
            do.UserTurnEnded(event.turn_id, event.text, (), 1.0, "", self.now, self.now, "text", False, False)
        )
        self._unanswered = Said(event.turn_id, event.text, 1.0, self.now)

    def _answer_asked_for(self) -> None:
        if self.agent.turn is not None:
            self._tell(do.Refused("conversation_already_has_active_response", "the agent is speaking"))
        elif self.user.closing is not None:
            self._answer_asked = True
        elif self._unanswered is not None:
            self._want_answer(replace(self._unanswered, end=self.now))
        else:
            self._tell(do.Refused("no_input", "nothing was said or typed that is not answered yet"))

    def _want_answer(self, said: Said) -> None:
        self._unanswered, self._owed = None, None
        self._deciding = (said.turn_id, self.now)
        self._ends = {said.turn_id: (said.end, self.now)}
        self._measure(said.turn_id, "endpoint", self.now - said.end)
        if self.traits.holds:
            self._tell(do.Hold(True))
        self._tell(do.AnswerWanted(said.turn_id, said.text, said.confidence))

    # Voice over the agent's.

    def _duck(self, onset: int) -> None:
        if self._contest is not None:
            self._contest.stopped = None
            return
        assert self.agent.turn is not None
        self._contest = Contest(onset, text=self.user.turn.text if self.user.turn else "")
        self._quiet_at = self.agent.playout.pause(self.now)
        self._tell(do.Ducked(self.now, self.agent.turn.turn_id))

    def _judge(self) -> None:
        contest = self._contest
        if contest is None:
            return
        if self.agent.turn is None:
            self._drop_contest()
            return
        verdict = contest.judge(self.now)
        if verdict == "cut" and self.user.turn is not None:
            self._barge_in(self.user.turn)
        elif verdict in ("backchannel", "false_alarm"):
            turn_id = self.agent.turn.turn_id
            heard, _, _ = self.agent.playout.heard(turn_id, self.now)
            stop = ms(max(0, self._quiet_at - contest.onset))
            self._tell(do.BargeIn(self.now, turn_id, verdict, "", heard, stop))
            self._drop_contest()

    def _drop_contest(self) -> None:
        """The agent goes on where it was, if it still has the floor."""
        if self._contest is None:
            return
        self._contest = None
        self.agent.playout.resume()
        if self.agent.turn is not None:
            self._tell(do.Unducked(self.now, self.agent.turn.turn_id))
        elif self.user.turn is not None:
            self._announce(self.user.turn)

    def _barge_in(self, turn: UserTurn) -> None:
        """The user takes the floor from the agent."""
        onset = self._contest.onset if self._contest else turn.onset
        quiet_at = self._quiet_at if self._contest else self.agent.playout.pause(self.now)
        self._contest = None
        # The wire's clients stop their playback at this, so it goes right before the agent's end.
        self._announce(turn)
        ended = self._cut("turn_detected")
        unheard = ended.text[len(ended.heard_text) :].strip()
        stop = ms(max(0, quiet_at - onset))
        self._tell(do.BargeIn(self.now, ended.turn_id, "barge_in", unheard, ended.heard, stop))
        self._measure(ended.turn_id, "barge_in_stop", quiet_at - onset)

    # The agent's floor.

    def _cut(self, reason: str) -> do.AgentEnded:
        ended = self._end_agent("cancelled", reason)
        self._tell(do.CancelEngine(ended.turn_id, ended.heard, ended.heard_text))
        return ended

    def _cancel(self, reason: str) -> None:
        if self.agent.turn is None:
            self._tell(do.Refused("response_cancel_not_active", "the agent is not speaking"))
        else:
            self._cut(reason)

    def _end_agent(self, status: do.AgentStatus, reason: str) -> do.AgentEnded:
        ended, rest = self.agent.end(self.now, status, reason)
        self._tell(ended)
        self._out.extend(rest)
        return ended

    def _follow_agent(self) -> None:
        """Tell of first sounds, and end turns that have sounded to their end or stalled."""
        for sounded in self.agent.sounding():
            self._tell(sounded)
            turn = self.agent.turn
            if turn and turn.answers and (times := self._ends.pop(turn.answers, None)):
                end, wanted_at = times
                self._measure(turn.answers, "turn", sounded.at - end)
                self._measure(turn.answers, "first_audio", sounded.at - wanted_at)
        if self.agent.playout.played_out(self.now):
            self._end_agent("completed", "")
        elif self.agent.has_stalled(self.now):
            assert self.agent.turn is not None
            turn_id = self.agent.turn.turn_id
            ended = self._end_agent("failed", "engine_stalled")
            self._tell(do.CancelEngine(turn_id, ended.heard, ended.heard_text))

    def _open(
        self, turn_id: UUID, source: on.Source, answers: UUID | None, asked: on.InjectionAsked | None
    ) -> None:
        if self.agent.turn is not None:
            self._end_agent("completed", "")
        self.agent.open(turn_id, self.now, source, answers, asked)
        text = asked.text if asked else ""
        injection_id = asked.injection_id if asked else None
        self._tell(do.AgentStarted(turn_id, self.now, source, answers, injection_id, text))

    def _speak_next(self) -> None:
        """The floor is free: the mind's answer, else the next text that waits."""
        if self._deciding and self.now - self._deciding[1] > DECISION_LIMIT:
            self._deciding = None
        if self._owed is not None:
            to, self._owed = self._owed, None
            turn_id = self._new_id()
            self._open(turn_id, "mind", to, None)
            self._tell(do.Answer(turn_id, to))
            return
        asked = self.injections.next(only_for=self._deciding[0] if self._deciding else None)
        if asked is None:
            return
        turn_id = self._new_id()
        self._open(turn_id, asked.source, asked.turn_id, asked)
        self._tell(injection_changed(asked, self.now, "speaking", turn_id))
        self._tell(do.Speak(turn_id, asked.text))

    # The bridge's word.

    def _mind_asked(self, turn_id: UUID) -> None:
        current = self._deciding is not None and self._deciding[0] == turn_id
        self._decided(turn_id)
        # An older utterance is not answered any more: the user has said something since.
        if current and not self.traits.hears:
            self._owed = turn_id

    def _decided(self, turn_id: UUID) -> None:
        if self._deciding and self._deciding[0] == turn_id:
            self._deciding = None
            if self.traits.holds:
                self._tell(do.Hold(False))

    def _inject(self, asked: on.InjectionAsked) -> None:
        if not self.injections.add(asked):
            self._tell(injection_changed(asked, self.now, "dropped", why="queue_full"))
            return
        self._tell(injection_changed(asked, self.now, "waiting"))
        if asked.turn_id is not None:
            self._decided(asked.turn_id)
        if asked.interrupt and self.agent.turn is not None:
            self._cut("interrupted")

    # Small things.

    def _played(self, event: on.PlaybackReported) -> None:
        if self.agent.playout.report(event.turn_id, event.heard):
            heard, text, basis = self.agent.playout.heard(event.turn_id, self.now)
            self._tell(do.HeardCorrected(event.turn_id, heard, text, basis))

    def _change_rules(self, event: on.RulesChanged) -> None:
        rules = self.rules
        if event.push_to_talk is not None:
            rules = replace(rules, push_to_talk=event.push_to_talk)
        if event.answers_by_itself is not None:
            rules = replace(rules, answers_by_itself=event.answers_by_itself)
        if event.interruptible is not None:
            rules = replace(rules, interruptible=event.interruptible)
        self.rules = rules

    def _measure(self, turn_id: UUID, span: str, count: int) -> None:
        self._tell(do.Measured(self.now, turn_id, span, ms(count)))

    def _tell(self, effect: do.Effect) -> None:
        self._out.append(effect)
