"""The agent's sound on its way: pacing, order, words."""

from uuid import UUID

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.session.clock import samples
from gateway.session.events import Word
from gateway.session.playout import FRAME_LEAD, LEAD, REST, Playout
from tests.gateway.session.driver import sound

TURN, OTHER = UUID(int=1), UUID(int=2)

PUSHES = st.lists(st.tuples(st.integers(0, 400), st.integers(1, 900)), min_size=1, max_size=30)
"""Pauses in ms, and pieces in samples times 7 (odd lengths, no piece like another)."""


def opened(lead: int = LEAD) -> Playout:
    playout = Playout(lead=lead)
    playout.open(TURN)
    return playout


@settings(deadline=None)
@given(PUSHES, st.integers(1, 60))
def test_all_sound_leaves_once_in_order_and_never_far_ahead(pushes: list[tuple[int, int]], tick: int) -> None:
    playout, now, given_, left = opened(), 0, b"", b""
    plays_until = 0

    def drain() -> None:
        nonlocal left, plays_until
        while piece := playout.due(now):
            left += piece.pcm
            plays_until = max(plays_until, now) + len(piece.pcm) // 2
            assert plays_until - now < LEAD + REST

    for pause, length in pushes:
        for _ in range(0, pause, tick):
            now += samples(tick)
            drain()
        pcm = sound(1000, start=len(given_) // 2)[: 2 * 7 * length]
        assert playout.push(TURN, pcm)
        given_ += pcm
    playout.finish(TURN)
    while not playout.played_out(now):
        now += samples(tick)
        drain()
    assert left == given_


def test_a_frame_of_an_engine_that_speaks_in_real_time_is_not_split_because_others_before_it_were_late() -> (
    None
):
    playout = opened(FRAME_LEAD)
    for at in (0, 80 + 110, 80 + 115, 240, 320):
        playout.push(TURN, sound(80))
        piece = playout.due(samples(at))
        assert piece
        assert len(piece.pcm) == len(sound(80)), f"the frame of {at} ms leaves whole"


def test_the_rest_of_a_frame_of_an_engine_in_real_time_does_not_wait_for_the_next_frame() -> None:
    playout, left = opened(FRAME_LEAD), []
    for at, length in ((0, 72), (20, 8)):
        playout.push(TURN, sound(length))
        left.append(playout.due(samples(at)))
    assert [len(piece.pcm) // 2 for piece in left if piece] == [samples(72), samples(8)]


def test_of_frames_that_wait_no_scraps_leave_in_between() -> None:
    playout = opened(FRAME_LEAD)
    playout.push(TURN, sound(1000))
    assert playout.due(0)
    for at in range(1, 20):
        playout.push(TURN, sound(80))
        assert not playout.due(samples(at)), "less than a piece has room by then"
    assert playout.due(samples(20))


@settings(deadline=None)
@given(PUSHES, st.lists(st.integers(20, 600), max_size=8))
def test_pausing_changes_when_sound_leaves_and_not_what(
    pushes: list[tuple[int, int]], pauses: list[int]
) -> None:
    playout, now, left = opened(), 0, b""
    given_ = b"".join(sound(1000)[: 14 * length] for _, length in pushes)
    playout.push(TURN, given_)
    playout.finish(TURN)
    switches = iter(np.cumsum(pauses).tolist())
    next_switch, paused = next(switches, None), False
    while not playout.played_out(now):
        now += samples(20)
        if next_switch is not None and now >= samples(next_switch):
            paused = not paused
            playout.pause(now) if paused else playout.resume()
            next_switch = next(switches, None)
        elif paused and next_switch is None:
            paused = False
            playout.resume()
        while piece := playout.due(now):
            left += piece.pcm
    before, after = np.frombuffer(given_, "<i2"), np.frombuffer(left, "<i2")
    assert len(after) == len(before)
    # Fades touch 20 ms a pause at most, and only ever make it quieter.
    changed = np.flatnonzero(after != before)
    assert len(changed) <= samples(20) * (len(pauses) // 2 + 1)
    assert np.all(np.abs(after[changed]) <= np.abs(before[changed]))


def test_words_leave_with_the_sound_in_which_they_begin() -> None:
    playout = opened()
    words = tuple(Word(str(i), samples(i * 100), samples(i * 100 + 100)) for i in range(5))
    playout.push(TURN, sound(500), words)
    playout.finish(TURN)
    told: list[tuple[int, str]] = []
    for now in range(0, samples(600), samples(20)):
        if piece := playout.due(now):
            told += [(now, word.text) for word in piece.words]
    assert [text for _, text in told] == ["0", "1", "2", "3", "4"]
    for at, text in told:
        assert -LEAD <= samples(int(text) * 100) - at - LEAD <= 0


def test_words_behind_the_last_sound_are_told_all_the_same() -> None:
    playout = opened()
    playout.push(TURN, sound(60))
    assert playout.due(0)
    playout.push(TURN, b"", (Word("late", samples(60), samples(60)),))
    playout.finish(TURN)
    piece = playout.due(samples(20))
    assert piece
    assert (piece.pcm, [word.text for word in piece.words]) == (b"", ["late"])
    assert playout.due(samples(40)) is None


def test_a_tiny_piece_waits_for_more_but_not_at_the_end() -> None:
    playout = opened()
    playout.push(TURN, sound(15))
    assert playout.due(0) is None
    playout.finish(TURN)
    assert playout.due(0) is not None


def test_sound_of_another_turn_is_refused() -> None:
    playout = opened()
    assert not playout.push(OTHER, sound(100))
    playout.finish(OTHER)
    assert playout.due(0) is None
    playout.end(TURN, 0)
    assert not playout.push(TURN, sound(100))
    assert playout.backlog == 0


def test_an_engine_far_ahead_is_told_by_the_backlog() -> None:
    playout = opened()
    playout.push(TURN, sound(3000))
    playout.due(0)
    assert playout.backlog == samples(3000) - LEAD


def test_pausing_tells_when_it_will_be_quiet() -> None:
    playout = opened()
    playout.push(TURN, sound(1000))
    playout.due(0)
    quiet_at = playout.pause(samples(20))
    assert quiet_at == LEAD + samples(10)
    tail = playout.due(samples(20))
    assert tail
    assert len(tail.pcm) == 2 * samples(10)
    assert playout.due(samples(500)) is None


def test_pausing_what_has_run_dry_sends_nothing() -> None:
    playout = opened()
    playout.push(TURN, sound(100))
    playout.due(0)
    playout.push(TURN, sound(100))
    assert playout.pause(samples(300)) == LEAD
    assert playout.due(samples(300)) is None


def test_resuming_before_the_last_bit_left_fades_nothing() -> None:
    playout = opened()
    playout.push(TURN, sound(1000))
    first = playout.due(0)
    playout.pause(samples(20))
    playout.resume()
    second = playout.due(samples(60))
    assert first
    assert second
    assert first.pcm + second.pcm == sound(1000)[: len(first.pcm + second.pcm)]
