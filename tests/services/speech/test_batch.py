"""All calls on one device, sound to sound."""

import pytest
import torch
from torch import Tensor

from services.speech import machine, priming, recorded, slots, stepping
from services.speech.batch import Batch
from services.speech.codec.mimi import Mimi
from services.speech.errors import TooLittleMemory
from services.speech.model import Model
from services.speech.priming import VoiceCodes, VoiceEmbeddings
from services.speech.sampling import GREEDY, Drawing
from services.speech.shapes import FRAME_SAMPLES, FREE, TOY
from tests.services.speech.calls import heard, toy_model

Said = tuple[list[int], Tensor]
"""Tokens of a frame, and its sound."""


def sound(frames: int, seed: int = 0) -> Tensor:
    numbers = torch.Generator().manual_seed(seed)
    return torch.randn(frames, FRAME_SAMPLES, generator=numbers) * 0.1


def tick(batch: Batch, frames: dict[int, Tensor], count: int | None = None) -> dict[int, Said]:
    batch.host.live.zero_()
    for slot, frame in frames.items():
        batch.host.heard[slot], batch.host.live[slot] = frame, True
    batch.tick(batch.count if count is None else count)
    return {
        slot: (batch.host.tokens[slot].tolist(), batch.host.sound[slot].clone())
        for slot in range(batch.count)
    }


def same(one: list[Said], other: list[Said]) -> bool:
    assert [tokens for tokens, _ in one] == [tokens for tokens, _ in other]
    return all(torch.allclose(a, b, atol=1e-5) for (_, a), (_, b) in zip(one, other, strict=True))


def call(model: Model, mimi: Mimi, frames: Tensor, drawing: Drawing) -> list[Said]:
    """A call that has a batch to itself."""
    batch = Batch(model, mimi, 1)
    batch.join(0, prefix(model), drawing)
    return [tick(batch, {0: frame})[0] for frame in frames]


def prefix(model: Model) -> priming.Prefix:
    return priming.prefill(model, priming.script(model.shape, VoiceCodes(heard(5, seed=9).T), [7, 8]))


def test_a_tick_hears_steps_and_speaks(model: Model, mimi: Mimi) -> None:
    """The same by hand: encode, step, decode."""
    frames = sound(8)
    state = stepping.fresh(model, 1)
    priming.join(model, state, 0, prefix(model), GREEDY)
    ears, mouth, live = mimi.fresh_encoder(1), mimi.fresh_decoder(1), torch.ones(1, dtype=torch.bool)
    expected = []
    for frame in frames:
        codes = mimi.encode(frame[None], ears, live)[:, :, 0]
        tokens = stepping.step(model, state, codes, torch.full((1, 9), FREE), live)
        expected.append((tokens[0].tolist(), mimi.decode(tokens[:, 1:, None], mouth, live)[0]))
    assert same(call(model, mimi, frames, GREEDY), expected)
    assert all(float(spoken.square().mean()) > 1e-6 for _, spoken in expected)


def test_a_model_in_bfloat16_as_on_a_gpu_speaks_too(mimi: Mimi) -> None:
    model = toy_model().to(torch.bfloat16)
    voice = VoiceEmbeddings(torch.randn(5, TOY.model.temporal.dim), torch.ones(17, 4, dtype=torch.int64))
    batch = Batch(model, mimi, 2)
    for slot in range(2):
        batch.join(
            slot, priming.prefill(model, priming.script(model.shape, voice, [7, 8])), Drawing(seed=slot)
        )
    assert {ring.keys.dtype for ring in batch.state.step.transformer.rings} == {torch.bfloat16}
    for frame in sound(3):
        for tokens, spoken in tick(batch, {0: frame, 1: frame}).values():
            assert FREE not in tokens
            assert float(spoken.square().mean()) > 1e-6


def test_a_call_beside_others_that_come_late_equals_the_call_alone(model: Model, mimi: Mimi) -> None:
    batch, kept = Batch(model, mimi, 3), prefix(model)
    heard_by = [sound(12, seed) for seed in range(3)]
    for slot in range(3):
        batch.join(slot, kept, Drawing(seed=slot))
    said: list[list[Said]] = [[], [], []]
    for now in range(12):
        late = {0: now % 3 == 0, 1: False, 2: now % 2 == 0}
        frames = {slot: heard_by[slot][len(said[slot])] for slot in range(3) if not late[slot]}
        found = tick(batch, frames)
        for slot in frames:
            said[slot].append(found[slot])
    for slot in range(3):
        alone = call(model, mimi, heard_by[slot][: len(said[slot])], Drawing(seed=slot))
        assert same(said[slot], alone)


def test_a_slot_without_a_frame_says_nothing(model: Model, mimi: Mimi) -> None:
    batch = Batch(model, mimi, 2)
    for slot in range(2):
        batch.join(slot, prefix(model), GREEDY)
    _, (tokens, spoken) = tick(batch, {0: sound(1)[0]}).values()
    assert tokens == [FREE] * 9
    assert not spoken.any()


def test_a_slot_that_was_not_primed_is_silent_for_its_first_frame(model: Model, mimi: Mimi) -> None:
    batch, frames = Batch(model, mimi, 1), sound(2)
    first, second = (tick(batch, {0: frame})[0] for frame in frames)
    assert first[0] == [FREE] * 9
    assert not first[1].any()
    assert FREE not in second[0]
    codes, one = torch.tensor(second[0][1:])[None, :, None], torch.tensor([True])
    assert torch.allclose(second[1], mimi.decode(codes, mimi.fresh_decoder(1), one)[0], atol=1e-5)


def test_a_tick_of_the_first_slots_equals_one_of_all(model: Model, mimi: Mimi) -> None:
    batch, frames = Batch(model, mimi, 4, sizes=(1, 2)), sound(9)
    batch.join(1, prefix(model), Drawing(seed=4))
    found = [tick(batch, {1: frame}, count=2 if now % 2 else 4)[1] for now, frame in enumerate(frames)]
    assert same(found, call(model, mimi, frames, Drawing(seed=4)))


def test_who_comes_after_another_finds_nothing_of_theirs(model: Model, mimi: Mimi) -> None:
    batch, frames = Batch(model, mimi, 1), sound(6, seed=2)
    batch.join(0, prefix(model), Drawing(seed=1))
    for frame in sound(7, seed=3):
        tick(batch, {0: frame})
    batch.leave(0)
    batch.join(0, prefix(model), Drawing(seed=2))
    assert same([tick(batch, {0: frame})[0] for frame in frames], call(model, mimi, frames, Drawing(seed=2)))


def test_what_is_forced_is_what_is_said(model: Model, mimi: Mimi) -> None:
    batch = Batch(model, mimi, 1)
    batch.join(0, prefix(model), GREEDY)
    batch.host.forced[0, 0] = 42
    frames = sound(3)
    assert [tick(batch, {0: frame})[0][0][0] for frame in frames][1:] == [42, 42]


def test_off_a_gpu_work_is_recorded_as_it_is() -> None:
    done: list[int] = []
    work = recorded.record(lambda: done.append(1), torch.device("cpu"))
    assert done == []
    work()
    assert done == [1]


@pytest.mark.parametrize("count", [1, 3])
def test_a_batch_says_what_a_slot_takes(model: Model, mimi: Mimi, count: int) -> None:
    one = slots.size(Batch(model, mimi, 1).state)
    assert slots.size(Batch(model, mimi, count).state) == count * one


def test_slots_that_do_not_fit_are_told_before_they_are_made(
    model: Model, mimi: Mimi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "free_memory", lambda device: 10**6)
    with pytest.raises(TooLittleMemory, match="64 calls at once needs"):
        Batch(model, mimi, 64)
