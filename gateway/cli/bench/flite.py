"""The program `flite`, a synthesizer that shares nothing with eSpeak: neither method nor author."""

import asyncio
import shutil
import tempfile
from pathlib import Path

from gateway.cli.wav import read_wav
from services.base.problems import Problem

FLITE_S = 20.0
"""What one phrase may take; half a second is usual."""


class FliteFailed(Problem):
    """The program is not here, does not know the voice, or gave up; the detail says which."""

    code, title = "flite_failed", "flite cannot speak"


async def check(voice: str) -> None:
    """Make sure that this voice can be had here.

    Raises:
        FliteFailed: it can't.
    """
    # It speaks with another voice, without a word, when it doesn't know the one asked for.
    known = (await _run("-lv")).partition(":")[2].split()
    if voice not in known:
        raise FliteFailed(f"flite has no voice {voice}; it has {', '.join(known)}")


async def speak(voice: str, text: str) -> bytes:
    """PCM16 mono, 24 kHz.

    Raises:
        FliteFailed
    """
    await check(voice)
    with tempfile.TemporaryDirectory(prefix="antiphon-") as folder:
        file = Path(folder, "said.wav")
        await _run("-voice", voice, "-t", text, "-o", str(file))
        return await asyncio.to_thread(read_wav, file)


async def _run(*arguments: str) -> str:
    """What the program prints."""
    program = shutil.which("flite")
    if program is None:
        raise FliteFailed("flite is not installed (Debian: apt-get install flite)")
    process = await asyncio.create_subprocess_exec(
        program, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(FLITE_S):
            said, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise FliteFailed(f"flite took more than {FLITE_S:g} s") from None
    told = said.decode(errors="replace")
    if process.returncode:
        raise FliteFailed(f"flite {' '.join(arguments)} ended with {process.returncode}: {told}")
    return told
