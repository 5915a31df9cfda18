"""Voice and persona, set before a call is live.

All streams are forced: the agent's voice is heard in its own, then a silence, then the text stream reads the persona,
then a silence. All of it is known beforehand, so one pass of the transformer does what the reference does step by step,
and what it leaves behind is kept as a `Prefix` and copied into the slot of any call with this voice and persona.

Source: PersonaPlex (arXiv 2602.06053), and engine facts seen in NVIDIA's published code.
"""

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from services.base.problems import Invalid
from services.speech import sampling, slots, stepping
from services.speech.codec.mimi import Mimi
from services.speech.model import Model
from services.speech.sampling import Drawing
from services.speech.shapes import FRAME_SAMPLES, FREE, TEXT_PAD, ModelShape
from services.speech.stepping import AGENT, TEXT, USER, StepState

SILENCE = (948, 243, 1178, 546, 1736, 1030, 1978, 2008)
"""Codes of a silent frame, of the agent's while the persona is read."""
SINE = (430, 1268, 381, 1611, 1095, 1495, 56, 472)
"""Codes of a 440 Hz tone: what the user's stream holds while a call is primed."""
AT_ONCE = 32
"""Positions or frames that are read while other calls wait: on a large GPU about the time of one of their frames."""
ASIDE_S = 0.005
"""For how long the model's thread looks whether something is done, where it has nothing else to do."""
SILENT_FRAMES = 6
"""After the voice, and again after the persona: half a second."""


Result = TypeVar("Result")
Work = Generator[None, None, Result]
"""Something long, done piece by piece."""


class PrimingTooLong(Invalid):
    """Voice and persona need more frames than the model can look back on."""

    code, title = "priming_too_long", "Voice and persona are too long for the model"


@dataclass(frozen=True, slots=True)
class VoiceCodes:
    """A voice as its sound: the codes that Mimi makes of it."""

    codes: Tensor
    """[CODEBOOKS, frames], int64."""


@dataclass(frozen=True, slots=True)
class VoiceEmbeddings:
    """A voice as NVIDIA ships it: what the transformer reads, without the codes that it came from."""

    embeddings: Tensor
    """[frames - 1, dim]: of the positions before the voice's last."""
    cache: Tensor
    """[streams, kept], int64: the tokens of the last position and those known of the next. What stands at position
    `p` lies at `p % kept`."""


Voice = VoiceCodes | VoiceEmbeddings


@dataclass(frozen=True, slots=True)
class Script:
    """What stands at each position while a slot is primed."""

    embeddings: Tensor | None
    """[positions, dim] of the first positions, or None; their tokens aren't known."""
    tokens: Tensor
    """[streams, positions], int64, of the positions that follow."""
    next: Tensor
    """[streams], int64: what is known of the first live position; `FREE` where nothing is."""

    @property
    def frames(self) -> int:
        return self.tokens.shape[1] + (0 if self.embeddings is None else len(self.embeddings))


@dataclass(frozen=True, slots=True)
class Prefix:
    """What priming leaves behind: ready to be copied into a slot."""

    state: StepState
    """Of one slot; its rings hold the primed frames and no more."""
    hidden: Tensor
    """[1, dim]: what the transformer wrote last. Each call draws its first tokens from it by itself."""
    forced: Tensor
    """[1, 1 + CODEBOOKS]: what is known of them."""

    @property
    def frames(self) -> int:
        return self.state.transformer.rings[0].keys.shape[2]


def script(shape: ModelShape, voice: Voice | None, prompt: Sequence[int]) -> Script:
    """Write down all that is forced.

    Args:
        prompt: Text tokens of the persona, one a frame.

    Raises:
        PrimingTooLong: It doesn't fit into the model's context.
    """
    silence = torch.tensor(SILENCE)[:, None]
    parts = [
        _frames(text, silence.expand(-1, len(text)))
        for text in ([TEXT_PAD] * SILENT_FRAMES, list(prompt), [TEXT_PAD] * SILENT_FRAMES)
    ]
    if isinstance(voice, VoiceCodes):
        parts.insert(0, _frames([TEXT_PAD] * voice.codes.shape[1], voice.codes))
    frames = torch.cat(parts, dim=1)  # [streams, frames], from frame `first` on.
    if isinstance(voice, VoiceEmbeddings):
        embeddings, before = voice.embeddings, voice.cache
        start, first = len(embeddings), len(embeddings) + 1
    else:
        # The first frame is lost: in its place stand the initial tokens, as before it.
        before = stepping.initial(shape, torch.device("cpu"))[:, None]
        frames[:, :1] = before
        embeddings, start, first = None, 0, 0
    end = first + frames.shape[1]
    if end > shape.context:
        raise PrimingTooLong(
            f"voice and persona take {end} frames of 80 ms; the model looks back on {shape.context}"
        )

    delays = torch.tensor(shape.delays)[:, None]
    frame = torch.arange(start, end + 1) - delays  # [streams, positions and one more]
    old = before.gather(1, (frame + delays) % before.shape[1])
    new = frames.gather(1, (frame - first).clamp(0, frames.shape[1] - 1))
    tokens = torch.where(frame < first, old, torch.where(frame < end, new, FREE))
    return Script(embeddings, tokens[:, :-1], tokens[:, -1])


def prefill(model: Model, script: Script) -> Prefix:
    """Read a whole script in one pass."""
    return finish(prefilling(model, script, at_once=script.frames))


def prefilling(model: Model, script: Script, at_once: int = AT_ONCE) -> Work[Prefix]:
    """Read a script some positions at a time, so that other calls' frames can come between."""
    device = model.out_norm.alpha.device
    x = model.embed(script.tokens[None].to(device))
    if script.embeddings is not None:
        x = torch.cat([script.embeddings[None].to(x), x], dim=1)
    state = stepping.fresh(model, 1, capacity=script.frames)
    live = torch.ones(1, dtype=torch.bool, device=device)
    for positions in torch.split(x, at_once, dim=1):
        hidden = stepping.read(model, positions, state.transformer, live)[:, -1]
        yield
    state.tokens[0, :, script.frames % state.tokens.shape[2]] = script.next.to(device)
    known = torch.cat([script.next[TEXT : TEXT + 1], script.next[AGENT]])[None].to(device)
    return Prefix(state, hidden, known)


def encoding(mimi: Mimi, samples: Tensor, at_once: int = AT_ONCE) -> Work[VoiceCodes]:
    """Make codes of a voice's sound, some frames at a time.

    Args:
        samples: [frames * FRAME_SAMPLES], float32.
    """
    device = next(mimi.parameters()).device
    state = mimi.fresh_encoder(1, at_once)
    live = torch.ones(1, dtype=torch.bool, device=device)
    codes = []
    for some in torch.split(samples.to(device), at_once * FRAME_SAMPLES):
        codes.append(mimi.encode(some[None], state, live)[0].cpu())
        yield
    return VoiceCodes(torch.cat(codes, dim=1))


def aside(do: Callable[[], Result]) -> Work[Result]:
    """Have something done that needs no device, such as the reading of a file, while other calls' frames come."""
    thread = ThreadPoolExecutor(1, "aside")
    doing = thread.submit(do)
    thread.shutdown(wait=False)
    while not wait([doing], ASIDE_S).done:
        yield
    return doing.result()


def finish(work: Work[Result]) -> Result:
    """Do all of a work at once."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


def join(model: Model, state: StepState, slot: int, prefix: Prefix, drawing: Drawing) -> None:
    """Make a fresh slot that of a call which was just primed. Its next step is its first live frame."""
    of_slot = slots.part(state.transformer.first(prefix.frames).rings, slice(slot, slot + 1))
    slots.copy(prefix.state.transformer.rings, 0, of_slot, 0)
    state.transformer.position[slot] = prefix.frames
    sampling.choose(state.sampling, slot, drawing)
    own = slots.part(state.sampling, slice(slot, slot + 1))
    drawn = stepping.draw(model, prefix.hidden, prefix.forced, own, prefix.state.transformer.position)
    state.tokens[slot].copy_(prefix.state.tokens[0])
    state.tokens[slot, : USER.start, prefix.frames % state.tokens.shape[2]] = drawn[0]


def _frames(text: Sequence[int], agent: Tensor) -> Tensor:
    """Frames [streams, n] of text tokens, the agent's codes [CODEBOOKS, n], and a user who is a tone."""
    user = torch.tensor(SINE)[:, None].expand(-1, len(text))
    return torch.cat([torch.tensor(text, dtype=torch.int64)[None], agent.to(torch.int64).cpu(), user])
