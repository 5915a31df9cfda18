"""The weights that the golden vectors were made with: what they are may never change unseen."""

import zlib

import numpy as np
import pytest

from services.speech import toy


@pytest.mark.parametrize(
    ("name", "shape", "checksum"),
    [
        ("transformer.layers.0.self_attn.in_proj_weight", (192, 64), 0x3CE5B732),
        ("depformer.layers.1.gating.7.linear_in.weight", (88, 32), 0x626FA293),
        ("text_emb.weight", (65, 64), 0x882B0A1C),
        ("out_norm.alpha", (1, 1, 64), 0x64929D26),
    ],
)
def test_a_name_has_its_weights_for_ever(name: str, shape: tuple[int, ...], checksum: int) -> None:
    assert zlib.crc32(toy.weights(name, shape).tobytes()) == checksum


def test_a_longer_tensor_begins_with_the_shorter_one() -> None:
    """So a model of 16 steps has in its first eight what a model of eight has."""
    name = "depformer.layers.0.self_attn.in_proj_weight"
    assert np.array_equal(toy.weights(name, (16 * 96, 32))[: 8 * 96], toy.weights(name, (8 * 96, 32)))


def test_each_name_and_each_seed_has_weights_of_its_own() -> None:
    drawn = [toy.weights(name, (4, 4), seed) for name in ("emb.0.weight", "emb.1.weight") for seed in (1, 2)]
    assert len({each.tobytes() for each in drawn}) == 4
