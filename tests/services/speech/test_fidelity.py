"""How far savings change what is said, told over the same past."""

import math
import re
from pathlib import Path

import pytest
import torch

from services.speech import fidelity, published
from services.speech.fidelity import Apart, differences, gathered
from services.speech.model import Model
from services.speech.savings import NONE, Savings
from services.speech.toy_engine import toy_engine
from tests.services.speech.calls import toy_model


def compared(model: Model, other: Model, savings: Savings, frames: int = 30) -> tuple[Apart, Apart]:
    found, (ours, others) = fidelity.compare(model, other, savings, 2, frames)
    assert len(ours) == len(others) == frames
    return found


def test_without_savings_nothing_is_apart() -> None:
    for apart, tokens in zip(compared(toy_model(), toy_model(), NONE), (60, 8 * 60), strict=True):
        assert (apart.tokens, apart.equal, apart.largest, apart.kl_largest) == (tokens, 1, 0, 0)
        assert apart.spread > 0.5


def test_reading_what_is_filled_changes_nothing_even_past_the_rings_end() -> None:
    model = toy_model(context=96)
    found = compared(model, model, Savings(attention="filled"), frames=120)
    assert [each.equal for each in found] == [1, 1]
    assert max(each.largest for each in found) < 1e-4


@pytest.mark.parametrize("savings", [Savings(weights="int8"), Savings(kv="int8")], ids=["weights", "kv"])
def test_8_bits_are_a_little_apart_and_no_more(savings: Savings) -> None:
    """The same past for both: what they would have said themselves has no part in it."""
    for apart in compared(toy_model(), toy_model(savings=Savings(weights=savings.weights)), savings):
        assert 0.8 < apart.equal <= 1
        assert 0 < apart.kl_mean < 0.01
        assert 0 < apart.largest < 2


def test_other_weights_are_far_apart(model: Model) -> None:
    other = toy_model()
    for parameter in other.parameters():
        parameter.copy_(parameter[torch.randperm(len(parameter))])
    for apart in compared(model, other, NONE):
        assert apart.equal < 0.5
        assert apart.kl_mean > 0.1


def test_what_is_told_of_two_logits_is_so() -> None:
    even, odd = torch.tensor([[0.5, 0.5], [0.5, 0.5]]).log(), torch.tensor([[0.5, 0.5], [0.25, 0.75]]).log()
    found = gathered([differences(even, odd)])
    assert (found.tokens, found.equal) == (2, 0.5)
    assert found.largest == pytest.approx(math.log(2))
    expected = 0.5 * math.log(0.5 / 0.25) + 0.5 * math.log(0.5 / 0.75)
    assert (found.kl_mean, found.kl_largest) == pytest.approx((expected / 2, expected))


@pytest.mark.parametrize("options", ["", "--bf16", "--kv int8 --weights int8", "--published --weights int8"])
def test_the_command_tells_of_text_codes_and_time(
    options: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(published, "load", lambda settings: toy_engine())
    fidelity.main(f"--slots 1 --frames 5 --layers 1 --device cpu {options}".split())
    head, text, codes, times = capsys.readouterr().out.splitlines()
    assert head.startswith("1 slots, 5 frames, Savings(weights=")
    assert re.match(r" text: [\d.]+% of 5 likeliest equal", text)
    assert re.match(r"codes: [\d.]+% of 40 likeliest equal", codes)
    assert re.search(r"[\d.]+ ms as published|median: [\d.]+ ms", times)
    if not options:
        assert "100.00%" in text
        assert "100.00%" in codes


def test_a_model_that_does_not_fit_is_a_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.speech.machine.free_memory", lambda device: 8 * 10**9)
    with pytest.raises(SystemExit):
        fidelity.main(["--shape", "personaplex-7b", "--device", "cpu"])
    assert "personaplex-7b needs" in capsys.readouterr().err
