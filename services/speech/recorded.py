"""Work over fixed tensors, on a GPU recorded once and replayed: one launch instead of thousands."""

from collections.abc import Callable

import torch

WARM_UPS = 3
"""Runs before recording, in which libraries choose their kernels and take their memory."""


def record(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """Record `work`, which reads and writes tensors that stay where they are and asks the host for nothing.

    It is run a few times meanwhile. Off a GPU it is returned as it is.
    """
    if device.type != "cuda":
        return work
    with torch.cuda.device(device), torch.inference_mode():
        before, beside = torch.cuda.current_stream(), torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(before)
        with torch.cuda.stream(beside):
            for _ in range(WARM_UPS):
                work()
        before.wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            work()
    return graph.replay
