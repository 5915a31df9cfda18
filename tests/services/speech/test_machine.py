"""Devices and memory: what is asked for, what is there, and what is said where they differ."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from services.speech import machine
from services.speech.errors import NoGpu, TooLittleMemory
from services.speech.machine import Gpu, amount, check_bf16, check_memory, find_device, free_memory

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
H100 = Gpu("NVIDIA H100", (9, 0), 80_000_000_000, 10_000_000_000)


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(machine, "gpu", lambda device: H100)


@pytest.mark.usefixtures("one_gpu")
@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cpu"])
def test_a_device_that_is_there_is_found(name: str) -> None:
    assert find_device(name) == torch.device(name)


@pytest.mark.usefixtures("one_gpu")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gpu", "SPEECH_DEVICE is 'gpu': torch knows cuda"),
        ("mps", "runs on NVIDIA's GPUs"),
        ("cuda:1", "the GPUs here are cuda:0 to cuda:0"),
    ],
)
def test_a_device_that_is_not_there_is_told(name: str, words: str) -> None:
    with pytest.raises(NoGpu, match=words):
        find_device(name)


@pytest.mark.parametrize(("built", "words"), [(None, "built for the CPU alone"), ("12.8", "sees no GPU")])
def test_without_a_gpu_it_is_told_why(monkeypatch: pytest.MonkeyPatch, built: str | None, words: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", built)
    with pytest.raises(NoGpu, match=words):
        find_device("cuda")


def test_a_gpu_without_bf16_is_told() -> None:
    check_bf16(H100)
    check_bf16(Gpu("NVIDIA A10", (8, 6), 24, 24))
    with pytest.raises(
        NoGpu, match=r"Tesla T4 computes no bf16: its compute capability is 7\.5, 8\.0 is needed"
    ):
        check_bf16(Gpu("Tesla T4", (7, 5), 16, 16))


@pytest.mark.usefixtures("one_gpu")
def test_a_gpu_that_is_too_full_is_told() -> None:
    check_memory(10_000_000_000, CUDA, "model.safetensors")
    words = r"model\.safetensors needs 15\.4 GB, and 10\.0 GB are free on NVIDIA H100"
    with pytest.raises(TooLittleMemory, match=words):
        check_memory(15_375_458_304, CUDA, "model.safetensors")


def test_memory_ends_where_the_container_s_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=8_000))
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    assert free_memory(CPU) == 8_000
    (tmp_path / "memory.current").write_text("2000\n")
    (tmp_path / "memory.max").write_text("5000\n")
    assert free_memory(CPU) == 3_000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory(CPU) == 8_000


def test_sizes_are_told_as_files_are() -> None:
    assert (amount(16_742_817_792), amount(384_000)) == ("16.7 GB", "0.4 MB")
