"""All calls on one device, sound to sound."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from services.speech import machine, priming, recorded, slots, stepping
from services.speech.batch import Batch
from services.speech.codec.mimi import Mimi
from services.speech.errors import TooLittleMemory
from services.speech.model import Model
from services.speech.priming import VoiceCodes, VoiceEmbeddings
from services.speech.sampling import GREEDY, Drawing
from services.speech.savings import NONE, Savings
from services.speech.shapes import FRAME_SAMPLES, FREE, TOY
from tests.services.speech.calls import EIGHT_BITS, heard, toy_model

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


class Questions(TorchDispatchMode):
    """Notes each operation at which the host would wait for a GPU."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.asked: list[str] = []
        self.seen = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen += 1
        if asks(func, args):
            self.asked.append(str(func))
        return func(*args, **(kwargs or {}))


def asks(func: Any, args: Any) -> bool:
    """For a number out of a tensor, a shape that depends on values, or a tensor made of the host's numbers."""
    if func is torch.ops.aten.index.Tensor:  # Its shape depends on values where a mask picks them.
        return any(index is not None and index.dtype is torch.bool for index in args[1])
    tags = {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape}
    return bool(tags & set(func.tags)) or func is torch.ops.aten.lift_fresh.default


def test_a_tick_asks_the_device_for_nothing_until_it_has_ended(model: Model, mimi: Mimi) -> None:
    batch = Batch(model, mimi, 2)
    for slot in range(2):
        batch.join(slot, prefix(model), Drawing(seed=slot))
    tick(batch, {0: sound(1)[0]})  # What is made once and kept has been made.
    batch.host.live.fill_(True)
    with Questions() as questions:
        batch.start(2)
    assert questions.seen > 100
    assert questions.asked == []


@pytest.mark.parametrize(
    "question",
    [lambda x: x.sum().item(), lambda x: x.nonzero(), lambda x: x[x > 0], lambda x: x + torch.tensor([1, 2])],
)
def test_a_question_is_noted(question: Any) -> None:
    with Questions() as questions:
        question(torch.ones(2))
    assert len(questions.asked) == 1


def test_off_a_gpu_work_is_recorded_as_it_is() -> None:
    done: list[int] = []
    works = recorded.record({"one": lambda: done.append(1)}, torch.device("cpu"))
    assert done == []
    works["one"]()
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


@pytest.mark.parametrize("savings", [NONE, EIGHT_BITS], ids=["as published", "in 8 bits"])
def test_reading_what_is_filled_says_the_same_as_reading_all(mimi: Mimi, savings: Savings) -> None:
    """Slots of all ages beside each other: they join, sit ticks out, outlive the ring, leave."""
    model, frames = toy_model(context=48, savings=savings), 64
    heard_by = [sound(frames, seed) for seed in range(3)]
    first, last = {0: 0, 1: 20, 2: 50}, {0: 54, 1: 54, 2: frames}

    def play(batch: Batch) -> tuple[list[Said], list[int]]:
        said, read = [], []
        for now in range(frames):
            for slot in range(3):
                if now == first[slot]:
                    batch.join(slot, prefix(model), Drawing(seed=slot))
                if now == last[slot]:
                    batch.leave(slot)
            live = [slot for slot in range(3) if first[slot] <= now < last[slot] and (now + slot) % 4]
            read.append(batch.length(batch.count))
            found = tick(batch, {slot: heard_by[slot][now] for slot in live})
            said += [found[slot] for slot in live]
        return said, read

    expected, whole = play(Batch(model, mimi, 3))
    said, filled = play(Batch(model, mimi, 3, lengths=(24, 32, 2000)))
    assert same(said, expected)
    assert set(whole) == {48}
    # A prefix has 19 positions; slot 0 sits out one tick in four, and leaves after the ring has wrapped.
    assert [filled.index(length) for length in (24, 32, 48)] == [0, 7, 18]
    assert filled[17:54] == [32] + [48] * 36
    assert filled[54:] == [24] * 3 + [32] * 7


def test_a_slot_that_sits_out_keeps_what_it_holds_beside_younger_ones(mimi: Mimi) -> None:
    model, frames = toy_model(context=48), sound(16)
    batch = Batch(model, mimi, 2, lengths=(24,))
    batch.join(0, prefix(model), Drawing(seed=1))
    said = [tick(batch, {0: frame})[0] for frame in frames[:8]]
    batch.join(1, prefix(model), Drawing(seed=2))
    for frame in sound(4, seed=1):
        tick(batch, {1: frame})
    said += [tick(batch, {0: frame})[0] for frame in frames[8:]]
    assert same(said, call(model, mimi, frames, Drawing(seed=1)))


def test_a_batch_of_an_age_reads_so_much(model: Model, mimi: Mimi) -> None:
    lengths = Savings(attention="filled").lengths(TOY.model.context)
    assert lengths == (64, 128, 192)
    batch = Batch(model, mimi, 2, sizes=(1,), lengths=lengths)
    for age, length in ((0, 64), (63, 64), (64, 128), (191, 192), (192, 300), (10_000, 300)):
        batch.age(age)
        assert {batch.length(size) for size in (1, 2)} == {length}
        batch.tick(2)
    batch.leave(1)
    assert (batch.length(1), batch.length(2)) == (300, 300)
    batch.leave(0)
    assert batch.length(2) == 64
