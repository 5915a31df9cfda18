"""The thread that owns the device: who is heard when, and what becomes of a call when something fails."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
import torch
from prometheus_client import REGISTRY

from services.base.problems import Problem
from services.speech import model_thread, pace, priming
from services.speech.batch import Batch
from services.speech.engine import Engine
from services.speech.errors import TooLittleMemory
from services.speech.model_thread import Lease, ModelBroke, ModelThread, Said, TooFarAhead
from services.speech.pace import FellBehind, Pace
from services.speech.prefixes import Prefixes
from services.speech.priming import PrimingTooLong
from services.speech.samples import Samples
from services.speech.sampling import GREEDY, Drawing
from services.speech.shapes import FRAME_S, FRAME_SAMPLES
from services.speech.toy_engine import toy_engine

LIMIT_S = 60
SLOW_IS_FINE = 1e9
"""Other programs load the machine that tests run on."""


@pytest.fixture(scope="module")
def engine() -> Engine:
    return toy_engine()


class Caller:
    """A call, as the event loop sees it."""

    def __init__(self, slot: int) -> None:
        self.said: list[Said] = []
        self._more = asyncio.Event()
        self.broke: asyncio.Future[Problem] = asyncio.get_running_loop().create_future()
        self.lease = Lease(slot, self._hear, self.broke.set_result)

    def _hear(self, said: Said) -> None:
        self.said.append(said)
        self._more.set()

    async def heard(self, frames: int) -> list[Said]:
        async with asyncio.timeout(LIMIT_S):
            while len(self.said) < frames:
                self._more.clear()
                await self._more.wait()
        return self.said


@asynccontextmanager
async def running(
    engine: Engine, slots: int, most_real_time: float = SLOW_IS_FINE
) -> AsyncIterator[ModelThread]:
    thread = ModelThread(Batch(engine.model, engine.mimi, slots), Prefixes(most=10**9), Pace(most_real_time))
    await thread.start()
    try:
        yield thread
    finally:
        await thread.stop()


async def join(
    thread: ModelThread, engine: Engine, caller: Caller, prompt: str = "be kind", *, seed: int = 0
) -> None:
    key, script = engine.priming("NATF2", prompt)
    async with asyncio.timeout(LIMIT_S):
        await thread.join(caller.lease, key, script, Drawing(seed=seed))


def sound(frames: int, seed: int = 0) -> list[Samples]:
    noise = np.random.default_rng(seed).normal(scale=0.1, size=(frames, FRAME_SAMPLES))
    return list(noise.astype(np.float32))


def never() -> priming.Work[priming.Script]:
    yield
    raise AssertionError("it is known")


def slowly(engine: Engine, go_on: threading.Event) -> Callable[[], priming.Work[priming.Script]]:
    """A script that is not written before `go_on` is set."""

    def script() -> priming.Work[priming.Script]:
        while not go_on.is_set():
            yield
        return priming.script(engine.model.shape, None, [])

    return script


def work_for(seconds: float) -> None:
    """Keep the thread busy for so much of its own time."""
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


def late(cause: str) -> float:
    return REGISTRY.get_sample_value("antiphon_speech_late_frames_total", {"cause": cause}) or 0.0


def alone(engine: Engine, frames: list[Samples], seed: int = 0) -> list[int]:
    """The text of a call that has a batch to itself."""
    _, script = engine.priming("NATF2", "be kind")
    assert script is not None
    batch = Batch(engine.model, engine.mimi, 1)
    prefix = priming.prefill(engine.model, priming.finish(script()))
    batch.join(0, prefix, Drawing(seed=seed))
    batch.host.live.fill_(True)
    tokens = []
    for frame in frames:
        batch.host.heard[0] = torch.from_numpy(frame)
        batch.tick(1)
        tokens.append(int(batch.host.tokens[0, 0]))
    return tokens


async def test_calls_that_come_late_or_ahead_lose_nothing(engine: Engine) -> None:
    """One sends as it sounds, one all at once, one a frame now and then: each says what it says alone."""
    async with running(engine, 3) as thread:
        callers = [Caller(slot) for slot in range(3)]
        frames = [sound(12, seed) for seed in range(3)]
        for caller, seed in zip(callers, range(3), strict=True):
            await join(thread, engine, caller, seed=seed)
        for frame in frames[0]:
            thread.hear(callers[0].lease, frame)
        for number, (second, third) in enumerate(zip(frames[1], frames[2], strict=True), start=1):
            thread.hear(callers[1].lease, second)
            await callers[1].heard(number)
            if number % 3 == 0:
                thread.hear(callers[2].lease, third)
        await callers[0].heard(12)
        await callers[2].heard(4)
    for caller, heard, seed in zip(callers, frames[:2], range(2), strict=False):
        assert [said.text for said in caller.said] == alone(engine, heard, seed)
    assert [said.text for said in callers[2].said] == alone(engine, frames[2][2::3], seed=2)


async def test_what_is_said_sounds(engine: Engine) -> None:
    async with running(engine, 1) as thread:
        caller = Caller(0)
        await join(thread, engine, caller)
        for frame in sound(10):
            thread.hear(caller.lease, frame)
        said = await caller.heard(10)
    loud = np.sqrt(np.mean(np.square([each.sound for each in said])))
    assert 0.005 < loud < 0.1  # A murmur: -46 to -20 dBFS.
    assert all(each.sound.shape == (FRAME_SAMPLES,) for each in said)


async def test_a_known_voice_and_persona_is_not_primed_again(engine: Engine) -> None:
    async with running(engine, 2) as thread:
        first, second = Caller(0), Caller(1)
        await join(thread, engine, first)
        key, _ = engine.priming("NATF2", "be kind")
        await thread.join(second.lease, key, never, Drawing(seed=0))
        for caller in (first, second):
            for frame in sound(5):
                thread.hear(caller.lease, frame)
        assert [said.text for said in await first.heard(5)] == [said.text for said in await second.heard(5)]


async def test_others_go_on_while_a_call_is_primed(engine: Engine) -> None:
    """Between two pieces of a long persona everybody with a frame is heard."""
    async with running(engine, 2) as thread:
        talking, joining = Caller(0), Caller(1)
        await join(thread, engine, talking)
        pieces = 8
        for frame in sound(pieces):
            thread.hear(talking.lease, frame)
        await join(thread, engine, joining, prompt="word " * (priming.AT_ONCE * (pieces - 1)))
        assert len(await talking.heard(pieces - 1)) >= pieces - 1
        thread.hear(joining.lease, sound(1)[0])
        await joining.heard(1)


async def test_who_is_known_or_leaves_does_not_wait_for_the_priming_of_another(engine: Engine) -> None:
    async with running(engine, 3) as thread:
        talking, known, primed = (Caller(slot) for slot in range(3))
        await join(thread, engine, talking)
        go_on = threading.Event()
        joining = asyncio.create_task(
            thread.join(primed.lease, ("slow", (1,)), slowly(engine, go_on), GREEDY)
        )
        await join(thread, engine, known)
        for caller in (talking, known):
            thread.hear(caller.lease, sound(1)[0])
            await caller.heard(1)
        async with asyncio.timeout(LIMIT_S):
            await thread.leave(known.lease)
        assert not joining.done()
        go_on.set()
        async with asyncio.timeout(LIMIT_S):
            await joining


async def test_of_two_with_the_same_persona_one_is_primed(engine: Engine) -> None:
    async with running(engine, 2) as thread:
        go_on, key = threading.Event(), ("slow", (1,))
        go_on.set()
        first = thread.join(Caller(0).lease, key, slowly(engine, go_on), GREEDY)
        second = thread.join(Caller(1).lease, key, never, GREEDY)
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(first, second)


async def test_who_hangs_up_is_primed_no_further(engine: Engine) -> None:
    """Else the next one would wait for ever here."""
    async with running(engine, 2) as thread:
        gone, next_one = Caller(0), Caller(1)
        joining = asyncio.create_task(
            thread.join(gone.lease, ("slow", (1,)), slowly(engine, threading.Event()), GREEDY)
        )
        await asyncio.sleep(0)  # It begins.
        joining.cancel()
        async with asyncio.timeout(LIMIT_S):
            await thread.leave(gone.lease)
        await join(thread, engine, next_one)
        thread.hear(next_one.lease, sound(1)[0])
        await next_one.heard(1)


async def test_sound_that_is_late_goes_before_the_next_piece_of_priming(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And yet one that joins comes on, though sound is late all the time."""
    monkeypatch.setattr(model_thread, "FRAME_S", 0.01)
    done: list[str] = []
    async with running(engine, 2) as thread:
        talking, joining = Caller(0), Caller(1)
        await join(thread, engine, talking)
        tick = thread.batch.tick

        def ticking(count: int) -> None:
            done.append("tick")
            tick(count)

        monkeypatch.setattr(thread.batch, "tick", ticking)

        def script() -> priming.Work[priming.Script]:
            for frame in sound(20):
                thread.hear(talking.lease, frame)
            for _ in range(3):
                done.append("piece")
                work_for(0.3)
                yield
            return priming.script(engine.model.shape, None, [])

        async with asyncio.timeout(LIMIT_S):
            await thread.join(joining.lease, ("slow", (1,)), script, GREEDY)
    assert done[:11] == [*["piece", *["tick"] * 4] * 2, "piece"]


async def test_sound_that_waits_for_work_of_the_thread_is_late_by_its_fault(engine: Engine) -> None:
    async with running(engine, 1) as thread:
        caller = Caller(0)
        await join(thread, engine, caller)
        before = late("model")

        def work() -> priming.Work[None]:
            thread.hear(caller.lease, sound(1)[0])
            work_for(2 * FRAME_S)
            yield

        await thread.do(work())
        await caller.heard(1)
        assert late("model") == before + 1


async def test_a_slow_device_gives_up_the_call_that_came_last(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "RECENT_TICKS", 1)
    monkeypatch.setattr(pace, "MOST_BEHIND_S", 0)
    async with running(engine, 2, most_real_time=0) as thread:
        first, second = Caller(1), Caller(0)
        for caller in (first, second):
            await join(thread, engine, caller)

        def both() -> priming.Work[None]:
            for caller in (first, second):
                thread.hear(caller.lease, sound(1)[0])
            yield

        for frames in (1, 2):  # The first tick shows that the device is slow.
            await thread.do(both())
            await first.heard(frames)
        async with asyncio.timeout(LIMIT_S):
            assert (await second.broke).code == "fell_behind"
        assert not first.broke.done()


async def test_sound_that_piles_up_by_the_device_s_fault_is_no_client_s(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_thread, "MOST_BEHIND_S", -1)
    async with running(engine, 1) as thread:
        caller = Caller(0)  # Not joined: nothing is heard of it.
        for frame in sound(model_thread.MOST_AHEAD):
            thread.hear(caller.lease, frame)
        with pytest.raises(FellBehind, match="too slow"):
            thread.hear(caller.lease, sound(1)[0])


async def test_a_persona_that_is_too_long_fails_that_call_alone(engine: Engine) -> None:
    async with running(engine, 2) as thread:
        talking, joining = Caller(0), Caller(1)
        await join(thread, engine, talking)
        with pytest.raises(PrimingTooLong):
            await join(thread, engine, joining, prompt="word " * 1000)
        thread.hear(talking.lease, sound(1)[0])
        await talking.heard(1)
        assert thread.broken is None


async def test_a_persona_for_which_there_is_no_memory_fails_that_call_alone(engine: Engine) -> None:
    def greedy() -> priming.Work[priming.Script]:
        yield
        raise torch.OutOfMemoryError("tried to allocate 1.57 GiB")

    async with running(engine, 2) as thread:
        talking, joining = Caller(0), Caller(1)
        await join(thread, engine, talking)
        with pytest.raises(TooLittleMemory, match="SPEECH_PREFIXES_MB"):
            await thread.join(joining.lease, ("large", (1,)), greedy, GREEDY)
        thread.hear(talking.lease, sound(1)[0])
        await talking.heard(1)
        assert thread.broken is None


async def test_a_client_that_runs_far_ahead_is_told(engine: Engine) -> None:
    async with running(engine, 1) as thread:
        caller = Caller(0)  # Not joined: nothing is heard of it.
        for frame in sound(model_thread.MOST_AHEAD):
            thread.hear(caller.lease, frame)
        with pytest.raises(TooFarAhead, match="10 s"):
            thread.hear(caller.lease, sound(1)[0])


async def test_who_leaves_is_heard_no_more_and_the_slot_is_fresh(engine: Engine) -> None:
    async with running(engine, 1) as thread:
        first, second = Caller(0), Caller(0)
        await join(thread, engine, first, seed=1)
        for frame in sound(6):
            thread.hear(first.lease, frame)
        await thread.leave(first.lease)
        gone = len(first.said)
        await join(thread, engine, second, seed=2)
        frames = sound(6, seed=3)
        for frame in frames:
            thread.hear(second.lease, frame)
        assert [said.text for said in await second.heard(6)] == alone(engine, frames, seed=2)
        assert len(first.said) == gone


async def test_when_the_model_breaks_everyone_is_told(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(engine, 2) as thread:
        caller = Caller(0)
        await join(thread, engine, caller)

        def break_down(count: int) -> None:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

        monkeypatch.setattr(thread.batch, "tick", break_down)
        thread.hear(caller.lease, sound(1)[0])
        async with asyncio.timeout(LIMIT_S):
            assert "illegal memory access" in (await caller.broke).detail
        with pytest.raises(ModelBroke):
            await join(thread, engine, Caller(1))
        await thread.leave(caller.lease)


async def test_at_start_it_is_measured_how_fast_the_device_is(engine: Engine) -> None:
    async with running(engine, 1) as thread:
        assert thread.rtf is not None
        assert thread.rtf > 0
        caller = Caller(0)
        await join(thread, engine, caller)  # And nothing of that is left in the slots.
        frames = sound(4)
        for frame in frames:
            thread.hear(caller.lease, frame)
        assert [said.text for said in await caller.heard(4)] == alone(engine, frames)


async def test_what_waits_at_the_end_is_told(engine: Engine) -> None:
    async with running(engine, 1) as thread:
        pass
    with pytest.raises(ModelBroke, match="stops"):
        await join(thread, engine, Caller(0))


async def test_the_start_measures_calls_whose_windows_are_full(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, read, tick = Batch(engine.model, engine.mimi, 2, lengths=(64,)), list[int](), Batch.tick

    def noted(self: Batch, count: int) -> None:
        read.append(self.length(count))
        tick(self, count)

    monkeypatch.setattr(Batch, "tick", noted)
    thread = ModelThread(batch, Prefixes(most=10**9), Pace(SLOW_IS_FINE))
    await thread.start()
    await thread.stop()
    assert set(read) == {engine.model.shape.context}
    assert batch.length(2) == 64
