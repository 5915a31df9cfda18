"""One frame of every slot: what was heard goes in, what is said next comes out.

Time has two readings. A *frame* is 80 ms of both voices. A *position* is what the transformer reads at once: of a
frame, the streams without delay; of the frame before, those that come one late. Position 0 holds the initial tokens
alone. At position `n` the model draws what stands at `n + 1`; with that the agent's frame `n` is whole.
"""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from services.speech import sampling
from services.speech.model import Model
from services.speech.sampling import Sampling
from services.speech.shapes import CODEBOOKS, FREE, ModelShape
from services.speech.transformer import TransformerState

TEXT, AGENT, USER = 0, slice(1, 1 + CODEBOOKS), slice(1 + CODEBOOKS, 1 + 2 * CODEBOOKS)
"""Where the streams stand among the 17."""


@dataclass(frozen=True, slots=True)
class StepState:
    """All that the language model remembers of each slot."""

    transformer: TransformerState
    tokens: Tensor
    """[slots, streams, max_delay + 2], int64. What stands at position `p` lies at `p % (max_delay + 2)`."""
    sampling: Sampling

    def first(self, length: int) -> "StepState":
        """The same slots with rings of `length` positions, over the same memory: for as long as none holds more."""
        return StepState(self.transformer.first(length), self.tokens, self.sampling)


def fresh(model: Model, slots: int, capacity: int | None = None) -> StepState:
    """A state of `slots` fresh slots, greedy. `capacity`: positions that the rings hold, the context if not said."""
    transformer = model.transformer.fresh(slots, capacity)
    device = transformer.position.device
    tokens = torch.zeros(
        slots, model.shape.streams, model.shape.max_delay + 2, dtype=torch.int64, device=device
    )
    return StepState(transformer, tokens, sampling.fresh(slots, device))


def step(model: Model, state: StepState, user: Tensor, forced: Tensor, live: Tensor) -> Tensor:
    """Run one frame.

    Args:
        user: [slots, CODEBOOKS], int64: the frame that was heard.
        forced: [slots, 1 + CODEBOOKS], int64: what has to stand at the next position instead of what the model would
            draw there, text first; `FREE` where it draws.
        live: [slots], bool. A slot that is not is left as it is.

    Returns:
        [slots, 1 + CODEBOOKS], int64: the frame that the agent says now, text first. `FREE` where a slot is not live,
        and for the first frames of one that was not primed.
    """
    position = state.transformer.position.clone()
    delays = _delays(model.shape, position.device)
    _put(state.tokens[:, USER], position[:, None] + delays[USER], user, live)
    hidden = read(model, model.embed(_take(model.shape, state.tokens, position)), state.transformer, live)[
        :, -1
    ]
    drawn = draw(model, hidden, forced, state.sampling, position + 1)
    said = slice(0, 1 + CODEBOOKS)
    _put(state.tokens[:, said], (position + 1)[:, None].expand_as(drawn), drawn, live)
    frame = _get(state.tokens[:, said], (position + 1 - model.shape.max_delay)[:, None] + delays[said])
    whole = live & (position + 1 > model.shape.max_delay)
    return torch.where(whole[:, None], frame, FREE)


def read(model: Model, x: Tensor, state: TransformerState, live: Tensor) -> Tensor:
    """Have the temporal transformer read positions x [slots, T, dim]. Returns what it writes, [slots, T, dim]."""
    return model.out_norm(model.transformer(x, state, live))  # type: ignore[no-any-return]


def draw(model: Model, hidden: Tensor, forced: Tensor, how: Sampling, position: Tensor) -> Tensor:
    """Draw the text and the agent's codes of one position.

    Args:
        hidden: [slots, dim], what was written at the position before.
        forced: [slots, 1 + CODEBOOKS], `FREE` where the model draws.
        position: [slots], at which they will stand: the noise depends on it.

    Returns:
        [slots, 1 + CODEBOOKS], int64, text first.
    """

    def choose(stream: int, logits: Tensor) -> Tensor:
        seed, temperature, top_k = (
            (how.text_seed, how.text_temperature, how.text_top_k)
            if stream == TEXT
            else (how.audio_seed, how.audio_temperature, how.audio_top_k)
        )
        token = sampling.draw(logits, temperature, top_k, sampling.key(seed, position, stream))
        return torch.where(forced[:, stream] == FREE, token, forced[:, stream])

    text = choose(TEXT, model.text_logits(hidden))
    codes = model.draw_codes(hidden, text, lambda step, logits: choose(1 + step, logits))
    return torch.cat([text[:, None], codes], dim=1)


@functools.cache
def initial(shape: ModelShape, device: torch.device) -> Tensor:
    """[streams], int64: what stands where a stream has not begun."""
    return torch.tensor([shape.text_card, *[shape.card] * (2 * CODEBOOKS)], device=device)


# Kept, since a CUDA graph can't take numbers from the host.
@functools.cache
def _delays(shape: ModelShape, device: torch.device) -> Tensor:
    """[streams], int64."""
    return torch.tensor(shape.delays, device=device)


def _take(shape: ModelShape, tokens: Tensor, position: Tensor) -> Tensor:
    """[slots, streams, 1]: what stands at `position`, the initial tokens where a stream has not begun."""
    begun = position[:, None] > _delays(shape, tokens.device)
    here = _get(tokens, position[:, None].expand(-1, shape.streams))
    return torch.where(begun, here, initial(shape, tokens.device))[:, :, None]


def _get(tokens: Tensor, positions: Tensor) -> Tensor:
    """tokens [slots, streams, kept] at positions [slots, streams]: [slots, streams]."""
    return tokens.gather(2, (positions % tokens.shape[2])[:, :, None])[:, :, 0]


def _put(tokens: Tensor, positions: Tensor, values: Tensor, live: Tensor) -> None:
    """Write values [slots, streams] at positions [slots, streams], of live slots alone."""
    index = (positions % tokens.shape[2])[:, :, None]
    before = tokens.gather(2, index)
    tokens.scatter_(2, index, torch.where(live[:, None, None], values[:, :, None], before))
