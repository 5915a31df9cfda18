"""`antiphon talk` against a served gateway: what is printed, what is written, and how it fails."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from bridge import events as bridge
from bridge.ledger import Status
from gateway.cli import talk
from gateway.cli.caller import CallRefused
from gateway.cli.talk import CallFailed, Transcript, hold
from gateway.session.clock import samples
from tests.gateway.harness import PATIENCE, Gateway
from tests.gateway.samples import finished_invocation

QUESTION = b"\x00\x20" * samples(200)


async def held(gateway: Gateway, script: Callable[[], Any] | None = None, **asked: Any) -> Transcript:
    """A call of 200 ms, beside which the test's script runs."""
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        talking = tasks.create_task(hold(gateway.url, asked, QUESTION, PATIENCE))
        if script is not None:
            await script()
    return talking.result()


async def ears_of(gateway: Gateway) -> Any:
    """The ears of the only call, once it is there."""
    async with asyncio.timeout(PATIENCE):
        await gateway.parts.made.wait()
    return next(iter(gateway.parts.ears.values()))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a second answer that does not come."""
    monkeypatch.setattr(talk, "QUIET_S", 0.2)


async def test_a_call_is_printed_and_its_sound_kept(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script() -> None:
        await (await ears_of(gateway)).say("hello there")

    transcript = await held(gateway, script)
    lines = capsys.readouterr().out.splitlines()
    assert any("you      hello there" in line for line in lines)
    assert any("agent    You said hello there" in line for line in lines)
    assert any("latency" in line and "turn" in line for line in lines)
    heard = np.frombuffer(transcript.sound, "<i2")
    assert (heard == 0x4000).sum() == 4 * samples(200)
    assert not heard[: samples(200)].any()
    await gateway.over()
    assert gateway.rows[-1].end_reason == "client_closed"  # type: ignore[union-attr]


async def test_a_tool_is_waited_for_and_printed(gateway: Gateway, capsys: pytest.CaptureFixture[str]) -> None:
    done_by_hand = asyncio.Event()

    async def bridged(utterance: bridge.Utterance) -> Any:
        done = finished_invocation(utterance)
        running = replace(done, status=Status.RUNNING, completed_at=None, latency_ms=None, result=None)
        yield bridge.InvocationChanged(running)
        await done_by_hand.wait()
        yield bridge.InvocationChanged(done)
        yield bridge.Reply(utterance.turn_id, "It is noon.", "tool", done.invocation_id)

    async def script() -> None:
        gateway.parts.bridge.script = bridged
        await (await ears_of(gateway)).say("what time is it")
        # Longer than talk waits where nothing is under way.
        asyncio.get_running_loop().call_later(1.0, done_by_hand.set)

    await held(gateway, script)
    printed = capsys.readouterr().out
    assert 'clock.tell_time {"place": "Tokyo"}: running' in printed
    assert 'clock.tell_time {"place": "Tokyo"}: success in 2 ms' in printed
    assert "agent    It is noon." in printed


async def test_a_gateway_that_hangs_up_is_a_failure(gateway: Gateway) -> None:
    async def script() -> None:
        await (await ears_of(gateway)).begin("hello")
        gateway.call().end("hung_up")

    with pytest.raises(ExceptionGroup) as failed:
        await held(gateway, script)
    assert failed.group_contains(CallFailed, match="ended the call")


async def test_a_refusal_is_in_the_gateway_s_words(gateway: Gateway) -> None:
    with pytest.raises(CallRefused, match="nobody"):
        await hold(gateway.url, {"persona": "nobody"}, QUESTION, PATIENCE)


async def test_a_gateway_that_is_not_there_is_named() -> None:
    with pytest.raises(CallRefused, match=r"127\.0\.0\.1:1.*antiphon up"):
        await hold("http://127.0.0.1:1", {}, QUESTION, PATIENCE)


async def test_a_call_has_an_end(gateway: Gateway) -> None:
    with pytest.raises(CallFailed, match="not over"):
        await hold(gateway.url, {}, QUESTION, 0.3)


def event(kind: str, at: float = 1.0, /, **fields: Any) -> dict[str, Any]:
    return {"at": at, "type": kind, **fields}


def test_errors_and_barge_ins_are_printed() -> None:
    transcript = Transcript()
    told = transcript.take(event("error", error={"code": "no_input", "message": "nothing"}))
    assert "no_input: nothing" in str(told)
    told = transcript.take(event("antiphon.barge_in", kind="barge_in", heard_ms=120))
    assert "barge_in after 120 ms" in str(told)
    assert transcript.take(event("rate_limits.updated")) is None


def test_a_call_is_over_when_nothing_is_under_way_any_more() -> None:
    transcript = Transcript()
    assert not transcript.is_over(talk.FIRST_ANSWER_S - 0.1)
    assert transcript.is_over(talk.FIRST_ANSWER_S + 0.1)
    assert not transcript.is_over(talk.FIRST_ANSWER_S + 0.1, sounds_until=talk.FIRST_ANSWER_S)
    transcript.take(event("response.created", 1.0, response={"id": "r"}))
    assert not transcript.is_over(100.0)


def test_files_are_read_before_anybody_is_called(tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"no sound")
    result = CliRunner().invoke(talk.talk, ["--wav", str(bad), "--url", "http://127.0.0.1:1"])
    assert result.exit_code != 0
    assert "bad.wav" in str(result.exception)
