"""A model's files as they are published, but of the toy's size: seeded weights, under the names that files have had."""

import io
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file

from services.speech import toy
from services.speech.codec.mimi import Mimi
from services.speech.model import Model
from services.speech.shapes import CODEBOOKS, MIMI, SEVEN_B, TOY, ModelShape

Tensors = dict[str, NDArray[np.float32]]
Named = Iterator[tuple[str, tuple[int, ...]]]

TOY_CONFIGURATION = {
    "dim": 64,
    "text_card": 64,
    "n_q": 16,
    "dep_q": 8,
    "card": 2048,
    "num_heads": 4,
    "num_layers": 2,
    "context": 300,
    "depformer_dim": 32,
    "depformer_num_heads": 2,
    "depformer_num_layers": 2,
}
"""What Kyutai's repositories say of theirs, of the toy."""


def names(shape: ModelShape, steps: int = CODEBOOKS) -> Named:
    """The names and shapes of a file whose depformer has so many steps: those of ours, and as many more."""
    with torch.device("meta"):
        model = Model(shape)
    for name, tensor in model.state_dict().items():
        rows, *columns = tensor.shape
        if re.match(r"depformer\.layers\.\d+\.self_attn\.", name):
            yield name, (rows // CODEBOOKS * steps, *columns)
            continue
        yield name, (rows, *columns)
        # The first has one of each step; of the embeddings the last step needs none.
        last = re.match(
            r"(depformer_emb\.6|(?:linears|depformer_in|depformer\.layers\.\d+\.gating)\.7)\.", name
        )
        for more in range(CODEBOOKS, steps) if last else ():
            at = more - 1 if name.startswith("depformer_emb") else more
            yield re.sub(r"\.[67]\.", f".{at}.", name, count=1), (rows, *columns)


def old(tensors: Tensors) -> Tensors:
    """As PersonaPlex and the first Moshi name them: ours."""
    return tensors


def new(tensors: Tensors) -> Tensors:
    """As a linear layer names them."""
    return {name.replace("in_proj_weight", "in_proj.weight"): each for name, each in tensors.items()}


def split(tensors: Tensors) -> Tensors:
    """As Kyutai's newer code saves them: a tensor a step."""
    parts: Tensors = {}
    for name, each in tensors.items():
        if found := re.fullmatch(r"(.*self_attn\.)(in|out)_proj(?:_|\.)weight", name):
            steps = each.shape[0] // each.shape[1] // (3 if found[2] == "in" else 1)
            for step, part in enumerate(np.split(each, steps)):
                parts[f"{found[1]}{found[2]}_projs.{step}.weight"] = part
        else:
            parts[name] = each
    return parts


def model_tensors(steps: int = CODEBOOKS) -> Tensors:
    """The toy's weights, in a file of so many steps."""
    return {name: toy.weights(name, shape) for name, shape in names(TOY.model, steps)}


def write_model(
    folder: Path, steps: int = CODEBOOKS, spelt: Callable[[Tensors], Tensors] = old, **said: object
) -> Path:
    """Write the toy's model and its `config.json`, in which `said` may stand too. Returns the model's path."""
    save_file(spelt(model_tensors(steps)), path := folder / "model.safetensors")
    configuration = TOY_CONFIGURATION | {"dep_q": steps} | said
    (folder / "config.json").write_text(json.dumps(configuration))
    return path


SEVEN_B_CONFIGURATION = {
    "dim": 4096,
    "text_card": 32000,
    "existing_text_padding_id": 3,
    "n_q": 16,
    "dep_q": 8,
    "card": 2048,
    "num_heads": 32,
    "num_layers": 32,
    "hidden_scale": 4.125,
    "causal": True,
    "layer_scale": None,
    "context": 3000,
    "max_period": 10000,
    "gating": "silu",
    "norm": "rms_norm_f32",
    "positional_embedding": "rope",
    "depformer_dim": 1024,
    "depformer_dim_feedforward": 4224,
    "depformer_num_heads": 16,
    "depformer_num_layers": 6,
    "depformer_layer_scale": None,
    "depformer_multi_linear": True,
    "depformer_context": 8,
    "depformer_max_period": 10000,
    "depformer_gating": "silu",
    "depformer_pos_emb": "none",
    "depformer_weights_per_step": True,
    "delays": list(SEVEN_B.delays),
}
"""The architecture that Kyutai's loader takes for Moshi where there is no `config.json`."""


def older_codebooks(tensors: Tensors) -> Tensors:
    """As Mimi's first files name a codebook's buffers."""
    older = {"embedding_sum": "embed_avg", "cluster_usage": "cluster_size", "_initialized": "inited"}
    return {
        re.sub(r"(?<=_codebook\.)\w+$", lambda last: older[last[0]], name): each
        for name, each in tensors.items()
    }


def write_codec(folder: Path, spelt: Callable[[Tensors], Tensors] = old) -> Path:
    """Write the toy's Mimi with all of its 32 codebooks. Returns its path."""
    with torch.device("meta"):
        codec = Mimi(TOY.codec)
    tensors = {name: toy.weights(name, tuple(each.shape)) for name, each in codec.state_dict().items()}
    last = "quantizer.rvq_rest.vq.layers.6._codebook."
    for codebook in range(7, 31):
        for name in [each for each in tensors if each.startswith(last)]:
            tensors[name.replace("layers.6.", f"layers.{codebook}.")] = tensors[name]
    for name in [each for each in tensors if each.endswith("cluster_usage")]:
        tensors[name.replace("cluster_usage", "_initialized")] = np.ones(1, np.float32)
    save_file(spelt(tensors), path := folder / "tokenizer-e351c8d8-checkpoint125.safetensors")
    return path


SENTENCES = [
    "You are a wise and friendly teacher.",
    "Answer questions or provide advice in a clear and engaging way.",
    "You enjoy having a good conversation about technology.",
    "Your name is Jane, and you work for a bank.",
    "The quick brown fox jumps over the lazy dogs: 12,345, 67 or 890?",
]


def write_tokenizer(folder: Path, size: int = TOY.model.text_card, byte_fallback: bool = False) -> Path:
    """Train a SentencePiece model, of the toy's size if not told otherwise. Returns its path."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES),
        model_writer=written,
        vocab_size=size,
        byte_fallback=byte_fallback,
        minloglevel=2,
    )
    path = folder / "tokenizer_spm_32k_3.model"
    path.write_bytes(written.getvalue())
    return path


def write_hollow(path: Path, named: Iterable[tuple[str, tuple[int, ...]]]) -> None:
    """Write a file of float32 tensors with a true head and nothing behind it: as long as it should be, on no disk."""
    head: dict[str, object] = {}
    end = 0
    for name, shape in named:
        start, end = end, end + 4 * math.prod(shape)
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    written = json.dumps(head).encode()
    with path.open("wb") as file:
        file.write(len(written).to_bytes(8, "little") + written)
        file.truncate(8 + len(written) + end)


def write_hollow_codec(folder: Path) -> Path:
    """Write Mimi's file in its full size, hollow. Returns its path."""
    with torch.device("meta"):
        codec = Mimi(MIMI)
    path = folder / "tokenizer-e351c8d8-checkpoint125.safetensors"
    write_hollow(path, ((name, tuple(each.shape)) for name, each in codec.state_dict().items()))
    return path
