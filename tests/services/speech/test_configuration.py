"""`config.json` is believed where the engine can do what it says, and refused by its key where not."""

import json
from pathlib import Path

import pytest

from services.speech.configuration import NOTHING, model_shape, read_configuration
from services.speech.errors import FileBroken, NotSupported, WrongTensors
from services.speech.header import Entry
from services.speech.shapes import SEVEN_B, TOY
from tests.services.speech import published
from tests.services.speech.published import SEVEN_B_CONFIGURATION, TOY_CONFIGURATION

TOY_HEADER = {name: Entry("BF16", shape) for name, shape in published.names(TOY.model)}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


def test_moshi_s_is_believed(path: Path) -> None:
    path.write_text(json.dumps(SEVEN_B_CONFIGURATION))
    header = {name: Entry("BF16", shape) for name, shape in published.names(SEVEN_B)}
    assert model_shape(header, read_configuration(path)) == SEVEN_B


def test_personaplex_s_tells_a_name_and_a_version(path: Path) -> None:
    path.write_text('{"model_type": "personaplex", "version": "7b-v1"}')
    configuration = read_configuration(path)
    assert (configuration.model, configuration.codec, configuration.tokenizer) == (
        "model.safetensors",
        "tokenizer-e351c8d8-checkpoint125.safetensors",
        "tokenizer_spm_32k_3.model",
    )


def test_what_no_tensor_shows_is_taken_from_it(path: Path) -> None:
    path.write_text(json.dumps(TOY_CONFIGURATION))
    assert model_shape(TOY_HEADER, read_configuration(path)) == TOY.model


def test_files_may_have_other_names(path: Path) -> None:
    path.write_text(
        '{"moshi_name": "m.safetensors", "mimi_name": "c.safetensors", "tokenizer_name": "t.model"}'
    )
    configuration = read_configuration(path)
    assert (configuration.model, configuration.codec, configuration.tokenizer) == (
        "m.safetensors",
        "c.safetensors",
        "t.model",
    )


@pytest.mark.parametrize(
    "name", ["../m.safetensors", "/m", "hf://kyutai/m/m.safetensors", ".m", "a/b", "", 3]
)
def test_a_file_s_name_is_no_path(path: Path, name: object) -> None:
    path.write_text(json.dumps({"moshi_name": name}))
    with pytest.raises(NotSupported, match="moshi_name is"):
        _ = read_configuration(path).model


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model_type", "hibiki"),
        ("n_q", 32),
        ("dep_q", 4),
        ("delays", [0] * 17),
        ("existing_text_padding_id", 0),
        ("norm", "layer_norm"),
        ("gating", "none"),
        ("positional_embedding", "sin"),
        ("max_period", 100000),
        ("causal", False),
        ("kv_repeat", 4),
        ("layer_scale", 0.01),
        ("cross_attention", True),
        ("conditioners", {"description": {"type": "lut"}}),
        ("lora", True),
        ("lora_name", "lora.safetensors"),
        ("quantize", True),
        ("text_card_out", 5),
        ("demux_second_stream", True),
        ("extra_heads_num_heads", 4),
        ("depformer_pos_emb", "sin"),
        ("depformer_low_rank_embeddings", 128),
        ("depformer_weights_per_step_schedule", [0, 1, 1]),
        ("depformer_multi_linear", False),
        ("mimi_config_name", "mimi.json"),
        ("tts_config", {"second_stream_ahead": 2}),
    ],
)
def test_what_cannot_be_run_is_refused_by_its_key(path: Path, key: str, value: object) -> None:
    path.write_text(json.dumps(SEVEN_B_CONFIGURATION | {key: value}))
    with pytest.raises(NotSupported, match=rf"^config\.json: {key} is .*; this engine knows "):
        read_configuration(path)


def test_a_configuration_of_another_file_is_told() -> None:
    configuration = type(NOTHING)({"num_layers": 32})
    with pytest.raises(WrongTensors, match=r"config\.json says num_layers 32, the tensors say 2"):
        model_shape(TOY_HEADER, configuration)


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00"])
def test_what_is_no_json_object_is_told(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(FileBroken, match=r"config\.json"):
        read_configuration(path)
