"""Voices by name, out of a folder or NVIDIA's archive; nothing else, whatever a caller or a file tries."""

import io
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from services.speech.errors import FileBroken, FileMissing, UnknownVoice, VoiceBroken
from services.speech.priming import VoiceEmbeddings
from services.speech.shapes import FRAME_SAMPLES, SAMPLE_RATE, TOY
from services.speech.voices import Voices, VoiceSound, unpack
from tests.services.base.test_wav import WAVS

SHAPE = TOY.model


def voice(frames: int = 5, **changed: object) -> dict[str, object]:
    """What a published `.pt` holds, of the toy's size."""
    cache = torch.tensor([SHAPE.text_card, *[SHAPE.card] * 16])[:, None].repeat(1, 4)[None]
    return {"embeddings": torch.ones(frames, 1, 1, SHAPE.temporal.dim).bfloat16(), "cache": cache} | changed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (folder := tmp_path / "voices").mkdir()
    torch.save(voice(), folder / "NATF2.pt")
    torch.save(voice(7), folder / "VARM0.pt")
    (folder / "mine.wav").write_bytes(WAVS["24 bits"])
    (folder / "readme.txt").touch()
    return folder


@pytest.mark.parametrize("name", ["NATF2", "NATF2.pt"])
def test_a_published_voice_is_taken_with_and_without_its_suffix(folder: Path, name: str) -> None:
    found = Voices.open(folder).load(name, SHAPE)
    assert isinstance(found, VoiceEmbeddings)
    assert found.embeddings.shape == (5, SHAPE.temporal.dim)
    assert found.cache.shape == (17, 4)


def test_a_recording_becomes_whole_frames(folder: Path) -> None:
    found = Voices.open(folder).load("mine", SHAPE)
    assert isinstance(found, VoiceSound)
    assert found.samples.dtype == np.float32
    assert len(found.samples) % FRAME_SAMPLES == 0
    assert 0 <= len(found.samples) - SAMPLE_RATE < FRAME_SAMPLES


def test_the_voices_are_told_by_name(folder: Path) -> None:
    assert Voices.open(folder).names == ("NATF2", "VARM0", "mine")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "natf2",
        "readme.txt",
        "../voices/NATF2.pt",
        "./NATF2",
        "NATF2.pt\0",
        "*",
        "voices/NATF2",
        "x" * 10_000,
    ],
)
def test_a_name_that_is_not_in_the_list_is_no_voice(folder: Path, name: str) -> None:
    voices = Voices.open(folder)
    for asked in (name, str(folder / "NATF2.pt")):
        with pytest.raises(UnknownVoice, match="there are NATF2, VARM0, mine") as error:
            voices.load(asked, SHAPE)
        assert len(error.value.detail) < 200


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="holds no voice: put"):
        Voices.open(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match="No such file or directory; correct SPEECH_VOICES"):
        Voices.open(tmp_path / "nowhere")


class Opener:
    """Unpickled, it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.path), "w")


def test_a_pickle_that_does_more_than_hold_tensors_is_refused_unrun(folder: Path, tmp_path: Path) -> None:
    torch.save(voice(extra=Opener(tmp_path / "written")), folder / "NATF2.pt")
    (folder / "VARM0.pt").write_bytes(pickle.dumps(Opener(tmp_path / "written"), protocol=2))
    for name in ("NATF2", "VARM0"):
        with pytest.raises(VoiceBroken, match="holds more than tensors"):
            Voices.open(folder).load(name, SHAPE)
    assert not (tmp_path / "written").exists()


@pytest.mark.parametrize("kept", [0, 1, 100, 1000, -1])
def test_a_voice_that_was_cut_off_is_told(folder: Path, kept: int) -> None:
    path = folder / "NATF2.pt"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(VoiceBroken, match=r"NATF2\.pt can't be read"):
        Voices.open(folder).load("NATF2", SHAPE)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ([1, 2], "no tensor `embeddings`"),
        ({"embeddings": 1}, "no tensor `embeddings`"),
        ({"embeddings": voice()["embeddings"]}, "no tensor `cache`"),
        (voice(0), "no tensor `embeddings`"),
        (voice(embeddings=torch.ones(5, 1, 1, 4096)), r"`embeddings` is \[5, 1, 1, 4096\] of float32"),
        (voice(embeddings=torch.ones(5, 64)), r"takes \[frames, 1, 1, 64\] of floats"),
        (voice(embeddings=torch.ones(5, 1, 1, 64, dtype=torch.int64)), "of int64"),
        (voice(cache=torch.zeros(1, 17, 3, dtype=torch.int64)), r"takes \[1, 17, 4\] of int64"),
        (voice(cache=torch.zeros(1, 17, 4)), "`cache` is .* of float32"),
        (voice(cache=torch.full((1, 17, 4), 2049)), "values that this model does not know"),
        (voice(cache=torch.full((1, 17, 4), -3)), "values that this model does not know"),
        (voice(embeddings=torch.full((5, 1, 1, 64), torch.nan)), "values that this model does not know"),
    ],
)
def test_a_voice_of_another_model_is_told(folder: Path, held: object, words: str) -> None:
    torch.save(held, folder / "NATF2.pt")
    with pytest.raises(VoiceBroken, match=rf"NATF2\.pt.*{words}"):
        Voices.open(folder).load("NATF2", SHAPE)


def test_a_recording_that_cannot_be_used_is_told_by_name(folder: Path) -> None:
    (folder / "mine.wav").write_bytes(WAVS["16 bits"][:2000])
    with pytest.raises(VoiceBroken, match=r"mine\.wav: the sound lasts 0\.02 s"):
        Voices.open(folder).load("mine", SHAPE)


def archive(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def member(name: str, content: bytes = b"pt", **changed: object) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    for key, value in changed.items():
        setattr(info, key, value)
    return info, content


def test_the_archive_is_unpacked_once_beside_itself(tmp_path: Path, folder: Path) -> None:
    content = (folder / "NATF2.pt").read_bytes()
    (home := tmp_path / "snapshot").mkdir()
    packed = archive(home / "voices.tgz", member("voices/NATF2.pt", content), member("voices/._NATF2", b""))
    assert Voices.open(packed).names == ("NATF2",)
    first = (home / "voices" / "NATF2.pt").stat().st_ino
    assert isinstance(Voices.open(packed).load("NATF2.pt", SHAPE), VoiceEmbeddings)
    assert (home / "voices" / "NATF2.pt").stat().st_ino == first
    assert {each.name for each in home.iterdir()} == {"voices.tgz", "voices"}


@pytest.mark.parametrize("name", ["../evil.pt", "voices/../../evil.pt", "voices/../../../evil.pt"])
def test_an_archive_that_would_write_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    (home := tmp_path / "one" / "two").mkdir(parents=True)
    packed = archive(home / "voices.tgz", member("voices/NATF2.pt"), member(name))
    with pytest.raises(FileBroken, match=r"can't be unpacked: .*outside"):
        unpack(packed)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == [packed]


def test_links_devices_and_absolute_names_lead_nowhere(tmp_path: Path) -> None:
    (home := tmp_path / "home").mkdir()
    packed = archive(
        home / "voices.tgz",
        member("voices/NATF2.pt"),
        member("voices/link.pt", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("voices/hard.pt", b"", type=tarfile.LNKTYPE, linkname="../../secret"),
        member("voices/pipe.pt", b"", type=tarfile.FIFOTYPE),
        member(f"{tmp_path}/absolute.pt"),
    )
    assert [each.name for each in unpack(packed).iterdir()] == ["NATF2.pt"]
    assert not (tmp_path / "absolute.pt").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "can't be unpacked"), (b"\x1f\x8bno", "can't be unpacked"), (None, "no voices/")],
)
def test_an_archive_of_something_else_is_told(tmp_path: Path, content: bytes | None, words: str) -> None:
    packed = archive(tmp_path / "voices.tgz", member("other/NATF2.pt"))
    if content is not None:
        packed.write_bytes(content)
    with pytest.raises(FileBroken, match=words):
        unpack(packed)
    assert list(tmp_path.iterdir()) == [packed]


def test_an_archive_that_was_cut_off_is_told(tmp_path: Path, folder: Path) -> None:
    (home := tmp_path / "home").mkdir()
    packed = archive(home / "voices.tgz", member("voices/NATF2.pt", (folder / "NATF2.pt").read_bytes()))
    packed.write_bytes(packed.read_bytes()[:-200])
    with pytest.raises(FileBroken, match="can't be unpacked"):
        unpack(packed)
    assert list(home.iterdir()) == [packed]
