"""Every Opus codec that can be had here, under the same laws."""

import ctypes
from importlib.util import find_spec

import pytest

from services.speech.opus.codec import Codec
from services.speech.opus.libopus import LibOpus, places

# sphn has no wheel for Linux on ARM.
collect_ignore = [] if find_spec("sphn") else ["test_stock.py"]


def codecs() -> list[Codec]:
    """libopus from each place that has one, and sphn."""
    found: list[Codec] = []
    for place in places():
        try:
            found.append(LibOpus(ctypes.CDLL(place)))
        except OSError:
            continue
    if find_spec("sphn"):
        from services.speech.opus.by_sphn import Sphn

        found.append(Sphn())
    return found


@pytest.fixture(
    scope="session", params=codecs(), ids=lambda codec: f"{codec.name} {getattr(codec, 'version', '')}"
)
def codec(request: pytest.FixtureRequest) -> Codec:
    chosen: Codec = request.param
    return chosen
