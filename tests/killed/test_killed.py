"""kill -9 between any two states: a deed is done at most once, an idempotent one exactly once, and the row says so."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.killed.stage import PATIENCE, Deed, Stage

Which = tuple[str, str]
"""A deed's name and where it was held: `order` does harm when it is done twice, `switch` does none."""

GATEWAY_KILLED: dict[Which, tuple[int, str]] = {
    ("order", "row requested"): (0, ""),
    ("switch", "row requested"): (0, ""),
    ("order", "row running"): (0, "cancelled"),
    ("switch", "row running"): (1, "success"),
    ("order", "asked"): (0, "unknown"),
    ("switch", "asked"): (1, "success"),
    ("order", "began"): (1, "success"),
    ("switch", "began"): (1, "success"),
    ("order", "did"): (1, "success"),
    ("switch", "did"): (1, "success"),
    ("order", "answered"): (1, "success"),
    ("switch", "answered"): (1, "success"),
    ("order", "row success"): (1, "success"),
    ("switch", "row success"): (1, "success"),
}
"""How often each is done, and how its row ends; none where it was not written yet."""

ORCHESTRATOR_KILLED: dict[Which, tuple[int, str]] = {
    ("order", "began"): (0, "unknown"),
    ("switch", "began"): (1, "success"),
    ("order", "did"): (1, "unknown"),
    ("switch", "did"): (1, "success"),
}


@pytest.mark.timeout(4 * PATIENCE)
async def test_whoever_is_killed_at_whatever_moment_nothing_is_done_twice_and_the_rows_tell_what_was(
    database_url: str, tmp_path: Path
) -> None:
    # One after the other on one stage: what takes long is to start these processes.
    async with Stage.set(database_url, tmp_path) as stage:
        await an_orchestrator_is_killed(stage)
        await a_gateway_is_killed(stage)
        await a_gateway_is_killed_while_postgres_is_away(stage)


async def an_orchestrator_is_killed(stage: Stage) -> None:
    """Its gateway and the calls go on meanwhile."""
    async with stage.held(states_of(ORCHESTRATOR_KILLED)) as deeds:
        await stage.orchestrator.kill()
        await asyncio.gather(stage.let_go(), stage.orchestrator.start())
        await stage.rows(deeds, ends_of(ORCHESTRATOR_KILLED))
    assert done(deeds) == {which: times for which, (times, _) in ORCHESTRATOR_KILLED.items()}
    assert all(deed.ran == 1 for deed in deeds.values() if deed.name == "order")


async def a_gateway_is_killed(stage: Stage) -> None:
    async with stage.held(states_of(GATEWAY_KILLED)) as deeds:
        await stage.gateway.kill()
    await asyncio.gather(stage.let_go(), stage.gateway.start())
    rows = await stage.rows(deeds, ends_of(GATEWAY_KILLED))
    assert done(deeds) == {which: times for which, (times, _) in GATEWAY_KILLED.items()}
    # Nothing ran again in vain either: where the orchestrator knows the key it is not asked for anew.
    assert {which: deed.ran for which, deed in deeds.items()} == done(deeds)
    assert {row["arrival"] for row in rows.values() if row["status"] == "success"} == {"late"}


async def a_gateway_is_killed_while_postgres_is_away(stage: Stage) -> None:
    """All that it has written down is in its journal."""
    with stage.postgres.closed():
        async with stage.held(["did"]) as deeds:
            assert await stage.rows(deeds, {}) == {}
            await stage.gateway.kill()
    await asyncio.gather(stage.let_go(), stage.gateway.start())
    await stage.rows(deeds, dict.fromkeys(deeds, "success"))
    assert set(done(deeds).values()) == {1}
    assert {deed.ran for deed in deeds.values()} == {1}


def states_of(expected: Mapping[Which, object]) -> list[str]:
    return list(dict.fromkeys(state for _, state in expected))


def ends_of(expected: Mapping[Which, tuple[int, str]]) -> dict[Which, str]:
    return {which: status for which, (_, status) in expected.items() if status}


def done(deeds: Mapping[Which, Deed]) -> dict[Which, int]:
    return {which: deed.done for which, deed in deeds.items()}
