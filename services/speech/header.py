"""The head of a safetensors file: what tensors it holds, and whether it is whole. None of the tensors is read.

Format: https://huggingface.co/docs/safetensors. Eight bytes tell how long the head is; JSON, then the numbers follow.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.speech.errors import FileBroken, FileMissing

LONGEST = 100_000_000
"""Bytes: safetensors' own limit of a head."""
LFS_POINTER = b"version https://git-lfs"
FORMATS = {b"<!do": "a web page", b"<htm": "a web page", b"pk\x03\x04": "a PyTorch or zip archive"}
"""By their first bytes, in small letters: what people have had in this place."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor of a file."""

    dtype: str
    """As the format writes it: `BF16`, `F32`, `I8` …"""
    shape: tuple[int, ...]


Header = dict[str, Entry]
"""By the tensor's name."""


def read_header(path: Path) -> Header:
    """Read the head of a file.

    Raises:
        FileMissing: there is no file.
        FileBroken: it is cut off, or no safetensors file.
    """
    try:
        with path.open("rb") as file:
            first = file.read(len(LFS_POINTER))
            if first == LFS_POINTER:
                advice = "fetch the file itself: `git lfs pull`, or `hf download`"
                raise FileBroken(f"{path} is only Git LFS's pointer to the file; {advice}")
            length = int.from_bytes(first[:8], "little")
            if first[:4].lower() in FORMATS or len(first) < 8 or not 2 <= length <= LONGEST:
                raise _foreign(path, first)
            file.seek(8)
            head = file.read(length)
            size = file.seek(0, 2)
    except FileNotFoundError as error:
        raise FileMissing(f"{path} is not there") from error
    except OSError as error:
        raise FileBroken(f"{path} can't be read: {error.strerror}") from error
    if len(head) < length:
        raise _cut_off(path, size, 8 + length)
    try:
        entries = json.loads(head)
        entries.pop("__metadata__", None)
        header = {name: Entry(str(each["dtype"]), _shape(each["shape"])) for name, each in entries.items()}
        end = 8 + length + max((int(each["data_offsets"][1]) for each in entries.values()), default=0)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise _foreign(path, first) from error
    if size < end:
        raise _cut_off(path, size, end)
    if size > end:
        raise FileBroken(f"{path} goes on for {size - end} bytes after its last tensor; fetch it again")
    return header


def _shape(numbers: list[Any]) -> tuple[int, ...]:
    return tuple(int(number) for number in numbers)


def _foreign(path: Path, first: bytes) -> FileBroken:
    what = FORMATS.get(first[:4].lower(), "no safetensors file")
    return FileBroken(f"{path} is {what}; fetch it again, or name the folder in which the model's files lie")


def _cut_off(path: Path, size: int, whole: int) -> FileBroken:
    return FileBroken(
        f"{path} ends after {size:,} of {whole:,} bytes: the download broke off; fetch it again"
    )
