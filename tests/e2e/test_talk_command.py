"""`antiphon talk`: a call from files."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess

import asyncpg
import pytest
import pytest_asyncio

from gateway.cli.waveforms import Pcm
from tests.e2e.deployment import Deployment, run_command
from tests.e2e.recogniser import recognise, words
from tests.e2e.sentences import times_like
from tests.e2e.speech import Voice, cut, pause_near, read_wav, shuffled, timeline, write_wav

Ran = CompletedProcess[str]


@dataclass(frozen=True, slots=True)
class Talk:
    """What the command did."""

    ran: Ran
    answer: Pcm

    def lines(self, kind: str) -> list[tuple[float, str]]:
        """The second, and the text, of each line of the transcript of this kind."""
        found = re.findall(rf"^ *([\d.]+) s  {kind} +(.+)$", self.ran.stdout, re.MULTILINE)
        return [(float(at), text) for at, text in found]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def talk(
    deployment: Deployment, voice: Voice, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Talk]:
    folder = tmp_path_factory.mktemp("talk")
    hello, time = await voice.say("hello there"), await voice.say("what time is it in tokyo")
    question = write_wav(folder / "question.wav", timeline(0.5, hello, 4.5, time, 0.2))
    answer = folder / "answer.wav"
    ran = await asyncio.to_thread(
        run_command, deployment.environment, "talk", "--wav", str(question), "--out", str(answer)
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    yield Talk(ran, read_wav(answer))


def test_it_prints_the_transcript(talk: Talk) -> None:
    assert [text for _, text in talk.lines("you")] == ["hello there", "what time is it in tokyo"]
    greeting, result = [text for _, text in talk.lines("agent")]
    assert greeting
    assert result.endswith("in Tokyo.")


def test_it_prints_the_tool_calls(talk: Talk) -> None:
    calls = [text for _, text in talk.lines("tool")]
    assert calls[-1].startswith('clock.tell_time {"place": "Tokyo"}: success')


def test_it_prints_the_latency_of_each_turn(talk: Talk) -> None:
    spans = [dict(re.findall(r"(\w+) (\d+) ms", text)) for _, text in talk.lines("latency")]
    # What the tool took may come by itself, with its result.
    assert [int(span["turn"]) > 0 for span in spans if "turn" in span] == [True, True]
    assert any("tool" in span for span in spans)
    told = re.search(r"^words end -> agent sounds: (.+)$", talk.ran.stdout, re.MULTILINE)
    assert told
    assert len(told[1].split(",")) == 2


async def test_the_answer_file_says_the_result(talk: Talk, database: asyncpg.Connection) -> None:
    (before_at, _), (told_at, result) = talk.lines("agent")
    sound = cut(talk.answer, pause_near(talk.answer, before_at), told_at + 0.3)
    last = "SELECT result FROM voice_tool_invocations WHERE action = 'tell_time' AND result->>'response_text' = $1"
    candidates = times_like(await database.fetchval(f"{last} ORDER BY started_at DESC", result))
    assert recognise(sound, candidates).heard == words(result)
    assert recognise(shuffled(sound), candidates).heard is None


async def fails(deployment: Deployment, *arguments: str) -> Ran:
    return await asyncio.to_thread(run_command, deployment.environment, "talk", *arguments)


async def test_a_gateway_that_is_not_there_is_one_sentence(deployment: Deployment, tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "question.wav", timeline(0.5))
    ran = await fails(deployment, "--wav", str(wav), "--url", "http://127.0.0.1:9")
    assert ran.returncode == 1
    assert "`antiphon up` starts it" in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_a_file_that_is_no_sound_is_one_sentence(deployment: Deployment, tmp_path: Path) -> None:
    wav = tmp_path / "notes.wav"
    wav.write_text("These are no samples.")
    ran = await fails(deployment, "--wav", str(wav))
    assert ran.returncode == 1
    assert str(wav) in ran.stderr
    assert "wanted: a WAV file" in ran.stderr
    assert "Traceback" not in ran.stderr


async def test_a_file_that_does_not_exist_is_named(deployment: Deployment, tmp_path: Path) -> None:
    ran = await fails(deployment, "--wav", str(tmp_path / "nothing.wav"))
    assert ran.returncode == 2
    assert "nothing.wav" in ran.stderr


async def test_an_answer_that_cannot_be_written_is_refused_before_the_call(
    deployment: Deployment, tmp_path: Path
) -> None:
    wav = write_wav(tmp_path / "question.wav", timeline(0.5))
    ran = await fails(deployment, "--wav", str(wav), "--out", str(tmp_path / "no folder" / "answer.wav"))
    assert ran.returncode != 0
    assert "no folder" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""


async def test_an_unknown_persona_is_refused_with_the_known_ones(
    deployment: Deployment, tmp_path: Path
) -> None:
    wav = write_wav(tmp_path / "question.wav", timeline(0.5))
    ran = await fails(deployment, "--wav", str(wav), "--persona", "nobody")
    assert ran.returncode == 1
    assert "myca" in ran.stderr
