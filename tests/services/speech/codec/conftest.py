"""Mimi with seeded weights and a short memory, one way and the other."""

import pytest

from services.speech.codec.mimi import Mimi
from tests.services.speech.codec.sounds import Way, decoding, encoding, forgetful_mimi


@pytest.fixture(scope="session")
def mimi() -> Mimi:
    return forgetful_mimi()


@pytest.fixture(scope="session", params=[encoding, decoding])
def way(request: pytest.FixtureRequest, mimi: Mimi) -> Way:
    either: Way = request.param(mimi)
    return either
