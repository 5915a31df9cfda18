"""Voice and persona before a call is live."""

import threading

import pytest
import torch
from torch import Tensor

from services.speech import priming, sampling, slots, stepping
from services.speech.model import Model
from services.speech.priming import Script, VoiceCodes, VoiceEmbeddings
from services.speech.sampling import GREEDY, Drawing
from services.speech.savings import NONE
from services.speech.shapes import CODEBOOKS, FREE, TEXT_PAD, TOY
from services.speech.stepping import AGENT, TEXT, USER, StepState
from tests.services.speech.calls import EIGHT_BITS, heard, step, toy_model


@pytest.fixture(scope="module", params=[NONE, EIGHT_BITS], ids=["as published", "in 8 bits"])
def model(request: pytest.FixtureRequest) -> Model:
    return toy_model(savings=request.param)


VOICE = VoiceCodes(heard(9, seed=11).T)
PROMPT = [5, 9, 12, 6]


def stepped(model: Model, script: Script, drawing: Drawing) -> StepState:
    """The same priming by forced steps."""
    state = stepping.fresh(model, 1)
    sampling.choose(state.sampling, 0, drawing)
    tokens = torch.cat([script.tokens, script.next[:, None]], dim=1)
    for position in range(script.frames):
        user = tokens[USER, position].clone()
        if position + 1 < tokens.shape[1]:
            user[1:] = tokens[USER, position + 1][1:]
        said = torch.cat([tokens[TEXT : TEXT + 1, position + 1], tokens[AGENT, position + 1]])
        step(model, state, {0: user}, forced={0: said})
    return state


def live(model: Model, state: StepState, slot: int, user: Tensor) -> list[list[int]]:
    return [step(model, state, {slot: codes})[slot].tolist() for codes in user]


@pytest.mark.parametrize("drawing", [GREEDY, Drawing(seed=3)], ids=["greedy", "seeded"])
def test_a_copied_prefix_equals_a_stepped_one(model: Model, drawing: Drawing) -> None:
    script = priming.script(model.shape, VOICE, PROMPT)
    user = heard(60, seed=4)
    busy = stepping.fresh(model, 3)
    for codes in heard(7, seed=5):
        step(model, busy, {0: codes, 1: codes, 2: codes})
    slots.reset(busy, 1)
    priming.join(model, busy, 1, priming.prefill(model, script), drawing)
    assert live(model, busy, 1, user) == live(model, stepped(model, script, drawing), 0, user)


def test_two_calls_of_one_prefix_part_by_their_seeds_and_leave_it_as_it_was(model: Model) -> None:
    prefix = priming.prefill(model, priming.script(model.shape, VOICE, PROMPT))
    state, user = stepping.fresh(model, 3), heard(20)
    for slot, seed in enumerate((1, 2, 1)):
        priming.join(model, state, slot, prefix, Drawing(seed=seed))
    frames = [step(model, state, dict.fromkeys(range(3), codes)).tolist() for codes in user]
    first, second, third = zip(*frames, strict=True)
    assert first == third
    assert first != second
    again = stepping.fresh(model, 1)
    priming.join(model, again, 0, prefix, Drawing(seed=1))
    assert live(model, again, 0, user) == list(first)


def test_a_script_holds_voice_silence_persona_silence(model: Model) -> None:
    script = priming.script(model.shape, VOICE, PROMPT)
    assert script.frames == 9 + 6 + len(PROMPT) + 6
    assert script.tokens[TEXT, 1:].tolist() == [TEXT_PAD] * 14 + PROMPT + [TEXT_PAD] * 6
    semantic, acoustic = AGENT.start, slice(AGENT.start + 1, AGENT.stop)
    assert script.tokens[semantic, 1:9].tolist() == VOICE.codes[0, 1:].tolist()
    assert script.tokens[acoustic, 2:10].tolist() == VOICE.codes[1:, 1:].tolist()
    assert script.tokens[semantic, 9:].tolist() == [priming.SILENCE[0]] * 16
    assert script.tokens[:, 0].tolist() == [TOY.model.text_card] + [TOY.model.card] * 16
    assert script.tokens[USER.start, 1:].tolist() == [priming.SINE[0]] * 24


def test_of_the_first_live_position_the_late_codes_are_known(model: Model) -> None:
    known = priming.script(model.shape, VOICE, PROMPT).next
    assert known[TEXT] == FREE
    assert known[AGENT].tolist() == [FREE, *priming.SILENCE[1:]]
    assert known[USER].tolist() == [FREE, *priming.SINE[1:]]


def test_a_voice_as_embeddings_is_the_same_voice(model: Model) -> None:
    """As NVIDIA saves one: the transformer's input at each position but the last, and the tokens around it."""
    script = priming.script(model.shape, VOICE, PROMPT)
    frames, kept = VOICE.codes.shape[1], 4
    cache = torch.zeros(model.shape.streams, kept, dtype=torch.int64)
    for position in (frames - 1, frames):
        cache[:, position % kept] = script.tokens[:, position]
    embeddings = model.embed(script.tokens[None, :, : frames - 1])[0]
    other = priming.script(model.shape, VoiceEmbeddings(embeddings, cache), PROMPT)
    assert other.frames == script.frames
    assert torch.equal(other.tokens, script.tokens[:, frames - 1 :])
    user, said = heard(20), []
    for each in (script, other):
        state = stepping.fresh(model, 1)
        priming.join(model, state, 0, priming.prefill(model, each), GREEDY)
        said.append(live(model, state, 0, user))
    assert said[0] == said[1]


def test_a_persona_alone_has_no_voice_before_it(model: Model) -> None:
    assert priming.script(model.shape, None, PROMPT).frames == 6 + len(PROMPT) + 6


def test_what_is_longer_than_the_context_is_refused(model: Model) -> None:
    context = model.shape.context
    priming.script(model.shape, None, [5] * (context - 12))
    with pytest.raises(priming.PrimingTooLong, match=f"take {context + 1} frames of 80 ms"):
        priming.script(model.shape, None, [5] * (context - 11))


def test_a_prefix_holds_the_primed_frames_and_no_more(model: Model) -> None:
    prefix = priming.prefill(model, priming.script(model.shape, VOICE, PROMPT))
    assert prefix.frames == 25
    assert {ring.keys.shape[2] for ring in prefix.state.transformer.rings} == {25}
    assert prefix.forced.shape == (1, 1 + CODEBOOKS)


def test_what_needs_no_device_is_done_while_other_calls_go_on() -> None:
    go_on = threading.Event()
    work = priming.aside(lambda: go_on.wait(60) and threading.current_thread() is not threading.main_thread())
    for _ in range(3):
        next(work)
    go_on.set()
    assert priming.finish(work)


def test_what_goes_wrong_aside_is_told() -> None:
    with pytest.raises(ZeroDivisionError):
        priming.finish(priming.aside(lambda: 1 // 0))
