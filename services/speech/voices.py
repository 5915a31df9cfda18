"""The voices that a caller may ask for, each by a name out of a list: what a caller sends never becomes a path.

NVIDIA ships each as what the transformer reads (`.pt`); any other is a WAV file of ten seconds or so. An archive is
unpacked beside itself, once.
"""

import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import soxr
import torch
from torch import Tensor

from services.base.wav import BadWav, parse_wav
from services.speech import loudness
from services.speech.errors import FileBroken, FileMissing, UnknownVoice, VoiceBroken
from services.speech.priming import VoiceEmbeddings
from services.speech.samples import Samples
from services.speech.shapes import FRAME_SAMPLES, FREE, SAMPLE_RATE, ModelShape

SUFFIXES = (".pt", ".wav")
"""Where both are there, a bare name means the first."""
FOLDER = "voices"
"""In NVIDIA's archive."""
LONGEST_S = 60
"""Of a WAV. Each frame of it is one less that the model remembers of a call, of 240 s."""


@dataclass(frozen=True, slots=True)
class VoiceSound:
    """A voice as somebody's recording; Mimi makes codes of it."""

    samples: Samples
    """Whole frames of `FRAME_SAMPLES`, at -24 LUFS."""


@dataclass(frozen=True, slots=True)
class Voices:
    """The voices of one folder."""

    files: Mapping[str, Path]
    """By file name."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """List a folder, or unpack an archive and list that.

        Raises:
            FileMissing: there is none, or no voice in it.
            FileBroken: the archive can't be unpacked.
        """
        folder = unpack(path) if path.is_file() else path
        try:
            found = sorted(each for each in folder.iterdir() if each.suffix in SUFFIXES and each.is_file())
        except OSError as error:
            raise FileMissing(f"{folder}: {error.strerror}; correct SPEECH_VOICES, or unset it") from error
        if not found:
            raise FileMissing(f"{folder} holds no voice: put .pt or .wav files there, or unset SPEECH_VOICES")
        return cls(MappingProxyType({each.name: each for each in found}))

    @property
    def names(self) -> tuple[str, ...]:
        """What a caller can ask for."""
        return tuple(dict.fromkeys(path.stem for path in self.files.values()))

    def load(self, name: str, shape: ModelShape) -> VoiceEmbeddings | VoiceSound:
        """Load a voice by its name, with or without the suffix: stock clients send `NATF2.pt`.

        Raises:
            UnknownVoice: there is no such voice.
            VoiceBroken: its file holds none that this model can use.
        """
        known = (self.files.get(each) for each in (name, *(name + suffix for suffix in SUFFIXES)))
        path = next((each for each in known if each), None)
        if path is None:
            shown = name if len(name) <= 40 else f"{name[:40]}…"
            raise UnknownVoice(f"no voice is called {shown!r}; there are {', '.join(self.names)}")
        return _read_embeddings(path, shape) if path.suffix == ".pt" else _read_sound(path)


def unpack(archive: Path) -> Path:
    """Unpack an archive of voices beside itself, unless that was done before. Returns the folder.

    Raises:
        FileBroken: it is cut off, no archive of voices, or would write elsewhere.
    """
    folder = archive.with_name(FOLDER)
    if folder.is_dir():
        return folder
    try:
        # Renamed once it is whole, so that nobody takes half of it for all.
        work = Path(tempfile.mkdtemp(dir=archive.parent, prefix=f".{FOLDER}-"))
    except OSError as error:
        raise FileBroken(
            f"{archive} can't be unpacked beside itself ({error.strerror}): "
            "unpack it elsewhere, and set SPEECH_VOICES to the folder"
        ) from error
    try:
        with tarfile.open(archive, "r:gz") as tar:
            # Files alone: a link could lead anywhere. `data` refuses names that do.
            wanted = [each for each in tar if each.isfile() and PurePosixPath(each.name).suffix in SUFFIXES]
            tar.extractall(work, wanted, filter="data")
        if not (work / FOLDER).is_dir():
            raise FileBroken(f"{archive} holds no {FOLDER}/; fetch it again")
        (work / FOLDER).rename(folder)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if not folder.is_dir():  # Else another process was faster.
            raise FileBroken(f"{archive} can't be unpacked: {error}; fetch it again") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _read_embeddings(path: Path, shape: ModelShape) -> VoiceEmbeddings:
    """
    Raises:
        VoiceBroken: it is no voice of a model of this shape.
    """
    try:
        # A pickle can run anything; of this one nothing but tensors is taken.
        held = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # A damaged pickle makes torch stumble over anything.
        raise VoiceBroken(f"{path.name} can't be read: it is cut off, or holds more than tensors") from error
    embeddings, cache = (_tensor(held, key, path) for key in ("embeddings", "cache"))
    wanted = f"[frames, 1, 1, {shape.temporal.dim}] of floats"
    if not (embeddings.is_floating_point() and embeddings.shape[1:] == (1, 1, shape.temporal.dim)):
        raise _unfit(path, "embeddings", embeddings, wanted)
    kept = (1, shape.streams, shape.max_delay + 3)
    if cache.dtype != torch.int64 or cache.shape != kept:
        raise _unfit(path, "cache", cache, f"{list(kept)} of int64")
    most = torch.tensor([shape.text_card, *[shape.card] * (shape.streams - 1)])
    # A token that is none would end the GPU's process, and every call in it.
    if (cache < FREE).any() or (cache > most[:, None]).any() or not embeddings.isfinite().all():
        raise VoiceBroken(f"{path.name} holds values that this model does not know")
    return VoiceEmbeddings(embeddings[:, 0, 0], cache[0])


def _tensor(held: Any, key: str, path: Path) -> Tensor:
    found = held.get(key) if isinstance(held, dict) else None
    if not isinstance(found, Tensor) or not found.numel():
        raise VoiceBroken(f"{path.name} holds no tensor `{key}`: it is no voice of PersonaPlex")
    return found


def _unfit(path: Path, key: str, found: Tensor, wanted: str) -> VoiceBroken:
    kind = str(found.dtype).removeprefix("torch.")
    return VoiceBroken(f"{path.name}: `{key}` is {list(found.shape)} of {kind}; this model takes {wanted}")


def _read_sound(path: Path) -> VoiceSound:
    """
    Raises:
        VoiceBroken: it is no WAV, too short, too long, or silent.
    """
    try:
        found = parse_wav(path.read_bytes())
    except OSError as error:
        raise VoiceBroken(f"{path.name} can't be read: {error.strerror}") from error
    except BadWav as error:
        raise VoiceBroken(f"{path.name} {error}") from error
    samples = np.asarray(soxr.resample(found.samples, found.rate, SAMPLE_RATE), np.float32)
    if len(samples) > LONGEST_S * SAMPLE_RATE:
        raise VoiceBroken(f"{path.name} lasts {len(samples) / SAMPLE_RATE:.0f} s; cut it to ten or so")
    try:
        samples = loudness.even(samples)
    except VoiceBroken as error:
        raise VoiceBroken(f"{path.name}: {error.detail}") from error
    return VoiceSound(np.pad(samples, (0, -len(samples) % FRAME_SAMPLES)))
