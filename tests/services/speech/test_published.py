"""An engine of published files, from the folder to what is said."""

import threading
import wave
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from services.speech import published
from services.speech.checkpoint import load_codec
from services.speech.engine import Engine
from services.speech.errors import NoGpu
from services.speech.linear import Weight8
from services.speech.priming import VoiceCodes, VoiceEmbeddings, finish, prefill
from services.speech.rings import Ring8
from services.speech.settings import SpeechSettings
from services.speech.shapes import FRAME_SAMPLES, SAMPLE_RATE, TOY, ModelShape
from services.speech.voices import Voices
from tests.services.speech.published import write_codec, write_model, write_tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Toy-sized, of 16 steps as PersonaPlex's, with a voice of either kind."""
    path = tmp_path_factory.mktemp("personaplex-toy")
    write_model(path, steps=16)
    write_codec(path)
    write_tokenizer(path)
    (voices := path / "voices").mkdir()
    numbers = torch.Generator().manual_seed(0)
    embeddings = torch.randn(9, 1, 1, TOY.model.temporal.dim, generator=numbers)
    torch.save(
        {"embeddings": embeddings, "cache": torch.ones(1, 17, 4, dtype=torch.int64)}, voices / "NATF2.pt"
    )
    wav = np.sin(np.arange(SAMPLE_RATE) * 2 * np.pi * 220 / SAMPLE_RATE) * 8_000
    _write_wav(voices / "mine.wav", wav.astype("<i2").tobytes())
    return path


def _write_wav(path: Path, pcm: bytes) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(pcm)


@pytest.fixture
def engine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    # A file of Mimi tells no sizes: they are the published one's, which is too large here.
    monkeypatch.setattr(published, "load_codec", partial(load_codec, shape=TOY.codec))
    return published.load(SpeechSettings(speech_folder=folder, speech_device="cpu"))


def test_a_folder_becomes_an_engine_that_can_be_primed(engine: Engine, folder: Path) -> None:
    assert engine.name == folder.name
    assert list(engine.voices) == ["NATF2", "mine"]
    for voice, frames in (("NATF2", 10), ("mine", 13), ("", 0)):
        (_, tokens), write = engine.priming(voice, "You are a wise teacher.")
        assert write is not None
        prefix = prefill(engine.model, finish(write()))
        assert prefix.frames == frames + 6 + len(tokens) + 6


def test_a_voice_is_what_its_file_holds(engine: Engine) -> None:
    shipped = finish(engine.voices["NATF2"](engine.mimi, engine.model.shape))
    assert isinstance(shipped, VoiceEmbeddings)
    assert shipped.embeddings.shape == (9, TOY.model.temporal.dim)
    own = finish(engine.voices["mine"](engine.mimi, engine.model.shape))
    assert isinstance(own, VoiceCodes)
    assert own.codes.shape == (8, -(-SAMPLE_RATE // FRAME_SAMPLES))


def test_the_model_s_thread_reads_no_voice(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    readers = []
    load = Voices.load

    def noted(self: Voices, name: str, shape: ModelShape) -> object:
        readers.append(threading.current_thread())
        return load(self, name, shape)

    monkeypatch.setattr(Voices, "load", noted)
    for name in ("NATF2", "mine"):
        finish(engine.voices[name](engine.mimi, engine.model.shape))
    assert len(readers) == 2
    assert threading.current_thread() not in readers


def test_layers_can_stay_behind(engine: Engine, folder: Path) -> None:
    settings = SpeechSettings(speech_folder=folder, speech_device="cpu", personaplex_cpu_offload=1)
    offloaded = published.load(settings)
    _, write = engine.priming("NATF2", "Hello")
    assert write is not None
    script = finish(write())
    assert torch.equal(prefill(offloaded.model, script).hidden, prefill(engine.model, script).hidden)


def test_a_model_can_be_loaded_into_8_bits(engine: Engine, folder: Path) -> None:
    settings = SpeechSettings(
        speech_folder=folder,
        speech_device="cpu",
        speech_weights="int8",
        speech_kv="int8",
        personaplex_cpu_offload=1,
    )
    small = published.load(settings).model
    assert {type(ring) for ring in small.transformer.fresh(1).rings} == {Ring8}
    assert isinstance(small.text_linear.weight, Weight8)
    _, write = engine.priming("NATF2", "Hello")
    assert write is not None
    script = finish(write())
    near = torch.cosine_similarity(prefill(small, script).hidden, prefill(engine.model, script).hidden)
    assert 0.99 < float(near) < 1


def test_without_a_gpu_the_model_is_not_fetched(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(NoGpu, match="SPEECH_DEVICE is cuda"):
        published.load(SpeechSettings(speech_folder=folder))
