"""Work over fixed tensors, on a GPU recorded once and replayed: one launch instead of thousands."""

import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import torch
from torch import Tensor

WARM_UPS = 3
"""Runs before recording, in which libraries choose their kernels and take their memory."""

MOST_SHAPES = 1_000
"""For which a function may be compiled. torch would give up after eight; here each is meant."""

Key = TypeVar("Key")
Work = Callable[[], None]
Arguments = ParamSpec("Arguments")
recording = ContextVar("recording", default=False)
"""Whether what runs now is being recorded."""


def fused(plain: Callable[Arguments, Tensor]) -> Callable[Arguments, Tensor]:
    """Have a function over tensors run as one kernel wherever it is recorded; elsewhere it runs as it is written.

    It is compiled at the first call for each shape, for seconds. In a recording that is before anybody calls; between
    ticks, where shapes are those of somebody's persona, all calls would stand still meanwhile.
    """

    @functools.cache
    def compiled() -> Callable[Arguments, Tensor]:
        return torch.compile(plain, fullgraph=True, dynamic=False, mode="max-autotune-no-cudagraphs")

    @functools.wraps(plain)
    def run(*tensors: Arguments.args, **named: Arguments.kwargs) -> Tensor:
        return (compiled() if recording.get() else plain)(*tensors, **named)

    return run


def record(works: Mapping[Key, Work], device: torch.device) -> dict[Key, Work]:
    """Record works that read and write tensors which stay where they are, and ask the host for nothing.

    Each is run a few times meanwhile. They share the memory for what they hold in between, since only one runs at a
    time and none leaves anything there: give the largest first, so that the others find room in its own. Off a GPU
    they are returned as they are.
    """
    if device.type != "cuda":
        return dict(works)
    import torch._dynamo.config  # It takes a second, which a CPU need not.

    many = torch._dynamo.config.patch(recompile_limit=MOST_SHAPES)
    token = recording.set(True)
    try:
        with many, torch.cuda.device(device), torch.inference_mode():
            pool = torch.cuda.graph_pool_handle()
            return {key: _record(work, pool) for key, work in works.items()}
    finally:
        recording.reset(token)


@contextmanager
def waits_are_errors(device: torch.device) -> Iterator[None]:
    """On a GPU, whatever makes the host wait for it raises a RuntimeError, but for `synchronize` itself."""
    if device.type != "cuda":
        yield
        return
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode(before)


def _record(work: Work, pool: Any) -> Work:
    before, beside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
    beside.wait_stream(before)
    with torch.cuda.stream(beside):
        for _ in range(WARM_UPS):
            work()
    before.wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, pool=pool):
        work()
    return graph.replay
