"""What a microphone makes of our own sound, as powers."""

import numpy as np
import pytest

from gateway.session.echo_path import BLOCK, EXPLAINED, FIRST_BIN, LAST_BIN, WINDOW, YOUNG, EchoPath, spectrum

LOUDER = 22.0
"""13 dB: beyond the usual margin, and within that of a path that is hardly known."""


@pytest.mark.parametrize(("blocks", "is_echo"), [(4, True), (YOUNG + 4, False)])
def test_what_is_far_louder_than_expected_is_a_voice_once_the_path_is_known(
    blocks: int, is_echo: bool
) -> None:
    hiss = np.random.default_rng(1).standard_normal(WINDOW + 80 * BLOCK) * 2000
    sent = hiss.astype(np.int16)
    heard = (sent // 4).astype(np.int16)
    path = EchoPath(heard[: WINDOW + 12 * BLOCK], sent[: WINDOW + 12 * BLOCK], likeness=1.0)
    for end in range(WINDOW + 13 * BLOCK, WINDOW + (13 + blocks) * BLOCK, BLOCK):
        coming = spectrum(heard[end - WINDOW : end])
        path.unexplained(coming, spectrum(sent[end - WINDOW : end]))
        path.learn(coming)
    end += BLOCK
    mean = np.full(LAST_BIN - FIRST_BIN, float(spectrum(heard[end - WINDOW : end]).mean()))
    unexplained = path.unexplained(LOUDER * mean, spectrum(sent[end - WINDOW : end]))
    assert unexplained is not None
    assert (unexplained < EXPLAINED) == is_echo
