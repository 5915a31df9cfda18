"""Which codec is taken, and what is said where there is none."""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from services.speech.opus import MissingCodec, chosen
from services.speech.opus import libopus as lookup
from services.speech.opus.libopus import LibOpus
from services.speech.shapes import FRAME_SAMPLES
from tests.services.speech.opus.streaming import read, tone, written


@pytest.fixture(autouse=True)
def anew() -> Iterator[None]:
    chosen.cache_clear()
    yield
    chosen.cache_clear()


def without_libopus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "places", lambda: iter(["libopus-of-nowhere.so"]))


def test_libopus_is_taken_where_it_can_be_found() -> None:
    assert chosen().name == "libopus"


def test_sphn_is_taken_where_it_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    without_libopus(monkeypatch)
    if not find_spec("sphn"):  # Linux on ARM, where the name alone can be seen.
        monkeypatch.setitem(sys.modules, "sphn", ModuleType("sphn"))
    assert chosen().name == "sphn"


def test_where_there_is_neither_it_is_said_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    without_libopus(monkeypatch)
    monkeypatch.delitem(sys.modules, "services.speech.opus.by_sphn", raising=False)
    monkeypatch.setitem(sys.modules, "sphn", None)
    with pytest.raises(MissingCodec, match=r"libopus0.*brew install opus.*antiphon\[speech\]"):
        chosen()


def test_pyavs_wheel_lends_its_libopus_and_is_not_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "SONAME", {})
    assert [Path(place).parent.name for place in lookup.places()] in (["av.libs"], [".dylibs"])
    found = chosen()  # As on Linux on ARM without libopus, for which sphn has no wheel.
    assert isinstance(found, LibOpus)
    assert found.version.startswith("libopus 1.")
    assert read(found, written(found, tone(3))).shape == (3 * FRAME_SAMPLES,)
    # Its FFmpeg would bring x264 and x265, which are GPL, into the process.
    assert "av" not in sys.modules
