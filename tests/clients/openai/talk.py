"""OpenAI's Python SDK needs no more than its example."""

from example import talk

PACKAGES = ("openai", "websockets")

__all__ = ["PACKAGES", "talk"]
