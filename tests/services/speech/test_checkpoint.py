"""Weights as they are published become a model that says what it should."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from services.base.logs import fields
from services.speech import machine
from services.speech.checkpoint import load_codec, load_model, match
from services.speech.configuration import NOTHING, model_shape, read_configuration
from services.speech.errors import FileBroken, FileMissing, NotSupported, TooLittleMemory, WrongTensors
from services.speech.header import Entry
from services.speech.model import Model
from services.speech.sampling import Drawing
from services.speech.shapes import SEVEN_B, TOY
from tests.services.speech import published
from tests.services.speech.calls import alone, heard
from tests.services.speech.codec.sounds import toy_mimi, voice
from tests.services.speech.published import Tensors, model_tensors, write_codec, write_model

CPU = torch.device("cpu")


def load(path: Path, dtype: torch.dtype = torch.float32) -> Model:
    return load_model(path, read_configuration(path.with_name("config.json")), CPU, dtype)


@pytest.mark.parametrize("steps", [8, 16])
@pytest.mark.parametrize("spelt", [published.old, published.new, published.split])
def test_a_published_model_says_what_one_filled_by_hand_says(
    tmp_path: Path, model: Model, steps: int, spelt: Callable[[Tensors], Tensors]
) -> None:
    loaded = load(write_model(tmp_path, steps, spelt))
    assert all(torch.equal(each, model.state_dict()[name]) for name, each in loaded.state_dict().items())
    user, drawing = heard(5), Drawing(seed=1)
    assert alone(loaded, user, drawing) == alone(model, user, drawing)


def test_weights_come_in_the_type_that_is_asked_for_and_are_not_trained(tmp_path: Path, model: Model) -> None:
    loaded = load(write_model(tmp_path), torch.bfloat16)
    for name, weight in loaded.named_parameters():
        assert torch.equal(weight, model.state_dict()[name].bfloat16())
        assert not weight.requires_grad
    assert not loaded.training


def test_a_loaded_model_does_not_lie_in_its_file(tmp_path: Path) -> None:
    path = write_model(tmp_path)
    loaded = load(path)
    before = loaded.out_norm.alpha.clone()
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(loaded.out_norm.alpha, before)


@pytest.mark.parametrize("spelt", [published.old, published.older_codebooks, published.split])
def test_a_published_codec_hears_what_one_filled_by_hand_hears(
    tmp_path: Path, spelt: Callable[[Tensors], Tensors]
) -> None:
    loaded = load_codec(write_codec(tmp_path, spelt), CPU, TOY.codec)
    sound, live = voice(frames=4)[None], torch.tensor([True])
    heard, known = (mimi.encode(sound, mimi.fresh_encoder(1, 4), live) for mimi in (loaded, toy_mimi()))
    assert torch.equal(heard, known)


@pytest.mark.parametrize(
    ("steps", "parameters"), [(8, 7_687_729_152), (16, 8_371_408_896)], ids=["Moshi", "PersonaPlex"]
)
def test_the_large_models_are_known_by_their_tensors_alone(steps: int, parameters: int) -> None:
    header = {name: Entry("BF16", shape) for name, shape in published.names(SEVEN_B, steps)}
    assert sum(math.prod(each.shape) for each in header.values()) == parameters
    assert model_shape(header, NOTHING) == SEVEN_B
    wanted = dict(published.names(SEVEN_B))
    plan = match(wanted, header, "model.safetensors")
    assert sum(math.prod(shape) for shape in wanted.values()) == 7_687_729_152
    assert plan.parameters.keys() == wanted.keys()
    assert not plan.unknown


def refusal(folder: Path, change: Callable[[Tensors], object]) -> str:
    """What is said of a file whose tensors were changed."""
    path = write_model(folder)
    tensors = model_tensors()
    change(tensors)
    save_file(tensors, path)
    with pytest.raises(WrongTensors) as error:
        load(path)
    return error.value.detail


def test_a_missing_tensor_is_told_with_its_shape(tmp_path: Path) -> None:
    told = refusal(tmp_path, lambda tensors: tensors.pop("depformer.layers.1.gating.3.linear_in.weight"))
    assert told == "model.safetensors: depformer.layers.1.gating.3.linear_in.weight [88, 32] is missing"


def test_a_tensor_of_another_shape_is_told_with_both(tmp_path: Path) -> None:
    told = refusal(tmp_path, lambda tensors: tensors.update({"linears.2.weight": np.zeros((2048, 31), "f4")}))
    assert told == "model.safetensors: linears.2.weight is [2048, 31] instead of [2048, 32]"


def test_tensors_that_are_not_known_are_left_out_and_told(
    tmp_path: Path, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_model(tmp_path)
    more = {f"probe.{number}.weight": np.zeros(64, "i1") for number in range(7)}
    save_file({**model_tensors(), **more}, path)
    loaded = load(path)
    assert all(torch.equal(each, model.state_dict()[name]) for name, each in loaded.state_dict().items())
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert fields(record, pii=False) == {
        "file": "model.safetensors",
        "tensors": 7,
        "names": "probe.0.weight, probe.1.weight, probe.2.weight, probe.3.weight, probe.4.weight, and 2 more",
    }


def test_a_file_with_more_steps_than_are_used_is_no_surprise(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load(write_model(tmp_path, steps=16))
    load_codec(write_codec(tmp_path), CPU, TOY.codec)
    assert not caplog.records


@pytest.mark.parametrize("rows", [7 * 96, 8 * 96 + 1], ids=["too few steps", "no whole steps"])
def test_a_stack_of_steps_is_whole(tmp_path: Path, rows: int) -> None:
    name = "depformer.layers.0.self_attn.in_proj_weight"
    told = refusal(tmp_path, lambda tensors: tensors.update({name: np.zeros((rows, 32), "f4")}))
    assert told == f"model.safetensors: {name} is [{rows}, 32] instead of [768, 32]"


def test_no_other_tensor_may_be_longer(tmp_path: Path) -> None:
    name = "depformer.layers.0.gating.0.linear_out.weight"
    told = refusal(tmp_path, lambda tensors: tensors.update({name: np.zeros((64, 44), "f4")}))
    assert told == f"model.safetensors: {name} is [64, 44] instead of [32, 44]"


def test_of_many_wrong_tensors_the_first_are_told_and_how_many_more(tmp_path: Path) -> None:
    def rename(tensors: Tensors) -> None:
        for name in [each for each in tensors if each.startswith("linears.")]:
            tensors[f"heads.{name}"] = tensors.pop(name)

    told = refusal(tmp_path, rename)
    assert told.count(" is missing") == 5
    assert "; and 3 more; not known: heads.linears.0.weight, heads.linears.1.weight" in told
    assert told.endswith("heads.linears.4.weight, and 3 more")


def test_a_quantized_file_is_told(tmp_path: Path) -> None:
    told = refusal(tmp_path, lambda tensors: tensors.update({"linears.0.weight": np.zeros((2048, 32), "i1")}))
    assert told == "model.safetensors: linears.0.weight is I8, a quantized number; take the file in bf16"


def test_another_family_s_model_is_told(tmp_path: Path) -> None:
    save_file({"model.embed_tokens.weight": np.zeros((8, 8), "f4")}, path := tmp_path / "model.safetensors")
    with pytest.raises(
        WrongTensors, match=r"no model of Moshi's family: its tensors are model\.embed_tokens"
    ):
        load_model(path, NOTHING, CPU)


def test_a_model_of_another_size_needs_its_configuration(tmp_path: Path) -> None:
    with pytest.raises(NotSupported, match=r"dim 64 instead of 4096.*no config\.json says num_heads"):
        load_model(write_model(tmp_path), NOTHING, CPU)


def test_memory_is_looked_at_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_model(tmp_path)
    monkeypatch.setattr(machine, "free_memory", lambda device: 1_000_000)
    monkeypatch.delattr("services.speech.checkpoint.safe_open")
    with pytest.raises(TooLittleMemory) as error:
        load(path)
    assert (
        error.value.detail == "model.safetensors needs 13.2 MB, and 1.0 MB are free of memory: close programs"
    )


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"model\.safetensors is not there"):
        load_model(tmp_path / "model.safetensors", NOTHING, CPU)


@pytest.mark.parametrize("kept", [0, 7, 100, 5000, -1])
def test_a_file_that_was_cut_off_is_told(tmp_path: Path, kept: int) -> None:
    path = write_model(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    words = "no safetensors file" if kept < 8 and kept >= 0 else "the download broke off"
    with pytest.raises(FileBroken, match=words):
        load(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "only Git LFS's pointer"),
        (b"<!DOCTYPE html><html></html>", "is a web page"),
        (b"PK\x03\x04" + bytes(100), "is a PyTorch or zip archive"),
        (b"\x05\0\0\0\0\0\0\0hello", "no safetensors file"),
        (b"\x02\0\0\0\0\0\0\0[]", "no safetensors file"),
        (b'\x09\0\0\0\0\0\0\0{"a": {}}', "no safetensors file"),
        (b"\x02\0\0\0\0\0\0\0{}more", "goes on for 4 bytes"),
    ],
)
def test_a_file_of_another_kind_is_told(tmp_path: Path, content: bytes, words: str) -> None:
    (path := tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(FileBroken, match=words):
        load_model(path, NOTHING, CPU)
