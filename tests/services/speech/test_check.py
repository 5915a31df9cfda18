"""What a machine is told of the duplex model before it is started there."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.numpy import save_file

from services.base.findings import Finding
from services.speech import check, examination, machine
from services.speech.check import look
from services.speech.examination import examine, torch_version
from services.speech.hub import Repository
from services.speech.machine import Gpu
from services.speech.opus import MissingCodec
from services.speech.settings import SpeechSettings
from services.speech.shapes import SEVEN_B
from tests.services.speech.hub_double import Hub, serving
from tests.services.speech.published import model_tensors, write_hollow_codec, write_model, write_tokenizer

H100 = Gpu("NVIDIA H100", (9, 0), 80_000_000_000, 79_000_000_000)


@pytest.fixture
def h100(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "find_device", torch.device)
    monkeypatch.setattr(examination, "gpu", lambda device: H100)
    monkeypatch.setattr(machine, "gpu", lambda device: H100)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything, of the toy's size but for Mimi."""
    folder = tmp_path_factory.mktemp("model")
    write_model(folder, steps=16)
    write_tokenizer(folder)
    write_hollow_codec(folder)
    (folder / "voices").mkdir()
    (folder / "voices" / "NATF2.pt").touch()
    return folder


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    for each in published.iterdir():
        (tmp_path / each.name).symlink_to(each)
    return tmp_path


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with serving(Hub(files={"tokenizer_spm_32k_3.model": b"pieces"})) as hub:
        here = Repository(hub.name, endpoint=hub.endpoint, cache=tmp_path / "cache")
        monkeypatch.setattr(examination, "place", lambda settings: here)
        for module in ("hub", "examination"):
            monkeypatch.setattr(f"services.speech.{module}.get_token", lambda: None)
        yield hub


def told(settings: SpeechSettings, verdict: str) -> list[str]:
    return [each.what for each in examine(settings, wanted=True) if each.verdict == verdict]


@pytest.mark.usefixtures("h100")
def test_a_machine_with_everything_is_good(folder: Path) -> None:
    found = list(examine(SpeechSettings(speech_folder=folder), wanted=False))
    assert [each.what for each in found if each.verdict == "good"] == [
        f"torch {torch.__version__}",
        "Opus by libopus",
        "NVIDIA H100, with bf16, 79.0 GB of 80.0 GB of memory free",
        "model.safetensors: the model, whole, 6.6 MB of which are used in bf16",
        "tokenizer_spm_32k_3.model: 64 pieces",
        "tokenizer-e351c8d8-checkpoint125.safetensors: Mimi, whole",
        "voices: NATF2",
    ]
    assert {each.verdict for each in found} == {"good"}


@pytest.mark.usefixtures("h100")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("model.safetensors", "the download broke off"),
        ("tokenizer-e351c8d8-checkpoint125.safetensors", "the download broke off"),
        ("tokenizer_spm_32k_3.model", "one is another model's"),
        ("config.json", "can't be read"),
    ],
)
def test_a_file_that_was_cut_off_is_found_before_it_is_loaded(folder: Path, name: str, words: str) -> None:
    with (folder / name).open("rb") as file:
        start = file.read(100)
    (folder / name).unlink()
    (folder / name).write_bytes(start)
    [what] = told(SpeechSettings(speech_folder=folder), "bad")
    assert name in what
    assert words in what


@pytest.mark.usefixtures("h100")
def test_8_bits_on_a_gpu_want_a_compiler(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert told(SpeechSettings(speech_folder=folder), "bad") == []
    for setting in ("speech_weights", "speech_kv"):
        settings = SpeechSettings(speech_folder=folder).model_copy(update={setting: "int8"})
        assert told(settings, "bad") == [
            "no C compiler (gcc, clang), with which kernels for 8 bits are compiled"
        ]


@pytest.mark.usefixtures("h100")
@pytest.mark.parametrize("free", [80, 342_000_000, 2_342_000_000])
def test_a_gpu_without_room_for_weights_calls_and_voices_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, free: int
) -> None:
    """Into the second the weights would fit, into the third the voices that are kept, too."""
    monkeypatch.setattr(machine, "gpu", lambda device: Gpu("NVIDIA H100", (9, 0), free, free))
    [what] = told(SpeechSettings(speech_folder=folder), "bad")
    assert "model.safetensors, with SPEECH_SLOTS=4 and SPEECH_PREFIXES_MB=2000, needs 2.4 GB" in what


def test_layers_that_stay_behind_take_no_room() -> None:
    layers = SEVEN_B.temporal.layers
    all_here, some, none = (
        examination.needed(SEVEN_B, SpeechSettings(personaplex_cpu_offload=sent)) for sent in (0, 9, layers)
    )
    layer = (all_here - some) / 8
    assert 0.40e9 < layer < 0.42e9
    assert all_here - none == (layers - 1) * layer


def test_it_is_told_what_is_sent_for_each_frame() -> None:
    found = examination.offloaded(SEVEN_B, SpeechSettings(personaplex_cpu_offload=8))
    assert found.what == "PERSONAPLEX_CPU_OFFLOAD=8: 3.3 GB are sent over for each frame, 41.1 GB a second"


def test_what_the_device_has_to_hold_is_counted_whole() -> None:
    def needed(**settings: Any) -> int:
        return examination.needed(SEVEN_B, SpeechSettings(**settings))

    all_of_it, a_slot_less = needed(speech_slots=4), needed(speech_slots=3)
    assert all_of_it - needed(speech_prefixes_mb=500) == 1_500_000_000
    model, mimi, slot = 2 * 7_687_729_152, 334_077_188, all_of_it - a_slot_less
    assert 1_572_864_456 < slot < 1.02 * 1_572_864_456  # The ring of 3,000 frames, and Mimi's.
    assert all_of_it == pytest.approx(model + mimi + 4 * slot + 2_000_000_000, abs=1_000)


def test_what_8_bits_save_is_counted() -> None:
    def needed(**settings: Any) -> int:
        return examination.needed(SEVEN_B, SpeechSettings(**settings))

    whole, slots, layers, heads = needed(), 4, 32, 32
    kept, products = 3000 * 2 * layers * 4096, 7_374_635_008
    # Of a position, a head's 128 numbers have a scale in bf16.
    assert whole - needed(speech_kv="int8") == slots * (kept - 3000 * 2 * layers * heads * 2)
    # Half of the products, but for a scale in float32 of each row.
    assert whole - needed(speech_weights="int8") == pytest.approx(products, rel=0.002)
    assert needed(speech_attention="filled") == whole


@pytest.mark.usefixtures("h100")
def test_tensors_that_are_left_out_are_told_and_keep_nobody_from_starting(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    save_file({**model_tensors(), "probe.weight": np.zeros(3, "f4")}, folder / "model.safetensors")
    settings = SpeechSettings(speech_folder=folder)
    assert told(settings, "note") == [
        "model.safetensors: tensors that are not known are left out, 1: probe.weight"
    ]
    assert not told(settings, "bad")


@pytest.mark.usefixtures("h100")
def test_a_file_that_is_missing_is_told(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    [what] = told(SpeechSettings(speech_folder=folder), "bad")
    assert "holds no model.safetensors" in what


@pytest.mark.usefixtures("h100")
def test_voices_of_ones_own_are_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    settings = SpeechSettings(speech_folder=folder, speech_voices=tmp_path / "own")
    assert "holds no voice" in told(settings, "bad")[0]
    (tmp_path / "own" / "me.wav").touch()
    assert told(settings, "good")[-1] == "voices: me"


def test_without_a_gpu_the_hub_is_not_asked(hub: Hub) -> None:
    found = list(examine(SpeechSettings(), wanted=False))
    assert [each.verdict for each in found] == ["good", "good", "bad"]
    assert "only the toy runs here" in found[-1].advice
    assert hub.requests == []


@pytest.mark.usefixtures("h100")
def test_what_has_to_be_fetched_is_told_with_its_size(hub: Hub) -> None:
    hub.files |= {
        "model.safetensors": bytes(2_500_000),
        "tokenizer-e351c8d8-checkpoint125.safetensors": bytes(300_000),
        "voices.tgz": bytes(200_000),
    }
    assert told(SpeechSettings(), "note") == [
        "HF_TOKEN is not set",
        "tokenizer_spm_32k_3.model has to be fetched: 0.0 MB",
        "tokenizer-e351c8d8-checkpoint125.safetensors has to be fetched: 0.3 MB",
        "model.safetensors has to be fetched: 2.5 MB",
        "voices.tgz has to be fetched: 0.2 MB",
    ]
    assert all(method == "HEAD" for method, _, _ in hub.requests)


@pytest.mark.usefixtures("h100")
def test_a_disk_without_room_for_it_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.files |= {
        "model.safetensors": bytes(2_000_000),
        "tokenizer-e351c8d8-checkpoint125.safetensors": b"m",
    }
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=1_900_000))
    [what] = told(SpeechSettings(), "bad")
    assert "model.safetensors has 2.0 MB, and 1.9 MB are free" in what


@pytest.mark.usefixtures("h100")
def test_a_licence_that_was_not_accepted_is_told(hub: Hub) -> None:
    hub.gated = True
    [what] = told(SpeechSettings(), "bad")
    assert what.startswith("The hub asks for a token: nvidia/personaplex-7b-v1 is gated: accept its licence")


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("2.10.1", "note"), ("2.11.0", "good"), ("2.13.0+cpu", "good"), ("2.14.0", "note")],
)
def test_a_torch_that_was_never_tried_is_told(version: str, verdict: str) -> None:
    assert torch_version(version).verdict == verdict


def test_a_machine_without_opus_is_told_who_can_call_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere() -> None:
        raise MissingCodec("install libopus")

    monkeypatch.setattr(examination, "chosen", nowhere)
    what = "There is no Opus codec: stock clients cannot call, Antiphon's gateway can"
    assert examination.opus() == Finding("note", what, "install libopus")


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "find_spec", lambda name: None if name in ("torch", "sentencepiece") else name)
    assert list(look(SpeechSettings(), wanted=True)) == [
        Finding("bad", "torch, sentencepiece missing", "`pip install 'antiphon[speech]'` brings them")
    ]


def test_people_read_marks_and_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Finding("good", "torch 2.13.0"), Finding("bad", "no GPU", "buy one")]
    monkeypatch.setattr(check, "look", lambda settings, wanted: found)
    done = CliRunner().invoke(check.check)
    assert (done.exit_code, done.output) == (1, "✓ torch 2.13.0\n✗ no GPU\n    buy one\n")


def test_the_command_asks_the_hub_that_the_environment_names(hub: Hub, tmp_path: Path) -> None:
    hub.gated, hub.tokens = True, {"hf_secret": False}
    environment = os.environ | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path),
        "HF_TOKEN": "hf_secret",
    }
    command = [sys.executable, "-m", "services.speech.check", "--json", "--repository", hub.name]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)
    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    assert not said["works"]
    assert {"verdict": "good", "what": "HF_TOKEN is set", "advice": ""} in said["findings"]
    assert said["findings"][-1]["what"].startswith("The licence has to be accepted first: ")
    assert "hf_secret" not in done.stdout + done.stderr
