"""What the machine has: memory, and GPUs that can run the model."""

from dataclasses import dataclass
from pathlib import Path

import psutil
import torch

from services.speech.errors import NoGpu, TooLittleMemory

BF16_SINCE = (8, 0)
"""NVIDIA's Ampere. Older GPUs only imitate bf16, far too slowly."""
CGROUP = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One of NVIDIA's."""

    name: str
    capability: tuple[int, int]
    total: int
    """Bytes."""
    free: int
    """Bytes, of other programs' use too."""


def find_device(name: str) -> torch.device:
    """The device that SPEECH_DEVICE names.

    Raises:
        NoGpu: it is no device, is not there, or does not compute bf16.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise NoGpu(f"SPEECH_DEVICE is {name!r}: torch knows cuda, cuda:0, cuda:1 …, cpu") from error
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise NoGpu(
            f"SPEECH_DEVICE is {name}: the model runs on NVIDIA's GPUs (cuda), and its toy on the cpu"
        )
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if not count:
        built = "sees no GPU: is its driver there?" if torch.version.cuda else "is built for the CPU alone"
        raise NoGpu(f"SPEECH_DEVICE is {name}, and torch {torch.__version__} {built}")
    if (device.index or 0) >= count:
        raise NoGpu(f"SPEECH_DEVICE is {name}, and the GPUs here are cuda:0 to cuda:{count - 1}")
    check_bf16(gpu(device))
    return device


def gpu(device: torch.device) -> Gpu:
    """Look at a GPU that is there."""
    properties = torch.cuda.get_device_properties(device)
    free, total = torch.cuda.mem_get_info(device)
    return Gpu(properties.name, (properties.major, properties.minor), total, free)


def check_bf16(found: Gpu) -> None:
    """
    Raises:
        NoGpu: it does not compute bf16.
    """
    if found.capability < BF16_SINCE:
        has, wanted = (".".join(map(str, each)) for each in (found.capability, BF16_SINCE))
        raise NoGpu(f"{found.name} computes no bf16: its compute capability is {has}, {wanted} is needed")


def free_memory(device: torch.device) -> int:
    """Bytes that can be had on a device; in a container with a limit, no more than that leaves."""
    if device.type == "cuda":
        return gpu(device).free
    free: int = psutil.virtual_memory().available
    try:
        limit = int((CGROUP / "memory.max").read_text())
        return min(free, limit - int((CGROUP / "memory.current").read_text()))
    except (OSError, ValueError):  # No control group, or the limit is `max`.
        return free


def check_memory(needed: int, device: torch.device, what: str) -> None:
    """
    Raises:
        TooLittleMemory: so many bytes are not free.
    """
    free = free_memory(device)
    if free < needed:
        where = f"on {gpu(device).name}" if device.type == "cuda" else "of memory"
        advice = "end what else uses it, or take a larger one" if device.type == "cuda" else "close programs"
        raise TooLittleMemory(f"{what} needs {amount(needed)}, and {amount(free)} are free {where}: {advice}")


def amount(size: float) -> str:
    """Bytes for people, in powers of ten, as the files' sizes are told."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
