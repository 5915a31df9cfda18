"""Laws of streaming: what a call hears and says is its own affair, whatever happens in the other slots."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from services.speech import sampling, slots, stepping
from services.speech.model import Model
from services.speech.sampling import Drawing
from services.speech.savings import NONE
from services.speech.shapes import CODEBOOKS, FREE
from tests.services.speech.calls import EIGHT_BITS, alone, heard, step, toy_model

drawings = st.builds(
    Drawing,
    seed=st.integers(-(2**63), 2**63 - 1),
    text_temperature=st.sampled_from([0.0, 0.7]),
    audio_temperature=st.sampled_from([0.0, 0.8, 1.5]),
    text_top_k=st.integers(1, 250),
    audio_top_k=st.integers(1, 250),
)


@pytest.fixture(scope="module", params=[NONE, EIGHT_BITS], ids=["as published", "in 8 bits"])
def model(request: pytest.FixtureRequest) -> Model:
    return toy_model(savings=request.param)


few = settings(max_examples=6, deadline=None)


@few
@given(
    drawings=st.lists(drawings, min_size=3, max_size=3),
    live=st.lists(st.sets(st.integers(0, 2)), min_size=10, max_size=25),
)
def test_a_slot_beside_others_that_come_and_pause_equals_the_slot_alone(
    model: Model, drawings: list[Drawing], live: list[set[int]]
) -> None:
    state = stepping.fresh(model, 3)
    for slot, drawing in enumerate(drawings):
        sampling.choose(state.sampling, slot, drawing)
    users = [heard(len(live), seed) for seed in range(3)]
    said: list[list[list[int]]] = [[], [], []]
    for now in live:
        frame = step(model, state, {slot: users[slot][len(said[slot])] for slot in now})
        for slot in now:
            said[slot].append(frame[slot].tolist())
        assert all((frame[slot] == FREE).all() for slot in {0, 1, 2} - now)
    for slot, drawing in enumerate(drawings):
        assert said[slot] == alone(model, users[slot][: len(said[slot])], drawing)


@few
@given(first=drawings, second=drawings, frames=st.integers(1, 30))
def test_a_reset_slot_equals_a_fresh_one(model: Model, first: Drawing, second: Drawing, frames: int) -> None:
    state = stepping.fresh(model, 2)
    sampling.choose(state.sampling, 1, first)
    for codes in heard(frames, seed=1):
        step(model, state, {0: codes, 1: codes})
    slots.reset(state, 1)
    sampling.choose(state.sampling, 1, second)
    user = heard(20, seed=2)
    assert [step(model, state, {0: codes, 1: codes})[1].tolist() for codes in user] == alone(
        model, user, second
    )


@few
@given(drawing=drawings, frames=st.integers(0, 30))
def test_a_copied_slot_goes_on_like_the_one_it_was_copied_from(
    model: Model, drawing: Drawing, frames: int
) -> None:
    state, other = stepping.fresh(model, 1), stepping.fresh(model, 3)
    sampling.choose(state.sampling, 0, drawing)
    user = heard(frames + 10)
    for codes in user[:frames]:
        step(model, state, {0: codes})
    slots.copy(state, 0, other, 2)
    for codes in user[frames:]:
        assert step(model, state, {0: codes})[0].tolist() == step(model, other, {2: codes})[2].tolist()


def test_the_first_slots_are_a_smaller_batch_over_the_same_memory(model: Model) -> None:
    state, user = stepping.fresh(model, 4), heard(12)
    few_slots = slots.part(state, slice(0, 2))
    drawing = Drawing(seed=5)
    sampling.choose(state.sampling, 1, drawing)
    said = [
        step(model, few_slots if n % 2 else state, {1: codes})[1].tolist() for n, codes in enumerate(user)
    ]
    assert said == alone(model, user, drawing)


def test_a_seed_repeats_and_another_does_not(model: Model) -> None:
    user = heard(20)
    assert alone(model, user, Drawing(seed=7)) == alone(model, user, Drawing(seed=7))
    assert alone(model, user, Drawing(seed=7)) != alone(model, user, Drawing(seed=8))


def test_codes_may_have_a_seed_of_their_own(model: Model) -> None:
    user = heard(20)
    assert alone(model, user, Drawing(seed=7, audio_seed=7)) == alone(model, user, Drawing(seed=7))
    assert alone(model, user, Drawing(seed=7, audio_seed=8)) != alone(model, user, Drawing(seed=7))


def test_a_frame_is_looked_back_on_for_as_long_as_the_context_and_no_longer() -> None:
    """What one layer writes is what the next reads, so the values of the second show what the first looked back on."""
    context, odd = 12, 3
    model = toy_model(context)
    values: list[list[Tensor]] = [[], []]
    for call, code in enumerate((1, 2)):
        state = stepping.fresh(model, 1)
        user = heard(3 * context)
        user[odd, 0] = code  # The semantic code, which stands at one position alone.
        for position, codes in enumerate(user):
            step(model, state, {0: codes}, forced={0: codes.new_zeros(1 + CODEBOOKS)})
            values[call].append(state.transformer.rings[1].values[0, :, position % context].clone())
    parted = [n for n, (one, other) in enumerate(zip(*values, strict=True)) if not torch.equal(one, other)]
    assert parted == list(range(odd, odd + context))
