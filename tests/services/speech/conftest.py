"""A toy model of seeded weights, in which every rule of the large one holds."""

from collections.abc import Iterator

import pytest
import torch

from services.speech.codec.mimi import Mimi
from services.speech.model import Model
from tests.services.speech.calls import toy_mimi, toy_model


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Tests run side by side, and tensors are small."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def inference() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="session")
def model() -> Model:
    return toy_model()


@pytest.fixture(scope="session")
def mimi() -> Mimi:
    return toy_mimi()
