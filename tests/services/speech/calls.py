"""Calls on a toy model: what each hears, and what the model says."""

import dataclasses

import torch
from torch import Tensor

from services.speech import sampling, stepping
from services.speech.codec.mimi import Mimi
from services.speech.model import Model
from services.speech.sampling import Drawing
from services.speech.savings import NONE, Savings
from services.speech.shapes import CODEBOOKS, FREE, TOY
from services.speech.stepping import StepState
from services.speech.toy_engine import seeded

NOTHING_FORCED = (FREE,) * (1 + CODEBOOKS)


EIGHT_BITS = Savings(weights="int8", kv="int8")


def toy_model(context: int = TOY.model.context, savings: Savings = NONE) -> Model:
    """The toy of seeded weights, looking back on so many frames."""
    model = seeded(lambda: Model(dataclasses.replace(TOY.model, context=context)))
    model.shrink(savings)
    return model


def toy_mimi() -> Mimi:
    """The toy's codec, of seeded weights."""
    return seeded(lambda: Mimi(TOY.codec))


def heard(frames: int, seed: int = 0) -> Tensor:
    """[frames, CODEBOOKS]: a user's codes."""
    numbers = torch.Generator().manual_seed(seed)
    return torch.randint(TOY.model.card, (frames, CODEBOOKS), generator=numbers)


def step(
    model: Model, state: StepState, slots: dict[int, Tensor], forced: dict[int, Tensor] | None = None
) -> Tensor:
    """A frame in which only some slots are live. Returns [slots, 1 + CODEBOOKS]."""
    count = len(state.tokens)
    user = torch.zeros(count, CODEBOOKS, dtype=torch.int64)
    force = torch.tensor(NOTHING_FORCED).repeat(count, 1)
    live = torch.zeros(count, dtype=torch.bool)
    for slot, codes in slots.items():
        user[slot], live[slot] = codes, True
    for slot, tokens in (forced or {}).items():
        force[slot] = tokens
    return stepping.step(model, state, user, force, live)


def alone(model: Model, user: Tensor, drawing: Drawing) -> list[list[int]]:
    """What the model says in a call that has the batch to itself, frame by frame."""
    state = stepping.fresh(model, 1)
    sampling.choose(state.sampling, 0, drawing)
    return [step(model, state, {0: codes})[0].tolist() for codes in user]
