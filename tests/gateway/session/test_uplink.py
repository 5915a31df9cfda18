"""The user's sound on its way to the listeners."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.session.clock import ms, samples
from gateway.session.uplink import GAP, MOST_AHEAD, REST, SLACK, BufferFull, Uplink
from tests.gateway.session.driver import sound

CHUNK = 20


class Line:
    """A client and the gateway's ticks around an uplink; times in ms."""

    def __init__(self) -> None:
        self.uplink = Uplink()
        self.left = bytearray()
        self.said = 0
        """Samples sent so far, so that each differs from those near it."""

    def push(self, at: float, length: float, silent: bool = False) -> None:
        pcm = bytes(2 * samples(length)) if silent else sound(length, start=self.said)
        self.said += samples(length)
        self.uplink.push(pcm, samples(at))

    def tick(self, at: float) -> bytes:
        out = self.uplink.due(samples(at))
        self.left += out
        return out

    def ticks(self, start: float, end: float) -> None:
        at = start
        while at < end:
            self.tick(at)
            at += 20

    def streams(self, start: float, end: float, late: float = 0, silent: bool = False) -> None:
        """Chunks of 20 ms from `start` to `end`, each `late` ms after its last sample."""
        at = start
        while at < end:
            self.push(at + CHUNK + late, CHUNK, silent)
            self.tick(at + CHUNK + late)
            at += CHUNK

    def behind(self, now: float) -> float:
        """By how many ms the listeners are behind what the client has sent."""
        return ms(self.uplink.queued)


def test_sound_in_real_time_passes_at_once() -> None:
    line = Line()
    line.streams(0, 1000)
    assert line.left == sound(1000)
    assert line.uplink.position == samples(1000)
    assert line.uplink.clock(samples(400)) == samples(400)


def test_before_the_first_sound_nothing_leaves() -> None:
    line = Line()
    line.ticks(0, 2000)
    assert line.left == b""
    assert line.uplink.clock(100) == 0


def test_jitter_costs_neither_sound_nor_delay() -> None:
    line = Line()
    for at in range(0, 1000, 100):
        for _ in range(5):
            line.push(at + 100, CHUNK)
        line.ticks(at + 100, at + 200)
    assert line.left == sound(1000)
    assert line.behind(1100) == 0


def test_chunks_are_not_split_because_the_first_one_was_late() -> None:
    line = Line()
    for at in (80 + 70, *range(160, 1000, 80)):
        line.push(at, 80)
        line.tick(at)
        assert not line.behind(at), f"the chunk of {at} ms leaves whole"


def test_a_file_at_once_leaves_in_real_time() -> None:
    line = Line()
    line.push(0, 5000)
    line.ticks(0, 2001)
    assert ms(len(line.left) // 2) == pytest.approx(2000 + ms(SLACK), abs=20)
    line.ticks(2020, 6000)
    assert line.left[: 2 * samples(5000)] == sound(5000)


def test_a_burst_is_taken_up_to_60_s_and_then_refused_whole() -> None:
    line = Line()
    for _ in range(60):
        line.push(0, 1000)
    with pytest.raises(BufferFull) as caught:
        line.uplink.push(sound(20), 0)
    assert caught.value.code == "input_audio_buffer_full"
    assert line.uplink.queued == MOST_AHEAD
    line.tick(20)
    line.uplink.push(sound(20), samples(20))


def test_a_gap_of_half_a_second_counts_as_silence() -> None:
    line = Line()
    line.streams(0, 500)
    line.ticks(520, 980)
    assert line.left == sound(500)
    line.ticks(980, 2000)
    silence = line.left[2 * samples(500) :]
    assert not any(silence)
    assert ms(len(silence) // 2) >= 1000
    assert line.uplink.clock(line.uplink.position) == pytest.approx(samples(1980), abs=GAP)


def test_late_sound_after_a_gap_is_heard_whole_and_catches_up_in_its_pauses() -> None:
    line = Line()
    line.streams(0, 500)
    # The connection stalls for 700 ms; then all of it comes at once, and the user speaks on for 3 s.
    line.ticks(520, 1200)
    for _ in range(35):
        line.push(1200, CHUNK)
    line.streams(1200, 4200)
    assert line.behind(4200) > 200
    line.streams(4200, 5200, silent=True)
    assert line.behind(5200) <= ms(SLACK) + CHUNK
    heard = np.frombuffer(line.left, dtype="<i2")
    voiced = heard[heard != 0]
    assert len(voiced) == samples(500 + 700 + 3000), "no voice was left out"


def test_late_sound_catches_up_in_a_noisy_room_too() -> None:
    line = Line()
    line.streams(0, 500)
    line.ticks(520, 1200)
    for _ in range(35):
        line.push(1200, CHUNK)
    line.streams(1200, 2200)
    hum = (np.sin(np.arange(samples(CHUNK))) * 600).astype("<i2").tobytes()
    for at in range(2200, 5200, CHUNK):
        line.uplink.push(hum, samples(at + CHUNK))
        line.tick(at + CHUNK)
    assert line.behind(5200) <= ms(SLACK) + CHUNK


def test_pauses_in_a_file_are_kept() -> None:
    line = Line()
    line.push(0, 1000)
    line.push(0, 1000, silent=True)
    line.push(0, 1000)
    line.ticks(0, 4000)
    assert line.left[: 2 * samples(3000)] == sound(1000) + bytes(2 * samples(1000)) + sound(
        1000, start=48_000
    )


def test_after_a_short_pause_in_sending_the_clock_is_right_again() -> None:
    line = Line()
    line.streams(0, 500)
    # The client sent nothing for 300 ms: muted, not late.
    line.ticks(520, 820)
    line.streams(800, 1800)
    at = line.uplink.clock(line.uplink.position)
    assert ms(at) == pytest.approx(1800, abs=ms(SLACK))


def test_a_client_whose_clock_is_slow_gets_no_holes() -> None:
    line = Line()
    at = 0.0
    for _ in range(3000):
        at += CHUNK * 1.02
        line.push(at, CHUNK)
        line.tick(at)
    assert line.left == sound(60_000)
    assert ms(line.uplink.clock(line.uplink.position)) == pytest.approx(at, abs=2 * ms(SLACK))


def test_a_commit_hands_on_all_at_once() -> None:
    line = Line()
    line.push(100, 5000)
    assert line.uplink.flush(samples(100)) == sound(5000)
    assert line.uplink.queued == 0
    # What is said next is said now, not in five seconds.
    line.streams(200, 1200)
    assert ms(line.uplink.clock(line.uplink.position)) == pytest.approx(1200, abs=ms(SLACK))


def test_a_burst_that_was_committed_ended_by_then() -> None:
    line = Line()
    line.push(100, 5000)
    line.uplink.flush(samples(100))
    assert line.uplink.clock(samples(5000)) <= samples(100) + SLACK
    assert line.uplink.clock(samples(2500)) <= samples(100) + SLACK


def test_what_waits_can_be_forgotten() -> None:
    line = Line()
    line.push(0, 5000)
    line.tick(0)
    line.uplink.clear()
    assert line.uplink.queued == 0
    line.streams(20, 520)
    assert line.behind(520) == 0


# A client that was away.


def away(line: Line, start: float, end: float) -> None:
    """The connection is down from `start` to `end`."""
    line.uplink.hold()
    line.ticks(start, end)
    line.uplink.release(samples(end))


def test_that_nothing_comes_while_the_client_is_away_is_no_silence() -> None:
    line = Line()
    line.streams(0, 1000)
    away(line, 1000, 6000)
    assert line.left == sound(1000)


@pytest.mark.parametrize("pieces", [1, 10])
def test_sound_that_the_client_kept_is_heard_at_once_and_when_it_was_said(pieces: int) -> None:
    line = Line()
    line.streams(0, 1000)
    away(line, 1000, 6000)
    # It comes over a slow line, 100 ms a piece.
    at = 6000.0
    for _ in range(pieces):
        line.push(at, 5000 / pieces)
        line.tick(at)
        at += 100
    line.push(at, at - 6000)
    line.streams(at, at + 2000)
    assert line.left == sound(line.uplink.position * 1000 / 24_000)
    assert line.behind(at) == 0
    for position in (0.5, 2.5, 5.5, 7.5):
        assert ms(line.uplink.clock(samples(position * 1000))) == pytest.approx(position * 1000, abs=120)


@pytest.mark.parametrize("wait", [450, 900, 1800])
def test_what_the_client_kept_is_awaited_and_no_silence_put_before_it(wait: float) -> None:
    line = Line()
    line.streams(0, 1000)
    away(line, 1000, 3000)
    # A slow line takes so long for the first of it, and as long again for the rest.
    half, rest = 3000 + wait, 3000 + 2 * wait
    line.ticks(3000, half)
    line.push(half, 1000)
    line.ticks(half, rest)
    line.push(rest, rest - 2000)
    line.streams(rest, rest + 1000)
    assert line.left == sound(rest + 1000)
    assert line.uplink.clock(samples(1500)) == samples(1500)


def test_where_nothing_was_kept_what_follows_is_heard_right_behind() -> None:
    line = Line()
    line.streams(0, 1000)
    away(line, 1000, 6000)
    line.streams(6000, 8000)
    assert line.left == sound(3000)
    assert line.uplink.clock(line.uplink.position) == pytest.approx(samples(8000), abs=SLACK)


def test_a_client_that_comes_back_mute_brings_no_silence_of_before() -> None:
    line = Line()
    line.streams(0, 1000)
    away(line, 1000, 11_000)
    line.ticks(11_000, 14_000)
    silence = line.left[2 * samples(1000) :]
    assert not any(silence)
    assert ms(len(silence) // 2) <= 3000
    assert line.uplink.clock(line.uplink.position) == pytest.approx(samples(14_000), abs=GAP)


# Clocks, stalls and jitter.


def talks(line: Line, start: float, seconds: float, pace: float, voice: int = 150, pause: int = 40) -> float:
    """Chunks whose 20 ms last `pace` of that: so many of voice, so many of silence; returns the longest backlog."""
    longest = 0.0
    for place, at in enumerate(np.arange(start, start + 1000 * seconds, CHUNK * pace).tolist()):
        line.push(at, CHUNK, silent=place % (voice + pause) >= voice)
        line.tick(at)
        longest = max(longest, line.behind(at))
    return longest


@pytest.mark.parametrize("too_fast", [0.001, 0.005, 0.01])
def test_a_client_whose_clock_is_fast_is_not_heard_later_and_later(too_fast: float) -> None:
    line = Line()
    longest = talks(line, 0, 600, 1 / (1 + too_fast))
    # In ten minutes that is up to 6 s too much. Between two pauses it grows by 3 s of 1 %.
    assert longest < 200
    heard = np.frombuffer(line.left, "<i2")
    voiced = 600_000 * (1 + too_fast) * 150 / 190
    assert ms(int(np.count_nonzero(heard))) == pytest.approx(voiced, rel=0.002), "no voice was left out"


def test_a_long_speech_of_a_fast_clock_is_caught_up_with_when_it_ends() -> None:
    line = Line()
    talks(line, 0, 60, 1 / 1.005, pause=0)
    assert line.behind(60_000) > 200
    talks(line, 60_000, 5, 1.0, voice=50, pause=50)
    assert line.behind(65_000) < 100


def test_a_stall_of_five_seconds_is_caught_up_with_in_the_pauses() -> None:
    line = Line()
    line.streams(0, 1000)
    line.ticks(1000, 6000)
    line.push(6000, 5000)
    assert line.behind(6000) > 4000
    talks(line, 6000, 20, 1.0, voice=50, pause=50)
    assert line.behind(26_000) < 100


def test_a_file_that_is_sent_twice_as_fast_keeps_its_pauses() -> None:
    line = Line()
    talks(line, 0, 10, 0.5, voice=50, pause=50)
    line.ticks(10_000, 21_000)
    assert line.uplink.position >= samples(20_000)
    assert np.count_nonzero(np.frombuffer(line.left[: 2 * samples(20_000)], "<i2")) == samples(10_000)


def test_sound_from_before_a_long_sleep_is_over_when_it_has_been_heard_once() -> None:
    line = Line()
    line.streams(0, 1000)
    # The lid is closed for 15 s; what lay in the client's socket comes first, 2 s of it.
    line.ticks(1000, 16_000)
    line.push(16_000, 2000)
    talks(line, 16_000, 10, 1.0, voice=25, pause=75)
    assert line.behind(26_000) < 100
    at = line.uplink.clock(line.uplink.position)
    assert ms(at) == pytest.approx(26_000, abs=200)


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 400), min_size=20, max_size=150),
    st.floats(0.995, 1.005),
)
def test_jitter_below_half_a_second_costs_no_sound_and_puts_none_in(jitter: list[int], pace: float) -> None:
    line = Line()
    # In order, as TCP has it: a chunk that is late holds up those behind it.
    arrivals = np.maximum.accumulate([(i + 1) * CHUNK * pace + late for i, late in enumerate(jitter)])
    ticks = 0.0
    for at in arrivals:
        while ticks < at:
            line.tick(ticks)
            ticks += 20
        line.push(at, CHUNK)
    line.ticks(ticks, arrivals[-1] + 1000)
    said = sound(CHUNK * len(jitter))
    assert line.left.startswith(said), "in order, whole, with nothing between"
    assert not any(line.left[len(said) :])


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), st.integers(1, 900)),
        st.tuples(st.just("silence"), st.integers(1, 900)),
        st.tuples(st.just("wait"), st.integers(1, 900)),
        st.tuples(st.just("flush"), st.just(0)),
        st.tuples(st.just("clear"), st.just(0)),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(DEEDS)
def test_whatever_comes_positions_lie_on_the_clock_in_order(deeds: list[tuple[str, int]]) -> None:
    uplink, now, left = Uplink(), 0, 0
    for deed, length in deeds:
        match deed:
            case "push":
                uplink.push(sound(length), now)
            case "silence":
                uplink.push(bytes(2 * samples(length)), now)
            case "wait":
                end = now + samples(length)
                while now < end:
                    now = min(end, now + samples(20))
                    left += len(uplink.due(now)) // 2
            case "flush":
                left += len(uplink.flush(now)) // 2
            case "clear":
                uplink.clear()
        assert uplink.position == left
        assert uplink.clock(left) <= now + SLACK + REST
    times = [uplink.clock(position) for position in range(0, left + 1, samples(5))]
    assert times == sorted(times)
    assert all(time >= 0 for time in times)
