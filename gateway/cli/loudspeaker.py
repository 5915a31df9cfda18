"""Sound to the ear, by whichever player this machine has: a process of its own, so none is a dependency."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.cli.wav import write_wav
from gateway.session.clock import BYTES, RATE
from services.base.problems import Problem

PLAYERS: Mapping[str, tuple[str, ...]] = {
    "afplay": (),
    "pw-play": (),
    "paplay": (),
    "aplay": ("-q",),
    "play": ("-q",),
    "ffplay": ("-nodisp", "-autoexit", "-loglevel", "error"),
}
"""By program, what it is told beside the file: macOS', PipeWire's, PulseAudio's, ALSA's, SoX' and FFmpeg's."""


GRACE_S = 10.0
"""What a player gets beside the sound's own length. One whose sound server does not answer would wait for ever."""


class NoLoudspeaker(Problem):
    """Nothing here can play sound."""

    code, title = "no_loudspeaker", "The sound cannot be played here"


def players() -> list[list[str]]:
    """The commands that may play a file, without the file.

    Raises:
        NoLoudspeaker: this machine has none of them.
    """
    found = [[path, *options] for name, options in PLAYERS.items() if (path := shutil.which(name))]
    if not found:
        raise NoLoudspeaker(
            f"none of {', '.join(PLAYERS)} is installed; give --out FILE.wav to keep the sound"
        )
    return found


def play(pcm: bytes) -> None:
    """Play PCM16 mono at 24 kHz, to its end.

    Raises:
        NoLoudspeaker: no player plays it.
    """
    said = ""
    with TemporaryDirectory(prefix="antiphon-") as folder:
        file = Path(folder) / "said.wav"
        write_wav(file, pcm)
        # A player may be there, and its sound server not.
        for command in players():
            try:
                done = subprocess.run(
                    [*command, file],
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    check=False,
                    timeout=len(pcm) / BYTES / RATE + GRACE_S,
                )
            except subprocess.TimeoutExpired:
                said = f"{command[0]}: it did not come to an end"
                continue
            if done.returncode == 0:
                return
            words = done.stderr.decode(errors="replace").strip() or f"it ended with status {done.returncode}"
            said = f"{command[0]}: {words}"
    raise NoLoudspeaker(f"{said}; give --out FILE.wav to keep the sound")
