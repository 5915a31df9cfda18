"""`antiphon bench conversation` from outside, and what it writes down."""

import json
from math import inf
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.bench.conversation import Run, conversation, hold
from gateway.cli.bench.performing import Trial
from gateway.cli.bench.reading import Reading
from gateway.cli.bench.scenario import Hum, Scenario
from gateway.cli.bench.voices import NoVoice

SCENARIO = Scenario.model_validate(
    {
        "name": "chat",
        "title": "Chat",
        "voices": ["espeak:en-us", "tom"],
        "lines": ["hello"],
        "expect": {"answered": True},
        "bars": [{"title": "answer", "figure": "turn_ms", "median": 1000}],
    }
)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--only", "opera"], "no scenario opera; there are acknowledgements"),
        (["--rounds", "0"], "0 is not in the range"),
        (["--start", "--url", "http://there"], "one of them"),
        (["nothing.yaml"], "nothing.yaml"),
    ],
)
def test_a_wrong_order_is_a_sentence(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(conversation, arguments)
    assert result.exit_code == 2
    assert told in result.output


def test_a_wrong_scenario_is_told_before_anybody_is_called(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("title: Mine")
    result = CliRunner().invoke(conversation, [str(path), "--url", "http://127.0.0.1:1"])
    assert "mine.yaml: lines: Field required" in str(result.exception)


async def test_where_no_voice_can_be_had_nothing_is_measured() -> None:
    with pytest.raises(NoVoice, match="'tom' is neither"):
        await hold("http://127.0.0.1:1", [SCENARIO], 1, None, ["tom"], {})


async def test_a_gateway_that_is_not_there_breaks_the_run_off(tmp_path: Path) -> None:
    hum = SCENARIO.model_copy(update={"lines": (Hum(hum=300),)})
    run = await hold("http://127.0.0.1:1", [hum], 1, None, ["espeak:en-us"], {})
    assert "antiphon up" in str(run.broken)
    assert run.rows()[0].met is None


def test_the_json_holds_all_and_says_never_for_what_never_came() -> None:
    run = Run(
        "http://there", 1, [SCENARIO], [Trial("chat", "v", "hello", Reading(turn_ms=inf), {}, "id", 0.5)]
    )
    told = json.loads(json.dumps(run.told(), allow_nan=False))
    assert told["trials"][0]["reading"]["turn_ms"] == "never"
    assert told["trials"][0]["load"] == 0.5
    assert told["rows"][0]["met"] is False
    assert {"cores", "python", "antiphon", "commit"} <= set(told["machine"])
    assert len(told["load_before"]) == len(told["load_after"]) == 3
