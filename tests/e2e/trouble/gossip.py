"""Tools that fail with what they were told on their lips."""

from typing import Any


async def choke(text: str) -> Any:
    raise ValueError(f"cannot swallow {text!r}") from RuntimeError(text)


async def babble(text: str) -> Any:
    return {text: text}
