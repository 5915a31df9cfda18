"""Golden vectors of the language model, made by Kyutai's: `moshi` 0.2.13 over the same seeded weights, greedy.

It runs in an environment that has their package (`make parity`). `services/speech` gives it the names, shapes and
values of the weights, and nothing else.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from moshi.models.lm import LMGen, LMModel
from torch import Tensor

from services.speech import toy
from services.speech.model import Model
from services.speech.shapes import CODEBOOKS, FREE, TEXT_PAD, TOY, ModelShape, TransformerShape
from tests.parity import vector
from tests.parity.vector import NOTHING_FORCED, Step, Tokens, Vector

SILENCE = (948, 243, 1178, 546, 1736, 1030, 1978, 2008)
SINE = (430, 1268, 381, 1611, 1095, 1495, 56, 472)
"""PersonaPlex's, written down once more: what is compared must not come from what it is compared with."""


def make(folder: Path) -> None:
    """Make all vectors anew."""
    for name, calls in {
        "live": live(),
        "wrap": wrap(),
        "slots": beside_others(),
        "injected": injected(),
        "primed": primed(),
    }.items():
        vector.write(answer(calls), folder / f"{name}.json")


def live() -> Vector:
    """A call that was not primed."""
    return Vector(300, 1, tuple((Step(0, user),) for user in codes(200, seed=1)))


def wrap() -> Vector:
    """A call that is ten times as long as what the model looks back on."""
    return Vector(24, 1, tuple((Step(0, user),) for user in codes(240, seed=2)))


def beside_others() -> Vector:
    """Three slots: one lives always, one every other frame, one now and then. In two of them a second call begins."""
    heard = [codes(160, seed=seed) for seed in (3, 4, 5)]
    now_and_then = list(numbers(160, 5, seed=6))
    frames = []
    for n in range(160):
        live = (True, n % 2 == 0, now_and_then[n] > 1)
        begins = (False, n == 70, n >= 100 and not any(now_and_then[k] > 1 for k in range(100, n)))
        frames.append(tuple(Step(s, heard[s][n], begins=begins[s]) for s in range(3) if live[s]))
    return Vector(24, 3, tuple(frames))


def injected() -> Vector:
    """A call in which text is forced now and then, and once, for a second and a half, text and voice."""
    text, voice = numbers(160, TOY.model.text_card, seed=7), codes(160, seed=8)
    frames = []
    for n, user in enumerate(codes(160, seed=9)):
        forced = NOTHING_FORCED
        if n % 5 == 3:
            forced = (text[n], *NOTHING_FORCED[1:])
        if 80 <= n < 100:
            forced = (text[n], *voice[n])
        frames.append((Step(0, user, forced),))
    return Vector(64, 1, tuple(frames))


def primed() -> Vector:
    """A call as PersonaPlex primes it, by the sound of a voice, and past the wrap of its ring."""
    # `tests/vectors/personaplex/audio.json` holds the same call.
    voice, prompt = codes(40, seed=10), numbers(20, TOY.model.text_card, seed=11)
    text = [*[TEXT_PAD] * (40 + 6), *prompt, *[TEXT_PAD] * 6]
    agent = [*voice, *[SILENCE] * (6 + 20 + 6)]
    frames = []
    for n, (_, voice_now) in enumerate(zip(text, agent, strict=True)):
        # At position n + 1 stand the text and the semantic code of frame n + 1, and the acoustic codes of frame n.
        early = (text[n + 1], agent[n + 1][0]) if n + 1 < len(text) else (FREE, FREE)
        frames.append((Step(0, SINE, (*early, *voice_now[1:])),))
    return Vector(300, 1, (*frames, *((Step(0, user),) for user in codes(260, seed=12))))


def answer(calls: Vector) -> Vector:
    """Have Kyutai's model say what comes out."""
    slots = range(calls.slots)
    forced = torch.full((calls.slots, 1 + CODEBOOKS), FREE)
    model = reference(dataclasses.replace(TOY.model, context=calls.context))
    generator = LMGen(
        model,
        use_sampling=False,
        support_out_of_sync=True,
        on_text_hook=_put(lambda: forced[:, 0]),
        on_audio_hook=_put(lambda: forced[:, 1:]),
    )
    said = []
    with torch.no_grad(), generator.streaming(calls.slots):
        for frame in calls.frames:
            steps = {step.slot: step for step in frame}
            if any(step.begins for step in frame):
                generator.reset_streaming(torch.tensor([s in steps and steps[s].begins for s in slots]))
            generator.set_exec_mask(torch.tensor([s in steps for s in slots]))
            forced = torch.tensor([steps[s].forced if s in steps else NOTHING_FORCED for s in slots])
            user = torch.tensor([steps[s].user if s in steps else [0] * CODEBOOKS for s in slots])
            out = generator.step(user[:, :, None])[:, :, 0].tolist()
            said.append(tuple(dataclasses.replace(step, said=tuple(out[step.slot])) for step in frame))
    return dataclasses.replace(calls, frames=tuple(said))


def _put(forced: Callable[[], Tensor]) -> Callable[[Tensor], None]:
    """Their hooks change what was drawn in place."""

    def hook(drawn: Tensor) -> None:
        drawn.copy_(torch.where(forced() == FREE, drawn, forced()))

    return hook


def reference(shape: ModelShape) -> LMModel:
    """Kyutai's model, of this shape and with the weights of `toy`."""
    temporal, small = shape.temporal, shape.depformer
    model = LMModel(
        delays=list(shape.delays),
        n_q=2 * CODEBOOKS,
        dep_q=CODEBOOKS,
        card=shape.card,
        text_card=shape.text_card,
        dim=temporal.dim,
        num_heads=temporal.heads,
        num_layers=temporal.layers,
        hidden_scale=_before_the_gate(temporal) / temporal.dim,
        norm="rms_norm_f32",
        context=shape.context,
        positional_embedding="rope",
        depformer_dim=small.dim,
        depformer_num_heads=small.heads,
        depformer_num_layers=small.layers,
        depformer_dim_feedforward=_before_the_gate(small),
        depformer_context=CODEBOOKS,
        depformer_pos_emb="none",
        depformer_multi_linear=True,
        depformer_weights_per_step=True,
        gating="silu",
        causal=True,
        layer_scale=None,
        max_period=10_000,
    )
    with torch.device("meta"):
        ours = Model(shape).state_dict()
    weights = {name: torch.from_numpy(toy.weights(name, tuple(ours[name].shape))) for name in ours}
    model.load_state_dict(weights)
    return model.eval()


def _before_the_gate(shape: TransformerShape) -> int:
    """Hidden values as their configuration counts them: a gate takes a third."""
    return shape.hidden * 3 // 2


def numbers(count: int, below: int, *, seed: int) -> list[int]:
    """Even random numbers, by the raw bits of PCG64."""
    return [int(bits >> np.uint64(32)) * below >> 32 for bits in np.random.PCG64(seed).random_raw(count)]


def codes(frames: int, *, seed: int) -> list[Tokens]:
    """Random codes of a voice, frame by frame."""
    each = iter(numbers(frames * CODEBOOKS, TOY.model.card, seed=seed))
    return list(zip(*[each] * CODEBOOKS, strict=True))
