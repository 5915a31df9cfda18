"""The machine itself: Python, disk, memory, cores, GPU."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from gateway.cli.doctor.finding import ASK_S, gib
from gateway.cli.home import Home
from services.base.findings import Finding

DISK_NEEDED = 2 * 2**30
"""Bytes. The database of a fresh install takes 0.05 GiB; its log of changes may grow to 1 GiB."""
MEMORY_NEEDED = 2 * 2**30
"""Bytes. The transcriber's decoders take 91 MB each."""
CALLS_A_CORE = 8
"""The default of GATEWAY_MAX_SESSIONS and TRANSCRIBER_WORKERS: hearing and speaking cost a tenth of a core a call."""
DUPLEX_WEIGHTS = 15.4e9
"""Bytes: 7.69 billion parameters of PersonaPlex are loaded, of 16 bits each."""
ASK_GPU = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")


def python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info < (3, 14):
        return Finding("good", f"Python {version}")
    return Finding(
        "bad", f"Python {version}", "install Python 3.11, 3.12 or 3.13; pocketsphinx has no wheel for others"
    )


def disk(home: Home) -> Finding:
    folder = next(path for path in (home.root, *home.root.parents) if path.exists())
    if not (folder.is_dir() and os.access(folder, os.W_OK)):
        return Finding("bad", f"{folder} can't be written", "set ANTIPHON_HOME to a folder of yours")
    free = shutil.disk_usage(folder).free
    what = f"{gib(free)} of disk free for {home.root}"
    if free < DISK_NEEDED:
        return Finding("bad", what, f"{gib(DISK_NEEDED)} are needed: set ANTIPHON_HOME to a folder with room")
    return Finding("good", what)


def memory() -> Finding:
    free = available_memory()
    what = f"{gib(free)} of memory available"
    if free < MEMORY_NEEDED:
        return Finding(
            "note", what, f"{gib(MEMORY_NEEDED)} are wanted: close programs, or expect slow answers"
        )
    return Finding("good", what)


def available_memory() -> int:
    """Bytes that can be had without swapping; less in a container with a limit."""
    free: int = psutil.virtual_memory().available
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        return min(free, limit - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    except (OSError, ValueError):  # No control group, or the limit is `max`.
        return free


def cores() -> Finding:
    count = os.cpu_count() or 1
    fits = CALLS_A_CORE * count
    what = f"{count} core{'' if count == 1 else 's'}: up to {fits} calls at once"
    wishes = {
        "GATEWAY_MAX_SESSIONS": os.environ.get("GATEWAY_MAX_SESSIONS"),
        "TRANSCRIBER_WORKERS": os.environ.get("TRANSCRIBER_WORKERS"),
    }
    for name, asked in wishes.items():
        if asked and asked.isdigit() and int(asked) > fits:
            advice = f"{name} is {asked}: with so many calls words will come late; unset it, or add cores"
            return Finding("note", what, advice)
    return Finding("good", what)


def gpu() -> Finding:
    """Whether a duplex model would find a place. Without one calls are half duplex, and nothing is missing."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return Finding(
            "note", "no NVIDIA GPU: calls are half duplex, by the local engine", "none is needed for that"
        )
    try:
        said = subprocess.run([program, *ASK_GPU], capture_output=True, text=True, check=True, timeout=ASK_S)
        found = [line.rpartition(",") for line in said.stdout.strip().splitlines()]
        cards = [(name.strip(), int(mebibytes) * 2**20) for name, _, mebibytes in found]
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return Finding(
            "note", f"nvidia-smi does not run: {error}", "mend the driver before a model is to use the GPU"
        )
    if not cards:
        return Finding("note", "nvidia-smi finds no GPU", "calls are half duplex, by the local engine")
    name, size = max(cards, key=lambda card: card[1])
    if size < DUPLEX_WEIGHTS:
        advice = f"the weights of a duplex model like PersonaPlex alone take {gib(DUPLEX_WEIGHTS)}"
        return Finding("note", f"{name}, {gib(size)}: too small for a duplex model", advice)
    return Finding("good", f"{name}, {gib(size)}: the weights of a duplex model fit ({gib(DUPLEX_WEIGHTS)})")
