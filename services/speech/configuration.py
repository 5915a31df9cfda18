"""What `config.json` says of a model, and how large the model is: by that file, and by the tensors themselves.

Kyutai's repositories tell the whole architecture there (`moshi/models/loaders.py`, `lm.py` of moshi 0.2.13 read it);
PersonaPlex's tells a name and a version, and is Moshi in all but the steps of its depformer. What is not told is as in
Moshi. What is told and can't be run is refused, by the name of its key.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.speech.errors import FileBroken, NotSupported, WrongTensors
from services.speech.header import Header
from services.speech.shapes import CODEBOOKS, SEVEN_B, ModelShape, TransformerShape
from services.speech.transformer import ROPE_PERIOD

MODEL = "model.safetensors"
CODEC = "tokenizer-e351c8d8-checkpoint125.safetensors"
TOKENIZER = "tokenizer_spm_32k_3.model"

RUNS: Mapping[str, tuple[Any, ...]] = {
    "model_type": ("moshi", "personaplex"),
    "n_q": (2 * CODEBOOKS,),
    "dep_q": (CODEBOOKS, 2 * CODEBOOKS),
    "delays": (list(SEVEN_B.delays),),
    "existing_text_padding_id": (3,),
    "existing_text_end_padding_id": (0,),
    "causal": (True,),
    "gating": ("silu",),
    "norm": ("rms_norm_f32",),
    "positional_embedding": ("rope",),
    "max_period": (ROPE_PERIOD,),
    "depformer_multi_linear": (True,),
    "depformer_weights_per_step": (True,),
    "depformer_gating": ("silu",),
    "depformer_pos_emb": ("none",),
    "kv_repeat": (1,),
}
"""What a key may say where it is there."""
MUST_BE_OFF = (
    "layer_scale",
    "norm_emb",
    "bias_proj",
    "text_card_out",
    "demux_second_stream",
    "demux_second_text_stream",
    "extra_heads_num_heads",
    "depformer_norm",
    "depformer_layer_scale",
    "depformer_low_rank_embeddings",
    "depformer_weights_per_step_schedule",
    "conditioners",
    "cross_attention",
    "lora",
    "lora_name",
    "quantize",
    "mimi_config_name",
    "tts_config",
    "stt_config",
)
"""Keys that have to be missing, null, false, 0 or empty."""
TOLD = ("num_heads", "depformer_num_heads", "context")
"""What no tensor shows."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A `config.json` that can be run."""

    said: Mapping[str, Any]

    @property
    def model(self) -> str:
        """The name of the model's file."""
        return _plain(self.said, "moshi_name", MODEL)

    @property
    def codec(self) -> str:
        """The name of Mimi's file."""
        return _plain(self.said, "mimi_name", CODEC)

    @property
    def tokenizer(self) -> str:
        """The name of SentencePiece's file."""
        return _plain(self.said, "tokenizer_name", TOKENIZER)


NOTHING = Configuration({})
"""Where there is no `config.json`."""


def read_configuration(path: Path) -> Configuration:
    """Read a `config.json`.

    Raises:
        FileBroken: it is no JSON object.
        NotSupported: what it describes can't be run here.
    """
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FileBroken(f"{path} can't be read: {error}") from error
    if not isinstance(said, dict):
        raise FileBroken(f"{path} holds no JSON object")
    for key, known in RUNS.items():
        if key in said and said[key] not in known:
            raise _refused(path, key, said[key], " or ".join(json.dumps(each) for each in known))
    for key in MUST_BE_OFF:
        if said.get(key):
            raise _refused(path, key, said[key], "nothing of the kind")
    return Configuration(said)


def model_shape(header: Header, configuration: Configuration) -> ModelShape:
    """How large a model is, of which these are the tensors.

    Raises:
        WrongTensors: they are no model of this family, or not the one that `config.json` describes.
        NotSupported: the model is of another size than Moshi, and no `config.json` says what the tensors don't.
    """
    try:
        text_card, dim = _rows(header, "text_emb.weight", -1), header["text_emb.weight"].shape[1]
        small = header["depformer_text_emb.weight"].shape[1]
        sizes = {
            "dim": dim,
            "num_layers": _count(header, r"transformer\.layers\.(\d+)\."),
            "text_card": text_card,
            "card": _rows(header, "emb.0.weight", -1),
            "depformer_dim": small,
            "depformer_num_layers": _count(header, r"depformer\.layers\.(\d+)\."),
        }
        hidden = header["transformer.layers.0.gating.linear_out.weight"].shape[1]
        small_hidden = header["depformer.layers.0.gating.0.linear_out.weight"].shape[1]
    except (KeyError, IndexError) as error:
        some = ", ".join(sorted(header)[:3]) or "none"
        raise WrongTensors(f"it is no model of Moshi's family: its tensors are {some} …") from error
    said = configuration.said
    for key, found in sizes.items():
        if said.get(key, found) != found:
            raise WrongTensors(f"config.json says {key} {said[key]}, the tensors say {found}")
    heads, small_heads, context = (said.get(key) for key in TOLD)
    if heads is None or small_heads is None or context is None:
        _check_moshi(sizes | {"hidden": hidden, "depformer_hidden": small_hidden})
    return ModelShape(
        TransformerShape(dim, sizes["num_layers"], heads or SEVEN_B.temporal.heads, hidden),
        TransformerShape(
            small, sizes["depformer_num_layers"], small_heads or SEVEN_B.depformer.heads, small_hidden
        ),
        context or SEVEN_B.context,
        text_card,
        sizes["card"],
    )


def _check_moshi(sizes: Mapping[str, int]) -> None:
    """
    Raises:
        NotSupported: these are not the sizes of Moshi and PersonaPlex, of which all the rest is known.
    """
    temporal, depformer = SEVEN_B.temporal, SEVEN_B.depformer
    known = {
        "dim": temporal.dim,
        "num_layers": temporal.layers,
        "hidden": temporal.hidden,
        "text_card": SEVEN_B.text_card,
        "card": SEVEN_B.card,
        "depformer_dim": depformer.dim,
        "depformer_num_layers": depformer.layers,
        "depformer_hidden": depformer.hidden,
    }
    other = [f"{key} {sizes[key]} instead of {known[key]}" for key in known if sizes[key] != known[key]]
    if other:
        missing = f"and no config.json says {', '.join(TOLD)}"
        raise NotSupported(
            f"the model is not of the size of Moshi and PersonaPlex ({', '.join(other)}), {missing}"
        )


def _count(header: Header, pattern: str) -> int:
    """One more than the highest number in the names that match."""
    return 1 + max((int(found[1]) for name in header if (found := re.match(pattern, name))), default=-1)


def _rows(header: Header, name: str, more: int) -> int:
    return header[name].shape[0] + more


def _plain(said: Mapping[str, Any], key: str, default: str) -> str:
    """
    Raises:
        NotSupported: it is no name of a file in the same place: a path, or an address.
    """
    name = said.get(key, default)
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*", name):
        raise NotSupported(f"config.json: {key} is {name!r}; only a file beside it can be taken")
    return name


def _refused(path: Path, key: str, value: Any, known: str) -> NotSupported:
    shown = json.dumps(value)
    shown = shown if len(shown) <= 80 else f"{shown[:80]} …"
    return NotSupported(f"{path.name}: {key} is {shown}; this engine knows {known}")
