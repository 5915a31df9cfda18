"""`antiphon eval tasks` from outside, and what it writes down."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.bench.performing import Trial
from gateway.cli.bench.reading import Reading
from gateway.cli.bench.voices import NoVoice
from gateway.cli.eval.task import Task
from gateway.cli.eval.tasks import Attempt, Run, called, speak, tasks

TASK = Task.model_validate({"say": ["five", 0.3, "no ten"], "tool": "timers.set_timer"})


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--first", "0"], "0 is not in the range"),
        (["--start", "--url", "http://there"], "one of them"),
        (["nothing.yaml"], "nothing.yaml"),
    ],
)
def test_a_wrong_order_is_a_sentence(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(tasks, arguments)
    assert result.exit_code == 2
    assert told in result.output


async def test_where_no_voice_can_be_had_nothing_is_measured() -> None:
    with pytest.raises(NoVoice, match="'tom' is neither"):
        await speak("http://127.0.0.1:1", [TASK], ["tom"])


async def test_a_gateway_that_is_not_there_breaks_the_run_off() -> None:
    run = await speak("http://127.0.0.1:1", [TASK], ["espeak:en-us"])
    assert "antiphon up" in run.broken
    assert run.shares()["all"].value is None


def test_the_json_holds_all() -> None:
    reading = Reading(turns=("ten",), tools=("timers.set_timer",), arguments=({"duration": "PT10M"},))
    trial = Trial("", "v", "five no ten", reading, {}, "id", 0.5)
    run = Run("http://there", [Attempt(TASK, "v", trial, True)])
    told = json.loads(json.dumps(run.told(), allow_nan=False))
    assert told["shares"]["corrected"]["share"] == 1.0
    assert told["shares"]["in one go"] == {"share": None, "interval": None, "n": 0}
    assert told["attempts"][0]["called"] == [{"tool": "timers.set_timer", "arguments": {"duration": "PT10M"}}]
    assert {"cores", "commit"} <= set(told["machine"])


def test_what_was_heard_and_done_instead_is_told() -> None:
    trial = Trial("", "v", "five no ten", Reading(turns=("tan",)), {}, "id", 0.5)
    assert called(trial) == []
    line = Attempt(TASK, "v", trial, False).line()
    assert "heard tan" in line
    assert "did   nothing" in line


def test_the_file_is_read_before_anybody_is_called(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("- {say: hello}")
    result = CliRunner().invoke(tasks, [str(path), "--url", "http://127.0.0.1:1"])
    assert "0.tool" in str(result.exception)
