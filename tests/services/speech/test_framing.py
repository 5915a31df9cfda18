"""Sound cut into frames."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.speech.framing import Framing
from services.speech.samples import Samples
from services.speech.shapes import FRAME_SAMPLES


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 5_000), max_size=12))
def test_frames_do_not_depend_on_how_the_sound_came(pieces: list[int]) -> None:
    sound = np.arange(sum(pieces), dtype=np.float32)
    framing = Framing()
    frames: list[Samples] = []
    for piece in np.split(sound, np.cumsum(pieces)[:-1]) if pieces else []:
        frames.extend(framing.add(piece))
    assert len(frames) == len(sound) // FRAME_SAMPLES
    assert all(len(frame) == FRAME_SAMPLES for frame in frames)
    assert np.array_equal(np.concatenate([*frames, sound[:0]]), sound[: len(frames) * FRAME_SAMPLES])
