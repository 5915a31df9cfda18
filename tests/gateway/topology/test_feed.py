"""The feed: one builder for all who watch, the newest for each, and rest when nobody does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.topology import feed as module
from gateway.topology.feed import Feed
from gateway.topology.graph import Known
from services.base.problems import Busy, Unavailable
from tests.gateway.topology.known import a_session, known

PATIENCE = 20.0


class Scene:
    """What there is to see, and whether somebody looks."""

    def __init__(self) -> None:
        self.calls = 0
        self.looks = 0
        self.fails = 0
        self.looked = asyncio.Event()

    def look(self) -> Known:
        self.looks += 1
        self.looked.set()
        if self.fails:
            self.fails -= 1
            raise ValueError("it cannot be seen")
        sessions = [a_session(n) for n in range(self.calls)]
        now = known(*sessions)
        return replace(now, at=now.at + timedelta(seconds=self.looks))

    async def looks_again(self) -> None:
        """Wait until it is looked at once more."""
        self.looked.clear()
        async with asyncio.timeout(PATIENCE):
            await self.looked.wait()


class Neighbours:
    """Whoever is asked beside."""

    def __init__(self) -> None:
        self.begun, self.over = asyncio.Event(), asyncio.Event()
        self.have_answered = asyncio.Event()
        self.have_answered.set()

    async def run(self) -> None:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.over.set()

    async def asked(self) -> None:
        await self.have_answered.wait()


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
def around() -> Neighbours:
    return Neighbours()


@pytest.fixture
async def feed(scene: Scene, around: Neighbours) -> AsyncIterator[Feed]:
    feed = Feed(scene.look, around, most=2, every_s=0.001)
    yield feed
    await feed.close()


async def test_nobody_looks_while_nobody_watches(feed: Feed, scene: Scene) -> None:
    assert not feed.is_at_work
    assert scene.looks == 0


async def test_a_reader_gets_all_of_it_first_and_then_what_is_new(feed: Feed, scene: Scene) -> None:
    async with asyncio.timeout(PATIENCE), feed.reader() as newer:
        first = await newer(None)
        scene.calls = 3
        second = await newer(first)
        while len(second.sessions) != 3:
            second = await newer(second)
    assert len(first.sessions) == 0


async def test_a_look_that_shows_nothing_new_wakes_nobody(feed: Feed, scene: Scene) -> None:
    async with asyncio.timeout(PATIENCE), feed.reader() as newer:
        first = await newer(None)
        waiting = asyncio.create_task(newer(first))
        for _ in range(5):
            await scene.looks_again()
        assert not waiting.done()
        scene.calls = 1
        assert len((await waiting).sessions) == 1


async def test_a_slow_reader_gets_the_newest_and_never_a_queue(feed: Feed, scene: Scene) -> None:
    async with asyncio.timeout(PATIENCE), feed.reader() as newer:
        seen = await newer(None)
        for calls in range(1, 6):
            scene.calls = calls
            await scene.looks_again()
        # The look under way when the last call came may still be of before it.
        await scene.looks_again()
        assert len((await newer(seen)).sessions) == 5


async def test_many_readers_share_one_builder(feed: Feed) -> None:
    async with asyncio.timeout(PATIENCE), feed.reader() as one, feed.reader() as other:
        first = await one(None)
        assert await other(None) is first


async def test_more_readers_than_may_are_told_to_come_again(feed: Feed) -> None:
    async with feed.reader(), feed.reader():
        with pytest.raises(Busy, match="2 watch"):
            async with feed.reader():
                pass
    async with feed.reader():
        pass


async def test_the_builder_rests_behind_the_last_reader(
    feed: Feed, scene: Scene, around: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RESTS_AFTER_S", 0.0)
    async with feed.reader() as newer:
        await newer(None)
        assert not around.over.is_set()
    async with asyncio.timeout(PATIENCE):
        await around.over.wait()
    assert not feed.is_at_work
    looks = scene.looks
    scene.calls = 2
    async with asyncio.timeout(PATIENCE), feed.reader() as newer:
        assert len((await newer(None)).sessions) == 2, "what was seen before the rest is not shown again"
    assert scene.looks > looks


async def test_the_first_look_waits_until_the_parts_were_asked(
    feed: Feed, scene: Scene, around: Neighbours
) -> None:
    around.have_answered.clear()
    async with asyncio.timeout(PATIENCE), feed.reader() as newer:
        waiting = asyncio.create_task(newer(None))
        await around.begun.wait()
        assert scene.looks == 0
        around.have_answered.set()
        await waiting


async def test_a_part_that_does_not_answer_keeps_nobody_waiting(
    feed: Feed, around: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_ASKED_S", 0.01)
    around.have_answered.clear()
    async with asyncio.timeout(PATIENCE), feed.reader() as newer:
        await newer(None)


async def test_a_fault_of_ours_is_told_and_tried_again(
    feed: Feed, scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    scene.fails = 1
    async with asyncio.timeout(PATIENCE), feed.reader() as newer:
        await newer(None)
    assert "the topology cannot be seen" in caplog.text


async def test_what_was_once_seen_is_not_shown_as_if_it_were_now(
    feed: Feed, scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    async with asyncio.timeout(PATIENCE), feed.reader() as newer:
        first = await newer(None)
        scene.fails = 1_000_000
        with pytest.raises(Unavailable):
            await newer(first)
        with pytest.raises(Unavailable):
            await feed.latest()
        assert caplog.text.count("the topology cannot be seen") == 1
        scene.fails = 0
        await scene.looks_again()
        await scene.looks_again()
        await newer(None)


async def test_nobody_waits_without_end_for_the_first_look(
    feed: Feed, around: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FIRST_LOOK_S", 0.01)
    around.have_answered.clear()
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(Unavailable, match=r"0\.01 s"):
            await feed.latest()


async def test_one_owner_leaves_places_to_others(scene: Scene, around: Neighbours) -> None:
    feed = Feed(scene.look, around)
    async with contextlib.AsyncExitStack() as watching:
        for _ in range(module.MOST_OF_ONE):
            await watching.enter_async_context(feed.reader("ann"))
        with pytest.raises(Busy, match="with this key"):
            await watching.enter_async_context(feed.reader("ann"))
        await watching.enter_async_context(feed.reader("ben"))
    async with feed.reader("ann"):
        pass
    await feed.close()


async def test_however_many_watch_operators_find_a_place(scene: Scene, around: Neighbours) -> None:
    feed = Feed(scene.look, around)
    async with contextlib.AsyncExitStack() as watching:
        for n in range(module.MOST_READERS - module.FOR_OPERATORS):
            await watching.enter_async_context(feed.reader(f"key {n}"))
        with pytest.raises(Busy):
            await watching.enter_async_context(feed.reader("one more"))
        for _ in range(module.FOR_OPERATORS):
            await watching.enter_async_context(feed.reader())
        with pytest.raises(Busy):
            await watching.enter_async_context(feed.reader())
    await feed.close()


async def test_who_looks_once_takes_no_place_and_lets_the_builder_rest(
    feed: Feed, around: Neighbours, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asyncio.timeout(PATIENCE):
        async with feed.reader(), feed.reader():
            await feed.latest()
        monkeypatch.setattr(module, "RESTS_AFTER_S", 0.0)
        await feed.latest()
        await around.over.wait()
    assert not feed.is_at_work


async def test_who_watches_is_told_when_the_gateway_stops(feed: Feed) -> None:
    async with asyncio.timeout(PATIENCE), feed.reader() as newer:
        waiting = asyncio.create_task(newer(await newer(None)))
        await asyncio.sleep(0)
        await feed.close()
        with pytest.raises(Unavailable):
            await waiting
    assert not feed.is_at_work
