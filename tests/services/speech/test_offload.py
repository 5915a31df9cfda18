"""Layers that stay in the host's memory."""

import pytest
import torch

from services.speech import offload
from services.speech.model import Model
from services.speech.sampling import Drawing
from services.speech.savings import NONE, Savings
from tests.services.speech.calls import EIGHT_BITS, alone, heard, toy_model


@pytest.mark.parametrize("sent", [0, 1, 2])
@pytest.mark.parametrize("savings", [NONE, EIGHT_BITS], ids=["as published", "in 8 bits"])
def test_a_model_says_the_same_wherever_its_layers_are(savings: Savings, sent: int) -> None:
    model, other = toy_model(savings=savings), toy_model(savings=savings)
    offload.place(other, torch.device("cpu"), sent)
    user = heard(12)
    assert alone(other, user, Drawing(seed=3)) == alone(model, user, Drawing(seed=3))


def test_of_the_layers_that_are_sent_the_device_holds_one(model: Model) -> None:
    def held(model: Model) -> int:
        return sum(weights.numel() for weights in model.transformer.parameters())

    other = toy_model()
    offload.place(other, torch.device("cpu"), sent=2)
    assert held(other) == held(model) // 2


def test_it_is_known_what_is_sent_for_each_frame(model: Model) -> None:
    layer = sum(weights.nbytes for weights in model.transformer.layers[0].parameters())
    other = toy_model()
    offload.place(other, torch.device("cpu"), sent=1)
    assert [offload.sent_bytes(each) for each in (model, other)] == [0, layer]
