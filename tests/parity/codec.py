"""Golden vectors of Mimi, made by Kyutai's: `moshi` 0.2.13 over the same seeded weights.

It runs in an environment that has their package (`make parity`). `services/speech` gives it the names and values of the
weights, and nothing else.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from moshi.models import loaders
from moshi.models.compression import MimiModel
from moshi.modules import SEANetDecoder, SEANetEncoder
from moshi.modules.transformer import ProjectedTransformer
from moshi.quantization import SplitResidualVectorQuantizer
from numpy.typing import NDArray
from torch import Tensor

from services.speech import toy
from services.speech.shapes import CODEBOOKS, FRAME_SAMPLES, SAMPLE_RATE, TOY, CodecShape
from tests.services.speech.codec.sounds import EVERY, FRAMES, voice


def make(folder: Path) -> None:
    """Make all vectors anew."""
    np.savez_compressed(folder / "vectors.npz", **vectors(reference(TOY.codec)))  # type: ignore[arg-type]
    with torch.device("meta"):
        published = loaders.get_mimi(None, device="meta").state_dict()
    names = (f"{json.dumps(name)}: {json.dumps(tensor.shape)}" for name, tensor in published.items())
    (folder / "names.json").write_text("{\n" + ",\n".join(names) + "\n}\n")


def vectors(mimi: Any) -> dict[str, NDArray[Any]]:
    """What the reference makes of a voice whole, and frame by frame."""
    whole = voice(FRAMES)[None, None]
    frames = torch.split(whole, FRAME_SAMPLES, dim=-1)
    embed = mimi._encode_to_unquantized_latent
    with torch.no_grad():
        codes = mimi.encode(whole)
        made = {
            "whole_latent": embed(whole)[0],
            "whole_codes": codes[0].short(),
            "whole_sound": mimi.decode(codes)[0, 0, ::EVERY],
            "streamed_latent": streamed(mimi, embed, frames),
            "streamed_codes": streamed(mimi, mimi.encode, frames).short(),
            "streamed_sound": streamed(mimi, mimi.decode, torch.split(codes, 1, dim=-1))[0, ::EVERY],
        }
    return {name: tensor.numpy() for name, tensor in made.items()}


def streamed(mimi: Any, run: Callable[[Tensor], Tensor], frames: tuple[Tensor, ...]) -> Tensor:
    """Frames of a batch of one, one after the other. Returns what comes out, in one, without the batch."""
    with mimi.streaming(1):
        return torch.cat([run(frame)[0].clone() for frame in frames], dim=-1)


def reference(shape: CodecShape) -> MimiModel:
    """Kyutai's Mimi, of this shape and with the weights of `toy`."""
    dim = shape.transformer.dim
    convolutions = loaders._seanet_kwargs | {
        "dimension": dim,
        "n_filters": shape.filters,
        "ratios": list(shape.ratios),
    }
    transformer = loaders._transformer_kwargs | {
        "d_model": dim,
        "input_dimension": dim,
        "output_dimensions": [dim],
        "num_heads": shape.transformer.heads,
        "num_layers": shape.transformer.layers,
        "dim_feedforward": shape.transformer.hidden,
        "context": shape.context,
    }
    quantizer = SplitResidualVectorQuantizer(
        dimension=shape.codebook_dim,
        input_dimension=dim,
        output_dimension=dim,
        n_q=shape.codebooks,
        bins=shape.card,
    )
    encoder = SEANetEncoder(**convolutions)
    mimi = MimiModel(
        encoder,
        SEANetDecoder(**convolutions),
        quantizer,
        channels=1,
        sample_rate=SAMPLE_RATE,
        frame_rate=SAMPLE_RATE / FRAME_SAMPLES,
        encoder_frame_rate=SAMPLE_RATE / encoder.hop_length,
        causal=True,
        resample_method="conv",
        encoder_transformer=ProjectedTransformer(**transformer),
        decoder_transformer=ProjectedTransformer(**transformer),
    )
    sizes = {name: tuple(tensor.shape) for name, tensor in mimi.state_dict().items()}
    weights = {name: torch.from_numpy(toy.weights(as_published(name), size)) for name, size in sizes.items()}
    mimi.load_state_dict(weights)
    mimi.set_num_codebooks(CODEBOOKS)
    return mimi.eval()


def as_published(name: str) -> str:
    """A parameter's name in the published file, of what `moshi` 0.2.13 calls it."""
    return name.replace("in_projs.0.weight", "in_proj_weight").replace(
        "out_projs.0.weight", "out_proj.weight"
    )
