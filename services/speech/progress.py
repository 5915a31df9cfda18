"""A long download in the log: what is fetched, and every half minute how much of it has come."""

import logging
import time
from collections.abc import Callable
from typing import Any

from huggingface_hub.utils.tqdm import tqdm

from services.speech.machine import amount

log = logging.getLogger(__name__)

EVERY_S = 30.0
"""A line so often: at 2.5 MB a second 17 GB take two hours, in which somebody looks now and then."""


class Progress:
    """How far a file has come, if it has to."""

    def __init__(self, file: str, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            size: Bytes.
            clock: Seconds.
        """
        self._about: dict[str, object] = {"file": file, "size": amount(size)}
        self._size, self._clock = size, clock
        self._began: float | None = None
        self._told, self._come = 0.0, 0

    def begin(self) -> None:
        """It has to be fetched."""
        if self._began is None:
            self._began = self._told = self._clock()
            log.info("a file is fetched", extra=self._about)

    def come(self, count: int) -> None:
        """So many bytes have come in all."""
        # The hub's client may count both what was sent and what was written: who is ahead tells more.
        self._come = max(self._come, count)
        if (now := self._clock()) - self._told >= EVERY_S:
            self._told = now
            percent = 100 * self._come // self._size
            log.info("a file comes", extra={**self._about, "come": amount(self._come), "percent": percent})

    def end(self) -> None:
        """The file is here, whole."""
        if self._began is None:
            log.info("a file is here already", extra=self._about)
        else:
            took_s = round(self._clock() - self._began)
            log.info("a file has come", extra={**self._about, "took_s": took_s})

    def bar(self) -> type[tqdm]:
        """What the hub's client is to make its progress bars of: they draw nothing, and tell this."""
        progress = self

        class Bar(tqdm):
            def __init__(self, *args: Any, **named: Any) -> None:
                super().__init__(*args, **{**named, "disable": True})  # type: ignore[no-untyped-call]
                progress.begin()

            def update(self, n: float | None = 1) -> None:
                self.n += n or 0
                progress.come(int(self.n))

        return Bar
