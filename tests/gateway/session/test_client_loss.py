"""The client's connection breaks and stands again: neither floor has moved, and no sound comes twice or not at all."""

from collections.abc import Callable
from uuid import UUID

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.session import effects as do
from gateway.session import events as on
from gateway.session.clock import BYTES, ms, samples
from gateway.session.playout import LEAD
from gateway.session.track import REWIND
from tests.gateway.session.driver import WORD, Call, sound

ANSWER = " ".join(f"{tens}-{ones}" for tens in ("twenty", "thirty", "forty") for ones in "123456789")
"""No word comes twice."""
LENGTH = WORD * len(ANSWER.split())
BEGINS = 180
"""When the answer to what is typed at 0 begins to sound."""


def answering() -> Call:
    call = Call(answer=ANSWER)
    call.types("count", at=0)
    return call


def turn_id(call: Call) -> UUID:
    return call.told(do.AgentStarted)[0].turn_id


def breaks(call: Call, at: float, noticed: float | None = None) -> int:
    """The connection breaks at `at`, and the gateway learns of it when it is `noticed`.

    Returns:
        Where the sound broke off that the client has got.
    """
    call.until(at)
    got = sum(len(piece.pcm) for _, piece in call.sent) // BYTES
    call.until(noticed or at)
    call.feed(on.ClientLost(samples(call.time)))
    return got


def stands(call: Call, at: float, got: int | None) -> None:
    """It stands again, and the client tells how far it got."""
    call.until(at)
    arrived = None if got is None else (on.Arrived(turn_id(call), got),)
    call.feed(on.ClientBack(samples(call.time), arrived))


def received(call: Call, got: int, before: int) -> np.ndarray:
    """All sound that reached the client: the first `got` samples, and all behind the first `before` pieces."""
    first = b"".join(piece.pcm for _, piece in call.sent[:before])[: got * BYTES]
    return np.frombuffer(first + b"".join(piece.pcm for _, piece in call.sent[before:]), dtype="<i2")


def differing(heard: np.ndarray) -> int:
    """Samples in which it is not the whole answer, once; fades are."""
    whole = np.frombuffer(sound(LENGTH), dtype="<i2")
    assert len(heard) == len(whole)
    assert np.all(np.abs(heard) <= np.abs(whole))
    return int(np.count_nonzero(heard != whole))


@settings(deadline=None)
@given(st.integers(BEGINS, BEGINS + LENGTH - 3000), st.integers(0, 2800), st.integers(0, 15_000))
def test_sound_goes_on_where_it_broke_off_with_nothing_doubled_and_nothing_lost(
    at: int, unnoticed: int, away: int
) -> None:
    call = answering()
    got = breaks(call, at, at + unnoticed)
    before = len(call.sent)
    stands(call, at + unnoticed + away, got)
    call.until(call.time + LENGTH + 3000)
    assert differing(received(call, got, before)) <= samples(10)
    (ended,) = call.told(do.AgentEnded)
    assert (ended.status, ended.heard, ended.heard_text) == ("completed", samples(LENGTH), ANSWER)


def test_nothing_leaves_while_nobody_is_there() -> None:
    call = answering()
    breaks(call, 1000)
    sent = len(call.sent)
    call.until(15_000)
    assert len(call.sent) == sent
    assert call.told(do.AgentEnded) == []


def test_what_lies_too_far_back_is_lost_and_does_not_count_as_heard() -> None:
    call = answering()
    got = breaks(call, 1000, noticed=5500)
    missed = sum(len(piece.pcm) for _, piece in call.sent) // BYTES - got - REWIND
    assert missed > samples(WORD)
    stands(call, 7000, got)
    call.until(20_000)
    (ended,) = call.told(do.AgentEnded)
    assert samples(LENGTH) - ended.heard == missed // samples(20) * samples(20), "whole pieces are kept"
    again = next(piece for at, piece in call.sent if at >= 7000)
    unheard = [w.text for w in ended.words if got < (w.start + w.end) // 2 <= again.start]
    assert unheard
    assert ended.heard_text == " ".join(word for word in ANSWER.split() if word not in unheard)


def test_a_report_of_what_was_played_passes_over_what_never_arrived() -> None:
    call = answering()
    got = breaks(call, 1000, noticed=5500)
    stands(call, 7000, got)
    again = next(piece for at, piece in call.sent if at >= 7000)
    call.until(8000)
    call.feed(on.PlaybackReported(samples(8000), turn_id(call), got + samples(500)))
    call.feed(on.CancelAsked(samples(8000)))
    (ended,) = call.told(do.AgentEnded)
    assert ended.heard == got + samples(500)
    last = [w.text for w in ended.words if (w.start + w.end) // 2 <= again.start + samples(500)][-1]
    assert ended.heard_text.endswith(last)


def test_who_does_not_say_how_far_they_got_is_believed_to_have_heard_what_was_played_until_the_loss() -> None:
    call = answering()
    got = breaks(call, 1000)
    stands(call, 4000, None)
    again = next(piece for at, piece in call.sent if at >= 4000)
    assert ms(got - again.start) <= ms(LEAD)
    assert ms(again.start) == 1000 - BEGINS


def test_who_stays_away_has_heard_what_was_played_until_the_loss() -> None:
    call = answering()
    breaks(call, BEGINS + 4 * WORD)
    call.until(20_000)
    call.end()
    (ended,) = call.told(do.AgentEnded)
    assert (ended.heard_text.split(), ended.status) == (ANSWER.split()[:4], "cancelled")


def test_a_turn_that_was_over_before_the_loss_was_noticed_was_heard_as_far_as_it_arrived() -> None:
    call = Call()
    tea = call.injects("Your tea is ready and the kettle is off.", at=0)
    got = breaks(call, 80 + 3 * WORD, noticed=4000)
    assert call.injection(tea)[-1] == "heard"
    stands(call, 5000, got)
    (corrected,) = call.told(do.HeardCorrected)
    assert (corrected.heard, corrected.heard_basis) == (got, "client")
    assert corrected.heard_text == "Your tea is"
    cut = call.told(do.InjectionChanged)[-1]
    assert (cut.state, cut.said, cut.why) == ("cut", "Your tea is", "client_lost")


def test_a_turn_that_is_cut_while_nobody_is_there_ends_where_it_broke_off() -> None:
    call = answering()
    got = breaks(call, BEGINS + 4 * WORD)
    call.until(6000)
    call.feed(on.CancelAsked(samples(6000)))
    (ended,) = call.told(do.AgentEnded)
    assert ended.heard_text.split() == ANSWER.split()[:4]
    stands(call, 7000, got - samples(WORD))
    (corrected,) = call.told(do.HeardCorrected)
    assert corrected.heard == got - samples(WORD)


def test_a_newer_socket_takes_the_sound_over_where_it_says() -> None:
    call = answering()
    call.until(1500)
    got = call.sent[10][1].end
    before = len(call.sent)
    stands(call, 1500, got)
    assert call.sent[before][1].start == got
    call.until(9000)
    (ended,) = call.told(do.AgentEnded)
    assert ended.heard == samples(LENGTH)


def test_a_texts_turn_comes_when_somebody_is_there() -> None:
    call = Call()
    breaks(call, 100)
    tea = call.injects("Your tea is ready.", at=1000)
    bus = call.injects("The bus leaves.", at=1000, expires_at=samples(3000))
    call.until(5000)
    assert call.injection(tea) == ["waiting"]
    assert call.injection(bus) == ["waiting", "dropped"]
    call.feed(on.ClientBack(samples(5000), None))
    call.until(9000)
    assert call.injection(tea)[-1] == "heard"


def test_what_a_slow_client_did_not_get_was_not_heard() -> None:
    call = answering()
    call.until(3000)
    start, end = samples(4 * WORD), samples(6 * WORD)
    call.feed(on.SoundDropped(samples(3000), turn_id(call), start, end))
    call.until(BEGINS + LENGTH + 1000)
    (ended,) = call.told(do.AgentEnded)
    assert ended.heard == samples(LENGTH) - (end - start)
    heard = ANSWER.split()
    assert ended.heard_text.split() == heard[:4] + heard[6:]
    # The last word is dropped when the turn is over, for all that the session knew.
    call.feed(on.SoundDropped(samples(call.time), turn_id(call), samples(LENGTH - WORD), samples(LENGTH)))
    (corrected,) = call.told(do.HeardCorrected)
    assert corrected.heard_text.split() == heard[:4] + heard[6:-1]


# The user's floor.


def asked(call: Call) -> list[str]:
    return [turn.text for turn in call.told(do.UserTurnEnded)]


def test_silence_that_nobody_made_ends_no_turn() -> None:
    call = Call()
    end = call.says("what time is it in", at=1000)
    # Voice activity takes the end of the sound for the end of the voice.
    breaks(call, end + 300)
    call.until(12_000)
    assert asked(call) == []
    call.feed(on.ClientBack(samples(12_000), ()))
    call.says("tokyo", at=12_200)
    call.until(15_000)
    assert asked(call) == ["what time is it in tokyo"]


def test_who_comes_back_and_says_nothing_more_is_answered() -> None:
    call = Call()
    breaks(call, call.says("how are you", at=1000) + 300)
    call.until(6000)
    call.feed(on.ClientBack(samples(6000), ()))
    call.until(10_000)
    assert asked(call) == ["how are you"]
    assert call.when(do.UserTurnEnded) > 6000
    assert call.told(do.AgentEnded)[0].status == "completed"


def test_a_turn_that_was_over_before_the_loss_is_decided_meanwhile_and_answered_afterwards() -> None:
    call = Call()
    breaks(call, call.says("how are you", at=1000) + 500)
    call.until(6000)
    assert asked(call) == ["how are you"]
    assert call.told(do.AgentStarted) == []
    call.feed(on.ClientBack(samples(6000), ()))
    call.until(6200)
    assert len(call.told(do.AgentStarted)) == 1


def over_the_agent(say: Callable[[Call], object]) -> Call:
    """The connection breaks while the user sounds over the agent, and stands again 5 s later."""
    call = answering()
    say(call)
    got = breaks(call, 1600)
    call.until(6600)
    assert call.told(do.BargeIn) == []
    stands(call, 6600, got)
    return call.until(9000)


def test_what_the_user_meant_over_the_agent_is_decided_as_if_no_time_had_passed() -> None:
    murmur = over_the_agent(lambda call: call.sounds(1400, 150))
    assert [event.kind for event in murmur.told(do.BargeIn)] == ["false_alarm"]
    wish = over_the_agent(lambda call: call.says("tell me about the moss instead", at=1400))
    assert [event.kind for event in wish.told(do.BargeIn)] == ["barge_in"]
    assert all(event.stop_ms < 300 for event in wish.told(do.BargeIn))


def test_a_sound_that_the_loss_cut_short_is_not_taken_for_a_long_one() -> None:
    call = answering()
    call.event(1460, lambda now: on.SpeechStarted(now, samples(1400)))
    got = breaks(call, 1500)
    stands(call, 6500, got)
    # The listeners hear its end when they hear something again.
    call.event(6700, lambda now: on.SpeechStopped(now, samples(1650)))
    call.until(12_000)
    assert [event.kind for event in call.told(do.BargeIn)] == ["false_alarm"]


def test_a_cough_out_of_the_gap_does_not_cut_the_agent() -> None:
    call = answering()
    got = breaks(call, 1500)
    stands(call, 5000, got)
    # The client kept its sound, and sends it in a burst: the listeners hear it late.
    call.event(5100, lambda now: on.SpeechStarted(now, samples(3000)))
    call.event(5140, lambda now: on.SpeechStopped(now, samples(3200)))
    call.until(12_000)
    assert [event.kind for event in call.told(do.BargeIn)] == ["false_alarm"]
    assert [ended.status for ended in call.told(do.AgentEnded)] == ["completed"]
