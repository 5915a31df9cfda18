"""`antiphon say`, listened to: with a deployment, and with nothing running at all."""

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.e2e.deployment import ANTIPHON, Deployment
from tests.e2e.recogniser import nearest_in_length, recognise, words
from tests.e2e.sentences import small_talk_sentences
from tests.e2e.speech import read_wav, shuffled

LIMIT_S = 100


async def say(environ: Mapping[str, str], *arguments: str, stdin: str = "") -> "CompletedProcess[str]":
    return await asyncio.to_thread(
        subprocess.run,
        (*ANTIPHON, "say", *arguments),
        env=dict(environ),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


@pytest.fixture
def nothing_runs(deployment: Deployment, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody else, who has started nothing."""
    return {**deployment.environment, "ANTIPHON_HOME": str(tmp_path / "home")}


@pytest.mark.parametrize("running", [True, False])
async def test_the_file_says_the_text(
    deployment: Deployment, nothing_runs: dict[str, str], tmp_path: Path, running: bool
) -> None:
    sentence = small_talk_sentences()[3]
    out = tmp_path / "said.wav"
    if running:
        done = await say(deployment.environment, sentence, "--out", str(out))
    else:
        done = await say(nothing_runs, "-", "--out", str(out), stdin=f"{sentence}\n")
    assert done.returncode == 0, done.stderr
    assert f"s of sound in {out}" in done.stdout
    sound, candidates = read_wav(out), nearest_in_length(sentence, small_talk_sentences())
    assert recognise(sound, candidates).heard == words(sentence)
    assert recognise(shuffled(sound), candidates).heard is None


async def test_what_was_started_for_it_is_gone_afterwards(
    nothing_runs: dict[str, str], tmp_path: Path
) -> None:
    done = await say(nothing_runs, "hello", "--out", str(tmp_path / "said.wav"))
    assert done.returncode == 0, done.stderr
    assert of_home(nothing_runs["ANTIPHON_HOME"]) == []


def of_home(home: str) -> list[str]:
    """The processes that have this home in their environment."""
    return [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/environ")
        if f"ANTIPHON_HOME={home}".encode() in _read(path).split(b"\0")
    ]


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # It is gone, or not ours.
        return b""
