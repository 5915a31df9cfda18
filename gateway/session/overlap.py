"""The user's voice over the agent's: the agent falls quiet at the onset, until it is decided what the voice was."""

from collections.abc import Iterator
from typing import Literal

from gateway.session.agent_floor import AgentFloor
from gateway.session.clock import ms
from gateway.session.effects import BargeIn, Ducked, Effect, Unducked
from gateway.session.interruption import Contest

Harmless = Literal["backchannel", "false_alarm", "echo"]
"""What a voice over the agent's was, if it wants no floor."""


class Overlap:
    """Holds the contest that is open, if there is one, and the agent's sound down meanwhile."""

    def __init__(self, agent: AgentFloor) -> None:
        self._agent = agent
        self.contest: Contest | None = None

    def duck(self, onset: int, now: int, before: str = "", to_question: bool = False) -> Iterator[Effect]:
        """Voice began over the agent's, or goes on after a pause; `before` are its turn's words until then."""
        turn = self._agent.turn
        assert turn is not None, "there is nobody to speak over"
        if self.contest is not None:
            self.contest.stopped = None
            return
        self.contest = Contest(onset, self._agent.playout.pause(now), before, to_question)
        yield Ducked(now, turn.turn_id)

    def pause(self, stopped: int | None) -> None:
        """The voice paused; `stopped` is its last sample."""
        if self.contest is not None:
            self.contest.stopped = stopped

    def hear(self, text: str) -> None:
        """The words so far of the turn that the voice belongs to."""
        if self.contest is not None:
            self.contest.hear(text)

    def skip(self, since: int, now: int) -> None:
        """Since `since` nobody was listened to: that time does not count."""
        if self.contest is not None:
            self.contest.skip(now - max(since, self.contest.onset))

    def judge(self, now: int) -> Iterator[Effect | Literal["cut"]]:
        """Decide where that can be done by now; `cut` is left to the session, which gives the user the floor."""
        if self.contest is None:
            return
        turn = self._agent.turn
        if turn is None:
            self.contest = None
            return
        verdict = self.contest.judge(now)
        if verdict == "cut":
            yield "cut"
        elif verdict != "wait":
            yield from self._let_pass(verdict, now)

    def unmask(self, since: int, now: int) -> Iterator[Effect]:
        """What was heard since `since` was no user, but the agent itself."""
        if self.contest is not None and self.contest.onset >= since:
            yield from self._let_pass("echo", now)

    def _let_pass(self, kind: Harmless, now: int) -> Iterator[Effect]:
        assert self.contest is not None, "there is a voice to judge"
        if turn := self._agent.turn:
            heard, _, _ = self._agent.playout.heard(turn.turn_id, now)
            yield BargeIn(now, turn.turn_id, kind, "", heard, ms(self.contest.stop))
        yield from self.drop(now)

    def drop(self, now: int) -> Iterator[Effect]:
        """It was nothing, or no longer matters: the agent goes on where it was, if it still has the floor."""
        if self.contest is None:
            return
        self.contest = None
        self._agent.playout.resume()
        if self._agent.turn is not None:
            yield Unducked(now, self._agent.turn.turn_id)

    def win(self, onset: int, now: int) -> Contest:
        """The user takes the floor; what is told of the voice that took it, which began at `onset`."""
        contest = self.contest or Contest(onset, self._agent.playout.pause(now))
        self.contest = None
        return contest
