"""Scenarios that must always hold: the bench's, one or two lines each, in the voice that the recogniser knows best."""

from pathlib import Path

import pytest

from gateway.cli.bench.performing import Trial, cast, perform
from gateway.cli.bench.scenario import load
from gateway.cli.bench.voices import Voices
from tests.e2e.deployment import Deployment

FOLDER = Path(__file__).with_name("scenarios")


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
async def test_a_conversation_goes_as_its_scenario_says(deployment: Deployment, name: str) -> None:
    scenario = load(FOLDER / f"{name}.yaml")
    voices = Voices(deployment.part_url("synthesizer"), deployment.internal_key)
    trials: list[Trial] = []
    for voice, lines in cast(scenario, scenario.voices, rounds=1):
        trials += [trial async for trial in perform(scenario, deployment.url, voices, voice, lines, {})]
    assert len(trials) == len(scenario.lines), trials
    assert all(trial.met and all(trial.met.values()) for trial in trials), trials
