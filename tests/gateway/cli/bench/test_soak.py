"""The long run tells lost bytes and growing memory."""

import pytest

from gateway.cli.bench.load.soak import Endured, Soak
from tests.gateway.cli.bench.test_load import FRAME_MS, Server, echo, serving


async def endured(answer: Server, monkeypatch: pytest.MonkeyPatch) -> Endured:
    monkeypatch.setattr("gateway.cli.bench.load.soak.SHORTEST_S", 0.2)
    monkeypatch.setattr("gateway.cli.bench.load.soak.LONGEST_S", 0.4)
    monkeypatch.setattr("gateway.cli.bench.load.generator.DRAIN_S", 1.0)
    async with serving(answer) as target:
        return await Soak(target, FRAME_MS, 4, lambda _: None).run(1.5)


async def test_calls_stay_and_others_come_and_go(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = await endured(echo, monkeypatch)
    assert seen.right
    assert seen.steady == 2
    assert seen.came_and_went >= 2
    assert seen.frames > 0
    assert seen.growth is None, "there is no process 0 whose memory could be read"


def grown(by_kb: int) -> Endured:
    """A run in which the memory grew by `by_kb` with each look, after it was warm."""
    seen = Endured(600, 50)
    seen.memory_kb = [40_000 + 4000 * look for look in range(15)]
    seen.memory_kb += [100_000 + by_kb * look for look in range(45)]
    return seen


def test_a_memory_that_fills_and_then_stays_is_flat() -> None:
    assert grown(0).right
    assert grown(0).growth == 0


def test_a_memory_that_grows_on_is_a_leak() -> None:
    # 1 MB each ten seconds.
    assert not grown(1000).right


@pytest.mark.parametrize("wrong", [Endured(600, 50, lost=1), Endured(600, 50, faults=["wrong bytes"])])
def test_a_byte_that_is_wrong_or_lost_fails_the_run(wrong: Endured) -> None:
    assert not wrong.right
