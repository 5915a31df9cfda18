"""Golden vectors: what Kyutai's code and NVIDIA's make of the same sound with the same weights (tests/vectors/mimi)."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from services.speech.codec import transformer
from services.speech.codec.mimi import Mimi
from services.speech.shapes import FRAME_SAMPLES, MIMI, TOY
from tests.services.speech.codec.sounds import EVERY, FRAMES, live, toy_mimi, voice

VECTORS = Path(__file__).parents[3] / "vectors" / "mimi"
CONTEXT = TOY.codec.context
NEAR = 1e-4

THEIRS = ["kyutai", "nvidia"]
RING = {"kyutai": CONTEXT, "nvidia": CONTEXT - 1}
"""Positions that they can see when they stream. NVIDIA's code masks one more, the oldest, once the ring is full."""


@dataclass(frozen=True)
class Made:
    """What a codec made of the voice."""

    latent: Tensor
    """[dim, FRAMES]."""
    codes: Tensor
    """[CODEBOOKS, FRAMES]."""
    sound: Tensor
    """[FRAMES * FRAME_SAMPLES / EVERY], of the codes that Kyutai's code made of the whole."""

    def agrees(self, other: "Made") -> bool:
        near = all(
            (one - two).abs().max() < NEAR
            for one, two in ((self.latent, other.latent), (self.sound, other.sound))
        )
        return near and torch.equal(self.codes, other.codes)

    def until(self, frame: int) -> "Made":
        """The same, of the first frames."""
        return Made(
            self.latent[:, :frame], self.codes[:, :frame], self.sound[: frame * FRAME_SAMPLES // EVERY]
        )


@pytest.fixture(scope="module")
def mimi() -> Mimi:
    return toy_mimi()


def kept(whose: str, how: str) -> Made:
    arrays = np.load(VECTORS / whose / "vectors.npz")
    latent, codes, sound = (
        torch.from_numpy(arrays[f"{how}_{what}"]) for what in ("latent", "codes", "sound")
    )
    return Made(latent, codes.long(), sound)


def ours(mimi: Mimi, at_once: int, ring: int | None = None) -> Made:
    """What ours makes in calls of so many frames; `ring`: positions that its rings hold, if not what they should."""
    encoder, decoder = mimi.fresh_encoder(1, at_once), mimi.fresh_decoder(1, at_once)
    if ring is not None:
        small = mimi.encoder_transformer.transformer.fresh(1, ring)
        encoder = dataclasses.replace(encoder, transformer=small)
        small = mimi.decoder_transformer.transformer.fresh(1, ring)
        decoder = dataclasses.replace(decoder, transformer=small)
    heard = torch.split(voice(FRAMES)[None], at_once * FRAME_SAMPLES, dim=1)
    latent = torch.cat([mimi.embed(frame, encoder, live(1, {0})) for frame in heard], dim=2)
    codes = torch.split(kept("kyutai", "whole").codes[None], at_once, dim=2)
    sound = torch.cat([mimi.decode(each, decoder, live(1, {0})) for each in codes], dim=1)
    return Made(latent[0], mimi.quantizer.encode(latent)[0], sound[0, ::EVERY])


@pytest.mark.parametrize("whose", THEIRS)
@pytest.mark.parametrize("at_once", [1, FRAMES], ids=["streamed", "whole"])
def test_codes_and_sound_equal_those_of_their_code_over_whole_sound(
    mimi: Mimi, whose: str, at_once: int
) -> None:
    assert ours(mimi, at_once).agrees(kept(whose, "whole"))


@pytest.mark.parametrize(("whose", "frame"), [("kyutai", CONTEXT // 2), ("nvidia", CONTEXT // 2 - 1)])
def test_streamed_theirs_departs_from_their_whole_when_its_ring_is_full(whose: str, frame: int) -> None:
    whole, streamed = kept(whose, "whole"), kept(whose, "streamed")
    assert streamed.until(frame).agrees(whole.until(frame))
    assert not streamed.until(frame + 1).agrees(whole.until(frame + 1))


@pytest.mark.parametrize("whose", THEIRS)
def test_with_a_ring_as_short_as_theirs_ours_streams_what_theirs_does(
    mimi: Mimi, whose: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transformer, "must_fit", lambda *_: None)
    assert ours(mimi, 1, RING[whose]).agrees(kept(whose, "streamed"))


def test_the_vectors_are_of_a_lively_sound() -> None:
    made = kept("kyutai", "whole")
    assert all(len(codebook.unique()) > FRAMES / 2 for codebook in made.codes)
    assert 0.05 < made.sound.square().mean().sqrt() < 0.5


def test_names_and_shapes_are_those_of_the_published_file() -> None:
    with torch.device("meta"):
        ours = {name: list(tensor.shape) for name, tensor in Mimi(MIMI).state_dict().items()}
    newer = json.loads((VECTORS / "kyutai" / "names.json").read_text())
    published = {
        name.replace("in_projs.0.weight", "in_proj_weight").replace("out_projs.0", "out_proj"): shape
        for name, shape in newer.items()
    }
    assert ours == {name: published.get(name) for name in ours}
    unused = {name for name in published.keys() - ours.keys() if not name.endswith("._initialized")}
    finer = {f"quantizer.rvq_rest.vq.layers.{number}._codebook." for number in range(7, 31)}
    assert unused == {each + part for each in finer for part in ("embedding_sum", "cluster_usage")}
