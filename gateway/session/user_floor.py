"""The user's side of the floor: when a turn of theirs begins, pauses and ends."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from gateway.session.clock import samples
from gateway.session.effects import UserTurnEnded
from gateway.session.endpointing import LONGEST_TURN, UNFINISHED, patience
from gateway.session.events import TranscriptReady, Word
from gateway.session.uplink import SLACK

TRANSCRIPT_LIMIT = samples(2000)
"""A transcriber that has not said the final words by now is taken for dead; what it said so far counts."""

WORDLESS_LIMIT = samples(10_000)
"""Where it said nothing so far, more is lost by going on than by waiting: a new one is sent the sound again."""


GOES_ON = samples(1200)
"""Who speaks again this soon after their last word goes on with what they were saying: an answer that began is
withdrawn. Pauses for thought reach 1.2 s, and nobody replies to what they have heard so little of."""

WORDS_BEHIND = samples(600)
"""How far the first words of a breath may be behind its onset."""


@dataclass(frozen=True, slots=True)
class Said:
    """A turn of the user's that went out to be answered: all its breaths so far."""

    turn_id: UUID
    text: str
    words: tuple[Word, ...]
    onset: int
    end: int
    """Its last voiced sample."""
    confidence: float
    """Of the breath that was made out worst."""


@dataclass(slots=True)
class UserTurn:
    """A stretch of the user's voice: a turn, or a later breath of one that was taken for over."""

    turn_id: UUID
    """A later breath has one of its own."""
    onset: int
    stopped: int | None = None
    """The last voiced sample, while the user is quiet."""
    text: str = ""
    last_word: int = 0
    """How long the last word sounded, in samples; 0 where nobody knows."""
    raised: bool = False
    """The voice stayed up where it paused."""
    continues: Said | None = None
    """What it goes on with."""
    over_agent: bool = False
    """It began while the agent had the floor, and has not taken it: a "mhm" then wants no answer."""
    over_sound: bool = False
    """The agent was to be heard then: nobody murmurs at silence."""
    to_question: bool = False
    """It began over a question of the agent's: a "yes" then is an answer."""
    announced: bool = False
    """Whether the client knows that the user has the floor."""
    committed: bool = False
    """The client says that it is over."""
    discarded: bool = False
    """The client took it back."""
    is_wish: bool = False
    """By its words so far it asks for something to be done."""
    answer_asked: bool = False
    """The client wants an answer as soon as the final words are there."""
    asked_at: int = 0
    """When its final words were asked for."""

    @property
    def end(self) -> int:
        # Sound is handed on a little early: an onset may lie ahead of the clock.
        return max(self.onset, self.stopped if self.stopped is not None else self.asked_at)

    @property
    def whole_text(self) -> str:
        """The words so far, of all breaths."""
        return f"{self.continues.text} {self.text}".rstrip() if self.continues else self.text

    @property
    def is_known(self) -> bool:
        """Whether the client awaits what becomes of it, be it a cough."""
        return self.announced or self.committed

    @property
    def may_go_on(self) -> bool:
        """Whether the client has neither ended it by hand nor taken it back."""
        return not (self.committed or self.discarded)

    def may_be_echo(self, since: int) -> bool:
        """Whether all that it holds may be the agent's own sound, which was heard since then."""
        return self.onset >= since and not (self.is_known or self.continues)

    def said(self, transcript: TranscriptReady) -> Said:
        """The turn with the final words of this breath."""
        before, confidence = self.continues, transcript.confidence
        if before is None:
            return Said(self.turn_id, transcript.text, transcript.words, self.onset, self.end, confidence)
        text = f"{before.text} {transcript.text}".rstrip()
        words = before.words + transcript.words
        # Of a breath without words nothing can be made out badly.
        worst = min(before.confidence, confidence) if transcript.text else before.confidence
        return Said(before.turn_id, text, words, before.onset, self.end, worst)

    def ended(self, transcript: TranscriptReady, nod: bool, answered: bool) -> UserTurnEnded:
        """The fact that it is over, with these words."""
        said = self.said(transcript)
        return UserTurnEnded(
            said.turn_id,
            said.text,
            said.words,
            transcript.confidence,
            transcript.language,
            said.onset,
            said.end,
            "voice",
            nod,
            answered,
            self.turn_id,
            transcript.text,
        )


class UserFloor:
    """Holds the running turn, and the one whose final words are awaited."""

    def __init__(self, new_id: Callable[[], UUID]) -> None:
        self._new_id = new_id
        self.turn: UserTurn | None = None
        self.closing: UserTurn | None = None
        self.said: Said | None = None
        """The turn that was answered last, as long as the user may go on with it."""
        self.listened_since = 0
        """Since when silence is the user's: before, the client was away."""
        self._voiced = False
        self._over_until = -1
        """Sound up to here belongs to turns that were closed, however late it is told of."""
        self._lost = 0
        """Transcripts that were given up, and may still come."""
        self._lost_until = -1

    def has_floor(self, now: int) -> bool:
        """Whether the user speaks, pauses, or has just ended."""
        if self.closing is not None:
            return True
        if self.turn is None:
            return False
        if self.turn.stopped is None:
            return now - self.turn.onset <= LONGEST_TURN
        # With push-to-talk no silence ends a turn, but nobody waits for it longer than for any other.
        return self.turn.committed or now - self.turn.stopped <= UNFINISHED

    def wishes(self, turn_id: UUID) -> None:
        """The running turn, if that is it, asks for something to be done."""
        if self.turn is not None and self.turn.turn_id == turn_id:
            self.turn.is_wish = True

    @property
    def asks_for_more_than_words(self) -> bool:
        """Whether the running turn, or the one whose last words are awaited, is a wish so far."""
        return any(turn is not None and turn.is_wish and turn.may_go_on for turn in (self.turn, self.closing))

    @property
    def pauses(self) -> bool:
        """Whether a turn that the client knows of may be over, and an answer must not come yet."""
        if self.closing is not None:
            return self.closing.is_known and not self.closing.discarded
        return self.turn is not None and self.turn.announced and self.turn.stopped is not None

    def started(self, onset: int) -> UserTurn | None:
        """Voice began: a new turn, or the running one goes on; None when it belongs to one that is closed."""
        self._voiced = True
        if onset <= self._over_until:
            # A burst was committed before anybody listened to it, or a new transcriber hears it a second time.
            if self.closing is not None:
                self.closing.onset = min(self.closing.onset, onset)
            return None
        if self.turn is None:
            self.turn = UserTurn(self._new_id(), onset)
        self.turn.stopped = None
        return self.turn

    def may_continue(self, turn: UserTurn) -> Said | None:
        """The turn that this one goes on with, if it says something."""
        said = self.said
        if said is None or turn.continues or turn.committed:
            return None
        return said if _is_soon(turn, said) else None

    def breath_of(self, turn: UserTurn) -> UUID | None:
        """The turn that this one goes on with, or may turn out to: that one's words may be awaited still."""
        if turn.continues:
            return turn.continues.turn_id
        closing = self.closing
        if closing and closing.may_go_on and turn.may_go_on and _is_soon(turn, closing):
            return (closing.continues or closing).turn_id
        said = self.may_continue(turn)
        return said.turn_id if said else None

    def stopped(self, offset: int, raised: bool = False) -> None:
        """Voice ended; a pause begins."""
        self._voiced = False
        if self.closing is not None and offset <= self._over_until:
            self.closing.stopped = max(offset, self.closing.onset)
        elif self.turn is not None:
            self.turn.stopped, self.turn.raised = max(offset, self.turn.onset), raised

    @property
    def words(self) -> str:
        """The words so far, of the turn that gets the next ones."""
        turn = self.closing or self.turn
        return turn.text if turn else ""

    def heard(self, text: str, now: int, last_word: int = 0) -> UserTurn | None:
        """Words so far: of the turn that awaits its final ones, else of the running one, else of a new one."""
        if self.closing is None and self.turn is None and self._voiced:
            # The voice never stopped when the turn before was closed (noise, or the client committed).
            self.turn = UserTurn(self._new_id(), now)
        turn = self.closing or self.turn
        if turn is not None:
            turn.text, turn.last_word = text, last_word
        return turn

    def commit(self, now: int) -> UserTurn:
        """The client ends the running turn, or one of which no voice was heard yet."""
        if self.turn is None:
            self.turn = UserTurn(self._new_id(), now, stopped=now)
        self.turn.committed = True
        return self.turn

    def is_over(self, now: int, by_silence: bool) -> bool:
        """Whether the running turn is to be closed, and the one before has its words."""
        turn = self.turn
        if turn is None or self.closing is not None:
            return False
        if turn.committed or not by_silence:
            return turn.committed
        if turn.stopped is None:
            return now - turn.onset > LONGEST_TURN
        asked = patience(turn.whole_text, turn.last_word, turn.raised)
        return now - max(turn.stopped, self.listened_since) >= asked

    def close(self, now: int) -> UserTurn:
        """End the running turn; its final words are awaited."""
        turn = self.turn
        assert turn is not None, "only a running turn can be closed"
        turn.asked_at = now
        by_silence = turn.stopped is not None and not turn.committed
        # Sound is handed on a little early, so what the client committed may lie ahead of the clock.
        self._over_until = turn.end if by_silence else now + SLACK
        self.turn, self.closing = None, turn
        return turn

    def transcribed(self, words: tuple[Word, ...]) -> UserTurn | None:
        """The turn whose final words these are; None for those of a turn that was given up."""
        late = self._lost > 0 and not (words and words[-1].end > self._lost_until)
        if self.closing is None or late:
            self._lost = max(0, self._lost - 1)
            return None
        self._lost = 0
        turn, self.closing = self.closing, None
        return turn

    def give_up(self, now: int) -> UserTurn | None:
        """The turn whose final words have been awaited for too long, if there is one: nobody awaits them now."""
        turn = self.closing
        if turn is None or now - turn.asked_at <= (TRANSCRIPT_LIMIT if turn.text else WORDLESS_LIMIT):
            return None
        self._lost, self._lost_until = self._lost + 1, self._over_until
        self.closing = None
        return turn

    def leave(self, now: int) -> list[UserTurn]:
        """The call ends: what was not ended, the oldest first."""
        left = [turn for turn in (self.closing, self.turn) if turn is not None]
        for turn in left:
            turn.asked_at = turn.asked_at or now
        self.closing = self.turn = None
        return left


def _is_soon(turn: UserTurn, before: Said | UserTurn) -> bool:
    return 0 <= turn.onset - before.end <= GOES_ON
