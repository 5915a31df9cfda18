"""All calls on one device: each tick a frame of sound of every slot goes in, and one of sound and text comes out."""

from dataclasses import dataclass

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

    def __init__(self, model: Model, mimi: Mimi, count: int, sizes: tuple[int, ...] = ()) -> None:
        """Args:
        count: Slots.
        sizes: Smaller batches of the first slots that a tick can run instead of all, each recorded by itself.

        Raises:
            TooLittleMemory: for so many slots.
        """
        self.model, self.mimi, self.count = model, mimi, count
        self.device = model.out_norm.alpha.device
        check_memory(slots.size(fresh(model, mimi, 1)) * count, self.device, f"{count} calls at once")
        self.state = fresh(model, mimi, count)
        self.host = _desk(count, torch.device("cpu"), pinned=self.device.type == "cuda")
        self._there = self.host if self.device.type == "cpu" else _desk(count, self.device)
        # Recording runs the work: with no slot live it leaves all as it is.
        self._work = {
            size: recorded.record(lambda size=size: self._run(size), self.device)  # type: ignore[misc]
            for size in sorted({*sizes, count})
        }

    def join(self, slot: int, prefix: Prefix, drawing: Drawing) -> None:
        """Make a slot that of a call which was just primed."""
        for way in (self.state.ears, self.state.mouth):
            slots.reset(way, slot)
        priming.join(self.model, self.state.step, slot, prefix, drawing)

    def begin(self, slot: int, drawing: Drawing) -> None:
        """Make a slot that of a call without voice or persona. Its first frame says nothing."""
        self.leave(slot)
        sampling.choose(self.state.step.sampling, slot, drawing)

    def leave(self, slot: int) -> None:
        """Empty a slot."""
        slots.reset(self.state, slot)

    def start(self, count: int) -> None:
        """Begin a tick of the first `count` slots at least. On a GPU it goes on by itself until `wait`."""
        size = next(size for size in self._work if size >= count)
        if self._there is not self.host:
            for name in ("heard", "forced", "live"):
                getattr(self._there, name).copy_(getattr(self.host, name), non_blocking=True)
        self._work[size]()
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

    def _run(self, size: int) -> None:
        state, desk = slots.part(self.state, slice(0, size)), slots.part(self._there, slice(0, size))
        user = self.mimi.encode(desk.heard, state.ears, desk.live)[:, :, 0]
        tokens = stepping.step(self.model, state.step, user, desk.forced, desk.live)
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
