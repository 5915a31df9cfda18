"""Looks at what the duplex model needs: torch, a GPU, memory, disk, a token, files, voices."""

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import torch
from huggingface_hub import get_token
from torch import nn

from services.base.findings import Finding
from services.speech import batch, slots
from services.speech.checkpoint import first, match
from services.speech.codec.mimi import Mimi
from services.speech.configuration import NOTHING, Configuration, model_shape, read_configuration
from services.speech.errors import FileMissing, HubAway, SpeechError
from services.speech.header import Header, read_header
from services.speech.hub import CONFIGURATION, VOICES, Folder, Place, Repository, find, place
from services.speech.machine import amount, check_memory, find_device, gpu
from services.speech.model import Model
from services.speech.opus import MissingCodec, chosen
from services.speech.settings import SpeechSettings
from services.speech.shapes import FRAME_S, MIMI, CodecShape, ModelShape
from services.speech.tokenizer import Tokenizer
from services.speech.voices import Voices

Shape = TypeVar("Shape")

ARCHIVE = f"{VOICES}.tgz"
COMPILERS = ("gcc", "clang")
TORCH = ((2, 11), (2, 14))
"""From the first on, below the second: as the extra `speech` asks for."""


def examine(settings: SpeechSettings, wanted: bool) -> Iterator[Finding]:
    """Look at everything.

    Args:
        wanted: The files are looked at even where no GPU could run them.
    """
    yield torch_version(torch.__version__)
    yield opus()
    device = None
    try:
        device = find_device(settings.speech_device)
        yield about(device)
        if device.type == "cuda" and "int8" in (settings.speech_weights, settings.speech_kv):
            yield from compiler()
    except SpeechError as error:
        yield bad(error, "without one only the toy runs here: antiphon speech --toy")
    if device is None and not wanted:
        return  # What can't be run need not be fetched: the hub is not asked.
    source = place(settings)
    if isinstance(source, Repository):
        yield token(settings)
    yield from files(source, device, settings)


def torch_version(version: str) -> Finding:
    first, below = TORCH
    found = tuple(int(number) for number in version.split("+")[0].split(".")[:2])
    if first <= found < below:
        return Finding("good", f"torch {version}")
    known = f"{'.'.join(map(str, first))} to {below[0]}.{below[1] - 1}"
    return Finding("note", f"torch {version} was never tried", f"install one from {known}")


def opus() -> Finding:
    try:
        return Finding("good", f"Opus by {chosen().name}")
    except MissingCodec as error:
        what = f"{error.title}: stock clients cannot call, Antiphon's gateway can"
        return Finding("note", what, error.detail)


def about(device: torch.device) -> Finding:
    if device.type == "cpu":
        return Finding(
            "note", "the model runs on the CPU, far slower than speech", "set SPEECH_DEVICE to cuda"
        )
    found = gpu(device)
    return Finding(
        "good", f"{found.name}, with bf16, {amount(found.free)} of {amount(found.total)} of memory free"
    )


def compiler() -> Iterator[Finding]:
    """Whether kernels can be compiled: by one of those that Triton, which comes with torch, looks for."""
    if not any(map(shutil.which, COMPILERS)):
        what = f"no C compiler ({', '.join(COMPILERS)}), with which kernels for 8 bits are compiled"
        yield Finding("bad", what, "install one, or leave SPEECH_WEIGHTS and SPEECH_KV at bf16")


def token(settings: SpeechSettings) -> Finding:
    """Whether there is one; never which."""
    if settings.hf_token:
        return Finding("good", "HF_TOKEN is set")
    if get_token():
        return Finding("good", "a token for the hub is there, of `hf auth login`")
    return Finding("note", "HF_TOKEN is not set", "gated repositories ask for it, such as NVIDIA's")


def files(source: Place, device: torch.device | None, settings: SpeechSettings) -> Iterator[Finding]:
    """The files of a model: those that are here, and those that have to be fetched."""
    voices = settings.speech_voices
    try:
        path = find(source, CONFIGURATION)
        configuration = read_configuration(path) if path else NOTHING
        names = (configuration.tokenizer, configuration.codec, configuration.model)
        here = {name: there for name in names if (there := source.local(name))}
        missing = sizes(source, [name for name in names if name not in here])
        packed = {} if voices or isinstance(source, Folder) else sizes_of_voices(source)
    except SpeechError as error:
        yield bad(error)
        return
    if path := here.get(configuration.model):
        yield from language_model(path, configuration, device, here.get(configuration.tokenizer), settings)
    if path := here.get(configuration.codec):
        yield from mimi(path)
    for name, size in (missing | packed).items():
        yield Finding("note", f"{name} has to be fetched: {amount(size)}", "the first start does so")
    if isinstance(source, Repository):
        yield from room(source, missing | packed)
    if device and configuration.model in missing:
        yield from fits(configuration.model, missing[configuration.model], device)
    if not packed:
        yield speaking(source, voices)


def sizes(source: Place, names: list[str]) -> dict[str, int]:
    """Bytes of files that are not here.

    Raises:
        SpeechError: they can't be had.
    """
    if isinstance(source, Repository):
        return {name: source.size(name) for name in names}
    for name in names:
        source.get(name)
    return {}


def sizes_of_voices(source: Repository) -> dict[str, int]:
    """Bytes of the archive of voices, if there is one and it is not here."""
    try:
        return {} if source.local(ARCHIVE) else {ARCHIVE: source.size(ARCHIVE)}
    except (FileMissing, HubAway):
        return {}


def room(source: Repository, missing: dict[str, int]) -> Iterator[Finding]:
    if missing:
        try:
            source.check_room(" and ".join(missing), sum(missing.values()))
        except SpeechError as error:
            yield bad(error)


def fits(name: str, size: int, device: torch.device) -> Iterator[Finding]:
    try:
        check_memory(size, device, name)
    except SpeechError as error:
        yield bad(error)


def language_model(
    path: Path,
    configuration: Configuration,
    device: torch.device | None,
    pieces: Path | None,
    settings: SpeechSettings,
) -> Iterator[Finding]:
    """The model's file, by its head alone, room for it and for its calls, and its tokenizer."""
    try:
        header = read_header(path)
        shape = model_shape(header, configuration)
        numbers, unknown = check_tensors(Model, shape, path, header)
        used = amount(torch.bfloat16.itemsize * numbers)
        yield Finding("good", f"{path.name}: the model, whole, {used} of which are used in bf16")
        yield from left_out(path, unknown)
        if device:
            calls, kept = settings.speech_slots, settings.speech_prefixes_mb
            what = f"{path.name}, with SPEECH_SLOTS={calls} and SPEECH_PREFIXES_MB={kept},"
            yield from fits(what, needed(shape, settings), device)
            if settings.personaplex_cpu_offload:
                yield offloaded(shape, settings)
        if pieces:
            Tokenizer.load(pieces, shape.text_card)
            yield Finding("good", f"{pieces.name}: {shape.text_card} pieces")
    except SpeechError as error:
        yield bad(error)


def needed(shape: ModelShape, settings: SpeechSettings, codec: CodecShape = MIMI) -> int:
    """Bytes of the device: weights, and what slots remember, in their numbers; voices and personas that are kept."""
    with torch.device("meta"):
        model, mimi = Model(shape).to(torch.bfloat16), Mimi(codec)
        model.shrink(settings.savings)
    layer, *_ = model.transformer.layers
    stay = max(settings.personaplex_cpu_offload - 1, 0)  # One layer's place is where they are sent.
    state = slots.size(batch.fresh(model, mimi, settings.speech_slots))
    weights = weight(model) - stay * weight(layer) + weight(mimi)
    return weights + state + settings.speech_prefixes_mb * 10**6


def offloaded(shape: ModelShape, settings: SpeechSettings) -> Finding:
    """What layers that stay behind cost."""
    with torch.device("meta"):
        model = Model(shape).to(torch.bfloat16)
        model.shrink(settings.savings)
    layer, *others = model.transformer.layers
    sent = min(settings.personaplex_cpu_offload, 1 + len(others)) * weight(layer)
    return Finding(
        "note",
        f"PERSONAPLEX_CPU_OFFLOAD={settings.personaplex_cpu_offload}: {amount(sent)} are sent over for each frame, "
        f"{amount(sent / FRAME_S)} a second",
        "16 lanes of PCI Express 4.0 carry 32 GB a second; the server measures at its start what a frame takes",
    )


def weight(module: nn.Module) -> int:
    """Bytes of its parameters, and of its tables."""
    return sum(tensor.nbytes for tensor in module.state_dict().values())


def mimi(path: Path) -> Iterator[Finding]:
    try:
        _, unknown = check_tensors(Mimi, MIMI, path, read_header(path))
    except SpeechError as error:
        yield bad(error)
        return
    yield Finding("good", f"{path.name}: Mimi, whole")
    yield from left_out(path, unknown)


def check_tensors(
    kind: Callable[[Shape], nn.Module], shape: Shape, path: Path, header: Header
) -> tuple[int, Sequence[str]]:
    """Whether a file's tensors are those of such a module.

    Returns:
        How many numbers the module has, and the names of tensors that it has no use for.

    Raises:
        WrongTensors
    """
    with torch.device("meta"):
        wanted = {name: tuple(tensor.shape) for name, tensor in kind(shape).state_dict().items()}
    plan = match(wanted, header, path.name)
    return sum(map(math.prod, wanted.values())), plan.unknown


def left_out(path: Path, unknown: Sequence[str]) -> Iterator[Finding]:
    if unknown:
        yield Finding(
            "note",
            f"{path.name}: tensors that are not known are left out, {len(unknown)}: {first(unknown)}",
            "the model runs without them; if it speaks nonsense, the file is another version's",
        )


def speaking(source: Place, own: Path | None) -> Finding:
    """The voices: one's own, or those that come with the model."""
    archive = source.local(ARCHIVE)
    path = own or source.local(VOICES) or (archive and archive.with_name(VOICES))
    if path is None:
        return Finding("note", "no voices: the model speaks in one of its own choice")
    if path != own and archive and not path.exists():
        return Finding("good", f"{ARCHIVE}: unpacked at the first start")
    try:
        return Finding("good", f"voices: {', '.join(Voices.open(path).names)}")
    except SpeechError as error:
        return bad(error)


def bad(error: SpeechError, advice: str = "") -> Finding:
    return Finding("bad", f"{error.title}: {error.detail}", advice)
