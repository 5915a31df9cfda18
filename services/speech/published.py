"""An engine of published files: PersonaPlex's or Moshi's."""

import logging
from functools import partial
from pathlib import Path

import torch

from services.speech import hub, offload
from services.speech.checkpoint import load_codec, load_model
from services.speech.codec.mimi import Mimi
from services.speech.engine import Engine, Voices
from services.speech.machine import find_device
from services.speech.priming import Voice, Work, aside, encoding
from services.speech.settings import SpeechSettings
from services.speech.shapes import ModelShape
from services.speech.tokenizer import Tokenizer
from services.speech.voices import Voices as Folder
from services.speech.voices import VoiceSound

log = logging.getLogger(__name__)


def load(settings: SpeechSettings) -> Engine:
    """Fetch what is not here, and load it. Takes minutes the first time.

    Raises:
        SpeechError: in words that say what to do.
    """
    device = find_device(settings.speech_device)
    files = hub.fetch(hub.place(settings))
    log.info("loading", extra={"model": files.model.name, "device": str(device)})
    sent, savings = settings.personaplex_cpu_offload, settings.savings
    # What may not fit onto the device as it is has to be loaded beside it.
    beside = sent or savings.weights != "bf16"
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    model = load_model(files.model, files.configuration, torch.device("cpu") if beside else device, dtype)
    model.shrink(savings)
    if beside:
        offload.place(model, device, sent)
    mimi = load_codec(files.codec, device)
    words = Tokenizer.load(files.tokenizer, model.shape.text_card)
    name = settings.speech_folder.name if settings.speech_folder else settings.speech_repository
    return Engine(name, model, mimi, words, _voices(settings.speech_voices or files.voices))


def _voices(path: Path | None) -> Voices:
    if path is None:
        return {}
    folder = Folder.open(path)
    return {name: partial(_voice, folder, name) for name in folder.names}


def _voice(folder: Folder, name: str, mimi: Mimi, shape: ModelShape) -> Work[Voice]:
    # A minute's WAV takes 0.3 s to be read, resampled and levelled.
    found = yield from aside(lambda: folder.load(name, shape))
    if isinstance(found, VoiceSound):
        return (yield from encoding(mimi, torch.from_numpy(found.samples)))
    return found
