"""The rules of one call: two floors, user and agent, side by side, because in full duplex both may speak."""

from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.agent_floor import AgentFloor
from gateway.session.asking import Asking
from gateway.session.clock import ms
from gateway.session.company import STALE, Company
from gateway.session.holding import Holding
from gateway.session.interruption import TOLD_LATE, is_backchannel, is_command, is_misheard
from gateway.session.mouth import Mouth
from gateway.session.overlap import Overlap
from gateway.session.playout import FRAME_LEAD, LEAD, ROOM, Outgoing
from gateway.session.rules import Rules, Traits
from gateway.session.user_floor import GOES_ON, WORDS_BEHIND, UserFloor, UserTurn

MUMBLED = 3
"""So many words so far of a turn that in the end has none were no cough."""

MOST_MUMBLES = 2
"""Who was told twice that nothing was understood need not hear it again: it may be the television."""


class Session:
    """Takes events in order of time and returns what follows from each.

    Sound takes the straight way: `agent.playout.push` from the engine, `outgoing` to the wire.
    """

    def __init__(self, rules: Rules, traits: Traits, new_id: Callable[[], UUID]) -> None:
        self.rules, self.traits, self._new_id = rules, traits, new_id
        self.now = 0
        self.user = UserFloor(new_id)
        self.agent = AgentFloor(traits, FRAME_LEAD if traits.hears else LEAD)
        self._mouth = Mouth(self.agent, traits, new_id, self._tell, self._no_longer_open)
        self.injections, self.answers = self._mouth.injections, self._mouth.answers
        self._asking = Asking(self.answers, self._tell)
        self._overlap = Overlap(self.agent)
        self._company = Company()
        self._holding = Holding()
        self._mumbled = 0
        """Turns in a row of which nothing was understood, and the user was told so."""
        self._echo_behind = False
        """The transcriber has heard our own echo behind the turn whose words are awaited."""
        self._lost_at: int | None = None
        """Since when no client is there."""
        self._ended = False
        self._out: list[do.Effect] = []

    def receive(self, event: on.Event) -> list[do.Effect]:
        """Take one event; what follows is returned in order. After the end nothing does."""
        if self._ended:
            return []
        self.now = max(self.now, event.at)
        self._mouth.tell_first_sound(self.now)
        self._apply(event)
        self._settle()
        return self._told()

    def outgoing(self) -> Outgoing | None:
        """The agent's sound that is due now."""
        return self.agent.playout.due(self.now)

    @property
    def has_room(self) -> bool:
        """Whether the engine may give more sound."""
        return self.agent.playout.backlog < ROOM

    @property
    def is_at_rest(self) -> bool:
        """Whether both floors are free, and nothing is being decided."""
        busy = self.agent.turn is not None or self.user.has_floor(self.now)
        return not busy and not self._mouth.answer_under_way

    @property
    def is_alone(self) -> bool:
        """Whether no client is there."""
        return self._lost_at is not None

    def end(self, at: int) -> list[do.Effect]:
        """The call is over: what is being said is cut, what waits is dropped."""
        if self._ended:
            return []
        self.now = max(self.now, at)
        self._ended = True
        self._mouth.tell_first_sound(self.now)
        self._overlap.contest = None
        if self.agent.turn is not None:
            self._mouth.cut(self.now, "session_ended")
        running = self.user.turn
        for turn in self.user.leave(self.now):
            if turn is running and turn.is_known and not turn.discarded:
                self._tell(do.UserStopped(turn.turn_id, turn.end))
            # Words that were told are kept; nobody will say better ones.
            if not turn.discarded and (turn.is_known or turn.text):
                nod = self._is_nod(turn, turn.text)
                self._tell(turn.ended(self._words_so_far(turn), nod, answered=False))
        self._mouth.drop(self.injections.drain(), self.now, "ended")
        return self._told()

    # What an event does.

    def _apply(self, event: on.Event) -> None:
        match event:
            case on.Tick():
                # By far the most common, so it is asked for first.
                pass
            case on.SpeechStarted():
                if turn := self.user.started(event.onset):
                    self._voice_began(turn, event.onset)
            case on.SpeechStopped():
                self.user.stopped(event.offset, event.raised)
                if self.user.turn:
                    self._overlap.pause(self.user.turn.stopped)
            case on.WordsHeard():
                self._words(event)
            case on.TranscriptReady():
                if turn := self.user.transcribed(event.words):
                    self._transcribed(turn, event)
            case on.TextGiven():
                self._typed(event)
            case on.InputCommitted():
                self.user.commit(self.now)
            case on.InputCleared():
                self._clear()
            case on.EchoFound():
                self._unhear(event.since)
            case on.AnswerAsked():
                self._answer_asked_for()
            case on.CancelAsked():
                self._cancel(event.reason)
            case on.HushAsked():
                self._hush()
            case on.PlaybackReported():
                self._out.extend(self.agent.correct(event.turn_id, event.heard, self.now))
            case on.ClientCame():
                self.rules = replace(self.rules, speaks_unasked=True)
                self._company.came(self.now)
            case on.SoundDropped():
                self._out.extend(self.agent.miss(event.turn_id, event.start, event.end, self.now))
            case on.ClientLost():
                self._client_lost()
            case on.ClientBack():
                self._client_back(event.arrived)
            case on.RulesChanged():
                self.rules = self.rules.changed(event)
                if self.rules.push_to_talk:
                    self.user.said = None
                if self.rules.push_to_talk or not self.rules.interruptible:
                    self._out.extend(self._overlap.drop(self.now))
            case on.AgentOpened():
                if not self.agent.playout.knows(event.turn_id) and not self.agent.says_ordered:
                    self._mouth.make_way(self.now)
                    self._out.extend(self._overlap.drop(self.now))
                    self._mouth.opened_by_itself(event.turn_id, self.now)
            case on.AgentFinished():
                self.agent.playout.finish(event.turn_id)
            case on.AgentFailed():
                if self.agent.is_current(event.turn_id):
                    self._mouth.end(self.now, "failed", event.code)
            case on.WishHeard():
                self.user.wishes(event.turn_id)
            case on.MindAsked():
                self.answers.leave_to_mind(event.turn_id)
                self._mouth.drop(self.injections.fillers(event.turn_id), self.now, "answered")
            case on.DeedBegan():
                self._no_longer_open(event.turn_id)
            case on.Settled():
                self._asking.settled(event.turn_id)
            case on.InjectionAsked():
                self._mouth.inject(event, self.now)

    def _settle(self) -> None:
        """What time and the floors allow by now."""
        is_there = self._lost_at is None
        if is_there and self._overlap.contest:
            self._judge()
        if self.user.is_over(self.now, by_silence=is_there and not self.rules.push_to_talk):
            self._close_user_turn()
        if turn := self.user.give_up(self.now):
            # The transcriber is lost: what it said so far counts, with no confidence.
            self._transcribed(turn, self._words_so_far(turn))
        self._mouth.follow(self.now)
        if self.agent.turn is None:
            self._out.extend(self._overlap.drop(self.now))
        if self.injections:
            self._mouth.drop(self.injections.expired(self.now), self.now, "expired")
        if self.agent.turn is None:
            self._announce_speaker()
            if is_there and not self.user.has_floor(self.now):
                self._mouth.speak_next(self.now)
        self._keep_company()
        self._hold()

    def _keep_company(self) -> None:
        """Speak unasked, where nobody has spoken for long."""
        speaks = self.agent.turn or self.user.turn or self.user.closing
        busy = speaks or self._asking.bridge_is_busy or self.injections or self._mouth.answer_under_way
        if text := self._company.due(self.now, self.rules, bool(busy or self._lost_at is not None)):
            now, soon = self.now, self.now + STALE
            asked = on.InjectionAsked(now, self._new_id(), text, "notice", priority=-1, expires_at=soon)
            self._mouth.inject(asked, now)

    # The client.

    def _client_lost(self) -> None:
        """Nobody hears the agent, and the user is not heard: both floors stay as they are."""
        if self._lost_at is None:
            self._lost_at = self.now
            self.agent.playout.halt(self.now)

    def _client_back(self, arrived: tuple[on.Arrived, ...] | None) -> None:
        """The agent goes on where its sound broke off, and the user has as long as ever to go on."""
        self._out.extend(self.agent.go_on(arrived, self.now))
        self.user.listened_since = self.now
        if self._lost_at is not None:
            self._overlap.skip(self._lost_at, self.now)
            self._lost_at = None

    # The user's floor.

    def _voice_began(self, turn: UserTurn, onset: int) -> None:
        """A turn began, or goes on after a pause."""
        if self.rules.push_to_talk:
            return
        if self.agent.turn is None:
            self._announce(turn)
            return
        asking = self.agent.is_asking(self.now)
        begins = turn.onset == onset
        if begins:
            turn.over_agent, turn.to_question = True, asking
            turn.over_sound = self.agent.turn.sounded
        if self.rules.interruptible:
            # Sound from while the connection was down was said over an agent that nobody heard.
            onset = max(onset, self.user.listened_since)
            self._out.extend(self._overlap.duck(onset, self.now, "" if begins else turn.text, asking))

    def _clear(self) -> None:
        """The client takes back what was said last; of a turn of several breaths only the last one."""
        turn = self.user.turn
        if turn is None or turn.committed:
            return
        self.user.commit(self.now).discarded = True
        if before := turn.continues:
            self._asking.said(before, open_until=self.now)
            if self.rules.answers_by_itself:
                self._asking.ask(self.now)

    def _unhear(self, since: int) -> None:
        """What was heard since then was the agent itself: neither its voice nor its words are the user's."""
        turn, closing = self.user.turn, self.user.closing
        if self.rules.push_to_talk or (turn and not turn.may_be_echo(since)):
            return
        self._out.extend(self._overlap.unmask(since, self.now))
        if closing is None:
            # A turn that was not told of yet is ended as well: the transcriber has heard the echo already.
            self.user.commit(self.now).discarded = True
            return
        # One more turn could not end before this one has its words, and would take in what the user says until then.
        self.user.turn = None
        self._echo_behind = True
        if closing.may_be_echo(since):
            closing.discarded = True

    def _words(self, event: on.WordsHeard) -> None:
        began, text = self.user.turn is None, event.text
        before = self.user.words
        turn = self.user.heard(text, self.now, event.last) if text else None
        if turn is None or text == before:
            return
        if began and turn is self.user.turn:
            self._voice_began(turn, turn.onset)
        self._tell(do.UserWords(turn.turn_id, text))
        self._go_on(turn, text)
        if self._overlap.contest:
            if turn is self.user.turn:
                self._overlap.hear(text)
        elif turn is self.user.turn and self._speaks_over(turn) and not self._is_nod(turn, text):
            # They come after the sound passed for a murmur.
            self._barge_in(turn)

    def _speaks_over(self, turn: UserTurn) -> bool:
        """Whether the turn may still cut the agent's, over which it began."""
        rules = self.rules
        return (
            self.agent.turn is not None
            and rules.interruptible
            and not rules.push_to_talk
            and turn.over_agent
            and not turn.announced
        )

    def _is_nod(self, turn: UserTurn, text: str) -> bool:
        """Whether these words only say "I am listening": over the agent, or while its answer is awaited."""
        if turn.committed or turn.continues or not (turn.over_agent or self._mouth.answer_under_way):
            return False
        return is_backchannel(text, turn.to_question) or self._is_misheard(turn, text)

    def _is_misheard(self, turn: UserTurn, text: str) -> bool:
        """Whether these words over the agent's are, as far as can be said, what a recogniser made of a murmur."""
        if not turn.over_sound or turn.announced or turn.to_question:
            return False
        ends = self.now - TOLD_LATE if turn.stopped is None else turn.stopped
        return is_misheard(text, ends - turn.onset)

    def _go_on(self, turn: UserTurn, text: str) -> None:
        """Where these words go on with the turn before, both are one turn again, and what answers it is withdrawn."""
        before = self.user.may_continue(turn)
        if before is None or is_backchannel(text, turn.to_question) or is_command(text):
            return
        if self._is_misheard(turn, text):
            # Of a voice that has only begun this may be all too early: the contest over the floor decides.
            return
        agent = self.agent.turn
        if agent is not None and not self.rules.interruptible:
            return
        turn.continues, self.user.said = before, None
        self._tell(do.Withdrawn(before.turn_id))
        self._asking.withdraw(before.turn_id)
        self._mouth.drop(self.injections.withdrawn(before.turn_id), self.now, "withdrawn")
        if agent is not None and agent.answers == before.turn_id:
            self._barge_in(turn)

    def _no_longer_open(self, turn_id: UUID) -> None:
        """The user can no longer go on with that turn: what they say next is another."""
        if self.user.said and self.user.said.turn_id == turn_id:
            self.user.said = None

    def _announce_speaker(self) -> None:
        """Who still speaks when the agent does not has the floor."""
        turn = self.user.turn
        if turn is not None and turn.stopped is None and not self.rules.push_to_talk:
            self._announce(turn)

    def _announce(self, turn: UserTurn) -> None:
        # The end of one that is taken back is not told, so neither is its beginning.
        if not turn.announced and not turn.discarded:
            turn.announced = True
            self._tell(do.UserStarted(turn.turn_id, turn.onset, self.user.breath_of(turn)))

    def _close_user_turn(self) -> None:
        self._out.extend(self._overlap.drop(self.now))
        turn = self.user.close(self.now)
        if turn.is_known and not turn.discarded:
            self._tell(do.UserStopped(turn.turn_id, turn.end))
        self._tell(do.FinishTranscript(turn.turn_id))

    def _transcribed(self, turn: UserTurn, event: on.TranscriptReady) -> None:
        """The turn has its final words."""
        if self._echo_behind and self.user.turn is None:
            # What was made of the echo would come before the user's next words.
            self.user.commit(self.now).discarded = True
        self._echo_behind = False
        if turn.discarded:
            return
        was_known = turn.is_known
        if event.text:
            self._go_on(turn, event.text)
        nod = self._is_nod(turn, event.text)
        if not was_known:
            if not event.text and not turn.continues:
                return
            if not nod:
                # It passed for a murmur, and was words after all: they take the floor.
                self._take_floor_late(turn)
        if event.text:
            self._company.spoke()
        said = turn.said(event)
        asks = bool(said.text) and not nod
        if said.text:
            self._mumbled = 0
        elif len(turn.text.split()) >= MUMBLED and self._mumbled < MOST_MUMBLES:
            # Words so far, and in the end none: silence would look as if nobody had listened.
            asks, self._mumbled = True, self._mumbled + 1
        answered = asks and (self.rules.answers_by_itself or turn.answer_asked)
        self._tell(turn.ended(event, nod, answered))
        by_silence = not turn.committed and turn.stopped is not None
        if by_silence:
            self._measure(said.turn_id, "endpoint", turn.asked_at - turn.end)
        self._measure(said.turn_id, "transcript", self.now - turn.asked_at)
        if asks:
            self._asking.said(said, turn.end + GOES_ON + WORDS_BEHIND if by_silence else self.now)
            self.user.said = said if by_silence and said.text else None
        if answered or turn.answer_asked:
            self._asking.ask(self.now)

    def _take_floor_late(self, turn: UserTurn) -> None:
        if self._speaks_over(turn):
            self._barge_in(turn)
        if self.agent.turn is None:
            self._announce(turn)
            self._tell(do.UserStopped(turn.turn_id, turn.end))

    def _typed(self, event: on.TextGiven) -> None:
        self._company.spoke()
        now, turn_id, text = self.now, event.turn_id, event.text
        self._tell(
            do.UserTurnEnded(turn_id, text, (), 1.0, "", now, now, "text", False, False, turn_id, added=text)
        )
        self._asking.typed(turn_id, text, now)
        self.user.said = None

    def _answer_asked_for(self) -> None:
        pending = self.user.turn if self.user.turn and self.user.turn.committed else self.user.closing
        if self.agent.turn is not None:
            self._asking.refuse_another("the agent is speaking")
        elif pending is not None and not pending.discarded and not self._asking.typing_waits:
            pending.answer_asked = True
        else:
            self._asking.ask_late(self.now, self._mouth.answer_under_way)

    # Voice over the agent's.

    def _judge(self) -> None:
        for told in self._overlap.judge(self.now):
            if told == "cut":
                turn = self.user.turn
                assert turn is not None, "closing a turn ends its contest"
                if turn.text:
                    self._go_on(turn, turn.text)
                if self.agent.turn is not None:
                    self._barge_in(turn)
            else:
                self._tell(told)

    def _barge_in(self, turn: UserTurn) -> None:
        """The user takes the floor from the agent."""
        assert self.agent.turn is not None, "there is nobody to interrupt"
        contest = self._overlap.win(turn.onset, self.now)
        was_sounding = self.agent.turn.sounded
        turn.over_agent = False
        # The wire's clients stop their playback at this, so it goes right before the agent's end.
        self._announce(turn)
        ended = self._mouth.cut(self.now, "turn_detected")
        unheard = ended.text[len(ended.heard_text) :].strip()
        self._tell(do.BargeIn(self.now, ended.turn_id, "barge_in", unheard, ended.heard, ms(contest.stop)))
        if was_sounding:
            self._measure(ended.turn_id, "barge_in_stop", contest.stop)

    # The agent's floor.

    def _cancel(self, reason: str) -> None:
        if self.agent.turn is None:
            self._tell(do.Refused("response_cancel_not_active", "the agent is not speaking"))
        else:
            self._mouth.cut(self.now, reason)
            self.user.said = None

    def _hush(self) -> None:
        self._mouth.drop(self.injections.answers(), self.now, "user_asked")
        if self.agent.turn is not None:
            self._mouth.cut(self.now, "user_asked")

    def _hold(self) -> None:
        """Keep the mouth of an engine that hears shut from the user's pause, or the first words of a wish, until it is
        known what comes of them."""
        user, answers = self.user, self.answers
        wanted = user.pauses or user.asks_for_more_than_words or answers.awaits_result
        answers_itself = answers.owed is not None and not user.has_floor(self.now)
        hold = self._holding.follow(self.now, self.traits.holds and wanted, answers_itself)
        if hold is None:
            return
        self._tell(hold)
        # Who has waited for that long gets no old words: the mind answers instead.
        answers.left_unheard = answers_itself and hold.drop

    def _words_so_far(self, turn: UserTurn) -> on.TranscriptReady:
        """What stands in for final words that will not come."""
        return on.TranscriptReady(self.now, turn.text, (), 0.0, "")

    def _measure(self, turn_id: UUID, span: str, count: int) -> None:
        self._tell(do.Measured(self.now, turn_id, span, ms(count)))

    def _tell(self, effect: do.Effect) -> None:
        self._out.append(effect)

    def _told(self) -> list[do.Effect]:
        out, self._out = self._out, []
        return out
