"""Published weights into our modules, whose parameters have the published names.

A module is made on the meta device, where it takes no memory; each tensor is then read from the file straight to where
it stays. Nothing is read before all of it is known to fit: the names, the shapes, the memory. A tensor that a parameter
needs must be there, of its shape; one that none needs is left out and told, as a newer file may have some.
"""

import logging
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from services.speech.codec.mimi import Mimi
from services.speech.configuration import Configuration, model_shape
from services.speech.errors import WrongTensors
from services.speech.header import Header, read_header
from services.speech.machine import check_memory
from services.speech.model import Model
from services.speech.shapes import CODEBOOKS, MIMI, CodecShape

log = logging.getLogger(__name__)

FLOATS = ("BF16", "F16", "F32", "F64")
TOLD = 5
"""Of many tensors, so many are named."""

OLDER = {
    "_codebook.embedding_sum": ("_codebook.embed_sum", "_codebook.embed_avg"),
    "_codebook.cluster_usage": ("_codebook.cluster_size",),
}
"""What older files of Mimi call a codebook's buffers."""

NOT_USED = (
    # Steps of the depformer that draw the user's codes.
    (re.compile(r"(?:linears|depformer_in|depformer\.layers\.\d+\.gating)\.(\d+)\."), CODEBOOKS),
    (re.compile(r"depformer\.layers\.\d+\.self_attn\.(?:in|out)_projs\.(\d+)\."), CODEBOOKS),
    (re.compile(r"depformer_emb\.(\d+)\."), CODEBOOKS - 1),
    # Mimi's finer codebooks, behind the semantic one.
    (re.compile(r"quantizer\.rvq_rest\.vq\.layers\.(\d+)\."), CODEBOOKS - 1),
)
"""Tensors that a whole file may have beyond ours, and from which number on."""
TRAINING = ("._codebook._initialized", "._codebook.inited")
"""What only training asks for: how such tensors' names end."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The first rows of a tensor in the file."""

    tensor: str
    rows: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be read of a file."""

    parameters: Mapping[str, list[Piece]]
    """Of which tensors each parameter is put together."""
    unknown: tuple[str, ...]
    """Tensors that are of no use to the module, and that no published file is known to have."""


def load_model(
    path: Path, configuration: Configuration, device: torch.device, dtype: torch.dtype = torch.bfloat16
) -> Model:
    """Load the language model of PersonaPlex or Moshi. Of the depformer the first 8 steps are kept.

    Raises:
        FileMissing, FileBroken: the file.
        WrongTensors, NotSupported: what it holds.
        TooLittleMemory: the device.
    """
    header = read_header(path)
    with torch.device("meta"):
        model = Model(model_shape(header, configuration))
    fill(model, path, header, device, dtype)
    return model


def load_codec(path: Path, device: torch.device, shape: CodecShape = MIMI) -> Mimi:
    """Load Mimi, in float32. Of its codebooks the first 8 are kept.

    Raises:
        FileMissing, FileBroken: the file.
        WrongTensors: what it holds.
        TooLittleMemory: the device.
    """
    header = read_header(path)
    with torch.device("meta"):
        codec = Mimi(shape)
    fill(codec, path, header, device, torch.float32)
    return codec


def fill(module: nn.Module, path: Path, header: Header, device: torch.device, dtype: torch.dtype) -> None:
    """Give a module on the meta device the tensors of a file.

    Raises:
        WrongTensors, TooLittleMemory
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    plan = match(wanted, header, path.name)
    if plan.unknown:
        told = {"file": path.name, "tensors": len(plan.unknown), "names": first(plan.unknown)}
        log.warning("tensors that are not known are left out", extra=told)
    check_memory(sum(map(math.prod, wanted.values())) * dtype.itemsize, device, path.name)
    with safe_open(path, framework="pt") as file:
        tensors = {}
        for name, pieces in plan.parameters.items():
            tensors[name] = torch.empty(wanted[name], dtype=dtype, device=device)
            _copy(file, pieces, tensors[name])
    module.load_state_dict(tensors, assign=True)
    module.requires_grad_(False).eval()


def _copy(file: safe_open, pieces: list[Piece], into: Tensor) -> None:
    start = 0
    for piece in pieces:
        rows = file.get_slice(piece.tensor)[: piece.rows]  # type: ignore[no-untyped-call]
        into[start : start + piece.rows].copy_(rows)
        start += piece.rows


def match(wanted: Mapping[str, tuple[int, ...]], header: Header, file: str) -> Plan:
    """Find each parameter in a file.

    Args:
        wanted: The shapes of the parameters, by name.
        file: Its name, for people.

    Raises:
        WrongTensors: naming those that are missing, or of another shape or type; and, as one may have taken another's
            place, those that are not known.
    """
    plan: dict[str, list[Piece]] = {}
    wrong: list[str] = []
    used: set[str] = set()
    for name, shape in wanted.items():
        names = next((each for each in spellings(name) if each[0] in header), (name,))
        used.update(names)
        part = (shape[0] // len(names), *shape[1:])
        plan[name] = [Piece(each, part[0]) for each in names]
        step = part[0] // CODEBOOKS if _steps(name) > 1 and len(names) == 1 else 0
        wrong += (fault for each in names if (fault := _fault(each, part, step, header)))
    unknown = tuple(name for name in header if name not in used and not _is_needless(name))
    if wrong:
        beside = f"; not known: {first(unknown)}" if unknown else ""
        raise WrongTensors(f"{file}: {first(wrong, '; ')}{beside}")
    return Plan(plan, unknown)


def first(told: Sequence[str], between: str = ", ") -> str:
    """The first of many, and how many more there are, for a sentence."""
    more = f"{between}and {len(told) - TOLD} more" if len(told) > TOLD else ""
    return between.join(told[:TOLD]) + more


def spellings(name: str) -> Iterator[tuple[str, ...]]:
    """The ways in which files write a parameter: one tensor, or one for each step, of which it is then the stack."""
    yield (name,)
    before, attention, last = name.rpartition("self_attn.")
    steps = range(_steps(name))
    match last:
        case "in_proj_weight":
            yield (f"{before}{attention}in_proj.weight",)
            yield tuple(f"{before}{attention}in_projs.{step}.weight" for step in steps)
        case "out_proj.weight":
            yield tuple(f"{before}{attention}out_projs.{step}.weight" for step in steps)
    for ours, theirs in OLDER.items():
        if name.endswith(ours):
            yield from ((name.removesuffix(ours) + each,) for each in theirs)


def _steps(name: str) -> int:
    """How many steps of weights one parameter of attention holds."""
    return CODEBOOKS if name.startswith("depformer.layers.") and ".self_attn." in name else 1


def _fault(tensor: str, shape: tuple[int, ...], step: int, header: Header) -> str | None:
    """What is wrong with a tensor that should have this shape; None where nothing is.

    Args:
        step: Rows of a step, if it is a stack of steps: a file with more of them has those after ours. Else 0.
    """
    if tensor not in header:
        return f"{tensor} {list(shape)} is missing"
    found = header[tensor]
    if found.dtype not in FLOATS:
        return f"{tensor} is {found.dtype}, a quantized number; take the file in bf16"
    longer = step and found.shape[:1] > shape[:1] and not found.shape[0] % step
    if found.shape != shape and not (longer and found.shape[1:] == shape[1:]):
        return f"{tensor} is {list(found.shape)} instead of {list(shape)}"
    return None


def _is_needless(name: str) -> bool:
    if name.endswith(TRAINING):
        return True
    numbers = ((pattern.match(name), start) for pattern, start in NOT_USED)
    return any(found is not None and int(found[1]) >= start for found, start in numbers)
