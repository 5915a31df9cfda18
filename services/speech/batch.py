"""All calls on one device: each tick a frame of sound of every slot goes in, and one of sound and text comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from services.speech import priming, recorded, sampling, slots, stepping
from services.speech.codec.mimi import DecoderState, EncoderState, Mimi
from services.speech.machine import check_memory
from services.speech.model import Model
from services.speech.priming import Prefix
from services.speech.sampling import Drawing
from services.speech.shapes import CODEBOOKS, FRAME_SAMPLES, FREE
from services.speech.stepping import StepState

TOKENS = 1 + CODEBOOKS
"""Of the agent, in a frame: text first."""
SIZES = (1, 4, 16)
"""Smaller batches, of the first slots: a tick runs one where no later slot has a frame. Callers get the lowest."""


@dataclass(frozen=True, slots=True)
class BatchState:
    """All that is remembered of each slot."""

    ears: EncoderState
    step: StepState
    mouth: DecoderState


@dataclass(frozen=True, slots=True)
class Desk:
    """What passes between the host and the device in a tick."""

    heard: Tensor
    """[slots, FRAME_SAMPLES], float32, -1 to 1."""
    forced: Tensor
    """[slots, TOKENS], int64: see `stepping.step`."""
    live: Tensor
    """[slots], bool: who has a frame."""
    said: Tensor
    """[slots, TOKENS + FRAME_SAMPLES], int32: tokens, then the bits of the samples. One tensor, so one copy down."""

    @property
    def tokens(self) -> Tensor:
        """[slots, TOKENS], int32. `FREE` where a slot says nothing yet, or was not live."""
        return self.said[:, :TOKENS]

    @property
    def sound(self) -> Tensor:
        """[slots, FRAME_SAMPLES], float32; silence where the tokens are `FREE`."""
        return self.said[:, TOKENS:].view(torch.float32)


class Batch:
    """The slots, their state on the device, and the tick.

    One thread owns it, in torch's inference mode. It fills `host`, calls `tick`, and reads `host` again.
    """

    def __init__(
        self,
        model: Model,
        mimi: Mimi,
        count: int,
        sizes: Sequence[int] = SIZES,
        lengths: Sequence[int] = (),
    ) -> None:
        """Args:
        count: Slots.
        sizes: Smaller batches that a tick can run instead of all, each recorded by itself.
        lengths: Positions of the rings' beginnings that a tick can read instead of all, while no slot holds more.
            Each is recorded by itself, for each size.

        Raises:
            TooLittleMemory: for so many slots.
        """
        self.model, self.mimi, self.count = model, mimi, count
        self.device = model.out_norm.alpha.device
        check_memory(slots.size(fresh(model, mimi, 1)) * count, self.device, f"{count} calls at once")
        self.state = fresh(model, mimi, count)
        self.host = _desk(count, torch.device("cpu"), pinned=self.device.type == "cuda")
        self._there = self.host if self.device.type == "cpu" else _desk(count, self.device)
        # Positions that each slot holds. The device knows them, too, but is not to be waited for.
        self._ages = [0] * count
        context = model.shape.context
        self._sizes = sorted({*(size for size in sizes if size < count), count})
        self._lengths = sorted({*(length for length in lengths if length < context), context})
        # Recording runs the work: with no slot live it leaves all as it is. The largest comes first.
        self._work = recorded.record(
            {
                (size, length): partial(self._run, size, length)
                for size in reversed(self._sizes)
                for length in reversed(self._lengths)
            },
            self.device,
        )

    def join(self, slot: int, prefix: Prefix, drawing: Drawing) -> None:
        """Make an empty slot that of a call which was just primed."""
        priming.join(self.model, self.state.step, slot, prefix, drawing)
        self._ages[slot] = prefix.frames

    def begin(self, slot: int, drawing: Drawing) -> None:
        """Make an empty slot that of a call without voice or persona. Its first frame says nothing."""
        sampling.choose(self.state.step.sampling, slot, drawing)

    def leave(self, slot: int) -> None:
        """Empty a slot: nothing of a call stays behind it, and the next one begins with zeros."""
        slots.reset(self.state, slot)
        self._ages[slot] = 0

    def age(self, frames: int) -> None:
        """Make every slot as old as a call after so many frames. What it remembers of them is whatever lies there."""
        for way in (self.state.ears, self.state.mouth):
            way.transformer.position.fill_(frames * self.mimi.positions)
        self.state.step.transformer.position.fill_(frames)
        self._ages = [frames] * self.count

    def start(self, count: int) -> None:
        """Begin a tick of the first `count` slots at least. On a GPU it goes on by itself until `wait`."""
        size = next(size for size in self._sizes if size >= count)
        length = self.length(size)
        for slot, live in enumerate(self.host.live[:size].tolist()):
            self._ages[slot] += live
        if self._there is not self.host:
            for name in ("heard", "forced", "live"):
                getattr(self._there, name).copy_(getattr(self.host, name), non_blocking=True)
        self._work[size, length]()
        if self._there is not self.host:
            self.host.said.copy_(self._there.said, non_blocking=True)

    def wait(self) -> None:
        """Until what was said is on the host."""
        if self.device.type == "cuda":
            torch.cuda.current_stream(self.device).synchronize()

    def tick(self, count: int) -> None:
        """A whole tick."""
        self.start(count)
        self.wait()

    def length(self, size: int) -> int:
        """Positions of the rings that a tick of the first `size` slots has to read now.

        Who sits it out counts, too: what is written for them must not come to lie on what they hold. Rings that have
        wrapped are read whole.
        """
        filled = max(self._ages[:size]) + 1
        return next((length for length in self._lengths if length >= filled), self._lengths[-1])

    def _run(self, size: int, length: int) -> None:
        state, desk = slots.part(self.state, slice(0, size)), slots.part(self._there, slice(0, size))
        user = self.mimi.encode(desk.heard, state.ears, desk.live)[:, :, 0]
        tokens = stepping.step(self.model, state.step.first(length), user, desk.forced, desk.live)
        speaks = tokens[:, 1] != FREE
        sound = self.mimi.decode(tokens[:, 1:, None], state.mouth, speaks)
        desk.tokens.copy_(tokens)
        desk.sound.copy_(sound * speaks[:, None])


def fresh(model: Model, mimi: Mimi, count: int) -> BatchState:
    """What so many fresh slots remember, on the model's device."""
    return BatchState(mimi.fresh_encoder(count), stepping.fresh(model, count), mimi.fresh_decoder(count))


def _desk(count: int, device: torch.device, pinned: bool = False) -> Desk:
    def empty(*shape: int, dtype: torch.dtype) -> Tensor:
        return torch.zeros(count, *shape, dtype=dtype, device=device, pin_memory=pinned)

    desk = Desk(
        heard=empty(FRAME_SAMPLES, dtype=torch.float32),
        forced=empty(TOKENS, dtype=torch.int64),
        live=empty(dtype=torch.bool),
        said=empty(TOKENS + FRAME_SAMPLES, dtype=torch.int32),
    )
    desk.forced.fill_(FREE)
    return desk
