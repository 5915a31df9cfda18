"""Over the same weights our model says, token for token, what Kyutai's and NVIDIA's say (`tests/vectors`)."""

import dataclasses
import json
from dataclasses import dataclass

import pytest
import torch

from services.speech import priming, slots, stepping
from services.speech.model import Model
from services.speech.priming import Voice, VoiceCodes, VoiceEmbeddings
from services.speech.sampling import GREEDY
from services.speech.stepping import StepState
from tests.parity import vector
from tests.parity.vector import NOTHING_FORCED, Step, Tokens, Vector
from tests.services.speech.calls import heard, step, toy_model

MOSHI, PERSONAPLEX = vector.FOLDER / "moshi", vector.FOLDER / "personaplex"

beside = pytest.mark.parametrize("others", [0, 2], ids=["alone", "beside two others"])


@dataclass(frozen=True, slots=True)
class Call:
    """A call as NVIDIA's code primed it and led it."""

    voice: Voice
    prompt: list[int]
    user: list[Tokens]
    """By live frame."""
    given: dict[int, Tokens]
    """What a live frame had to hold, text first; `FREE` where it was drawn."""
    said: list[Tokens]
    """What came out, by the frame in which ours comes: theirs comes one later."""

    @property
    def steps(self) -> list[Step]:
        """The live part, for a slot of ours."""
        return [Step(0, user, self._forced(frame)) for frame, user in enumerate(self.user)]

    def _forced(self, frame: int) -> Tokens:
        """At the position that a frame draws stand the text and the first code of the next, and its own late codes."""
        now, then = (self.given.get(n, NOTHING_FORCED) for n in (frame, frame + 1))
        return (*then[:2], *now[2:])


def nvidias(name: str) -> Call:
    whole = json.loads((PERSONAPLEX / name).read_text())
    frames = whole["frames"]
    return Call(
        voice=voice(whole["voice"]),
        prompt=whole["prompt"],
        user=[tuple(frame["user"]) for frame in frames],
        given={n: tuple(frame["given"]) for n, frame in enumerate(frames) if "given" in frame},
        said=[tuple(frame["said"]) for frame in frames[1:]],
    )


def voice(saved: str | list[list[int]]) -> Voice:
    """The name of a file, or codes by frame."""
    if isinstance(saved, list):
        return VoiceCodes(torch.tensor(saved).T)
    parts = torch.load(PERSONAPLEX / saved, weights_only=True)
    return VoiceEmbeddings(parts["embeddings"][:, 0, 0], parts["cache"][0])


def answer(model: Model, state: StepState, calls: Vector) -> Vector:
    """Have our model say what comes out."""
    frames = []
    for frame in calls.frames:
        for each in frame:
            if each.begins:
                slots.reset(state, each.slot)
        out = step(
            model,
            state,
            {each.slot: torch.tensor(each.user) for each in frame},
            {each.slot: torch.tensor(each.forced) for each in frame},
        )
        frames.append(tuple(dataclasses.replace(each, said=tuple(out[each.slot].tolist())) for each in frame))
    return dataclasses.replace(calls, frames=tuple(frames))


def prefilled(model: Model, call: Call, others: int) -> list[Tokens]:
    """What our model says in a call that joins, primed in one pass, when others have gone on for a while."""
    state = stepping.fresh(model, others + 1)
    for codes in heard(7):
        step(model, state, dict.fromkeys(range(others), codes))
    prefix = priming.prefill(model, priming.script(model.shape, call.voice, call.prompt))
    priming.join(model, state, others, prefix, GREEDY)
    said = []
    for n, (each, codes) in enumerate(zip(call.steps, heard(len(call.user), seed=1), strict=True)):
        user = {other: codes for other in range(others) if n % (other + 2)}  # Each pauses now and then.
        out = step(
            model, state, user | {others: torch.tensor(each.user)}, {others: torch.tensor(each.forced)}
        )
        said.append(tuple(out[others].tolist()))
    return said


@pytest.mark.parametrize("name", ["live", "wrap", "slots", "injected", "primed"])
def test_every_token_is_kyutais(name: str) -> None:
    expected = vector.read(MOSHI / f"{name}.json")
    model = toy_model(expected.context)
    assert answer(model, stepping.fresh(model, expected.slots), expected) == expected


def test_a_ring_that_holds_more_than_the_context_changes_nothing() -> None:
    expected = vector.read(MOSHI / "wrap.json")
    model = toy_model(expected.context)
    state = stepping.fresh(model, 1, capacity=expected.context + 5)
    assert answer(model, state, expected) == expected


@beside
def test_a_call_with_a_voice_as_nvidia_saves_it_goes_as_nvidias(model: Model, others: int) -> None:
    call = nvidias("embeddings.json")
    assert prefilled(model, call, others)[: len(call.said)] == call.said


def test_text_and_voice_given_in_a_live_call_are_known_as_nvidias_knows_them(model: Model) -> None:
    call = nvidias("given.json")
    assert prefilled(model, call, 0)[: len(call.said)] == call.said


@beside
def test_a_call_with_a_voice_as_sound_goes_as_both_until_nvidias_ring_wraps_and_then_as_kyutais(
    model: Model, others: int
) -> None:
    call, kyutais = nvidias("audio.json"), vector.read(MOSHI / "primed.json")
    live = [each for frame in kyutais.frames[-len(call.user) :] for each in frame]
    assert [each.user for each in live] == call.user
    said = prefilled(model, call, others)
    assert said == [each.said for each in live]
    primed = priming.script(model.shape, call.voice, call.prompt).frames
    whole = (
        model.shape.context - primed - 1
    )  # Position context - 1 is the first that theirs reads with one too few.
    assert said[:whole] == call.said[:whole]
    assert said[whole : len(call.said)] != call.said[whole:]
