"""Laws of streaming: how sound is cut into calls, and what happens in other slots, changes nothing."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from services.speech import slots
from tests.services.speech.codec.sounds import Way, alone, close, live

few = settings(max_examples=6, deadline=None)


@few
@given(pieces=st.lists(st.integers(1, 5), min_size=4, max_size=8))
def test_streamed_equals_whole_at_any_cut(way: Way, pieces: list[int]) -> None:
    frames = way.material(sum(pieces), 0)
    assert close(alone(way, frames, pieces), alone(way, frames))


def test_streamed_equals_whole_long_past_the_window(way: Way) -> None:
    frames = way.material(40, 0)
    assert close(alone(way, frames, [1] * 40), alone(way, frames))


@few
@given(ticks=st.lists(st.sets(st.integers(0, 2)), min_size=8, max_size=20))
def test_a_slot_beside_others_that_come_and_pause_equals_the_slot_alone(
    way: Way, ticks: list[set[int]]
) -> None:
    state = way.fresh(3)
    frames = torch.stack([way.material(len(ticks), seed) for seed in range(3)])
    heard: list[list[int]] = [[], [], []]
    made: list[list[torch.Tensor]] = [[], [], []]
    for now in ticks:
        # Something lies in the place of a slot that sits out, too.
        index = [len(heard[slot]) if slot in now else len(ticks) - 1 for slot in range(3)]
        out = way.run(frames[range(3), index][:, None], state, live(3, now))
        for slot in now:
            heard[slot].append(index[slot])
            made[slot].append(out[slot])
    for slot in range(3):
        if heard[slot]:
            assert close(torch.cat(made[slot]), alone(way, frames[slot, : len(heard[slot])]))


@few
@given(frames=st.integers(1, 12))
def test_a_reset_slot_equals_a_fresh_one(way: Way, frames: int) -> None:
    state = way.fresh(2, 12)
    before = way.material(frames, 1)
    way.run(torch.stack([before, before]), state, live(2, {0, 1}))
    slots.reset(state, 1)
    after = way.material(10, 2)
    out = way.run(torch.stack([after, after]), state, live(2, {0, 1}))
    assert close(out[1], alone(way, after))
    assert not close(out[0], out[1])


@few
@given(frames=st.integers(0, 12))
def test_a_copied_slot_goes_on_like_the_one_it_was_copied_from(way: Way, frames: int) -> None:
    state, other = way.fresh(1), way.fresh(3)
    sound = way.material(frames + 8, 3)
    for frame in sound[:frames]:
        way.run(frame[None, None], state, live(1, {0}))
    slots.copy(state, 0, other, 2)
    rest = [way.run(frame.expand(3, 1, *frame.shape), other, live(3, {2}))[2] for frame in sound[frames:]]
    assert close(torch.cat(rest), alone(way, sound)[frames:])


def test_the_first_slots_are_a_smaller_batch_over_the_same_memory(way: Way) -> None:
    state = way.fresh(4)
    fewer = slots.part(state, slice(0, 2))
    frames = way.material(10, 4)
    out = []
    for number, frame in enumerate(frames):
        count, batch = (2, fewer) if number % 2 else (4, state)
        out.append(way.run(frame.expand(count, 1, *frame.shape), batch, live(count, {1}))[1])
    assert close(torch.cat(out), alone(way, frames))


def test_more_frames_than_the_state_was_made_for_are_refused(way: Way) -> None:
    state = way.fresh(1, 3)
    frames = way.material(4, 5)
    way.run(frames[None, :3], state, live(1, {0}))
    with pytest.raises(ValueError, match="8 positions at once, for which the state holds 6"):
        way.run(frames[None], state, live(1, {0}))
