"""Plans by function calling: any server with OpenAI's chat completions."""

import json
import logging
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.orchestrator.catalog import Catalog
from services.orchestrator.patterns import NOTHING, make_plan
from services.orchestrator.protocol import Plan

if TYPE_CHECKING:
    from openai import AsyncOpenAI

log = logging.getLogger(__name__)

TIMEOUT_S = 4.0
"""A caller waits in silence meanwhile."""
REST_S = 15.0
"""After a failure the model is left alone, so that a dead one doesn't slow every turn."""
CONFIDENCE = 0.7
"""A model gives no measure of its own; this stands below every plan that patterns are sure of."""
MAX_ARGUMENT_BYTES = 10_000

INSTRUCTIONS = (
    "You pick the one tool that does what the user asks, for a voice assistant. Their words come from a speech "
    "recogniser and may be slightly wrong. Call a tool only if it fits; for small talk, or a wish that no tool "
    "fulfils, call none. Leave out what the user did not say; never invent an argument. It is {now}."
)


class ModelFailed(Exception):
    """The model made no plan; the message says why, without what was said."""


class ModelPlanner:
    """Asks a language model which tool to call."""

    def __init__(self, catalog: Catalog, base_url: str, model: str, api_key: str, max_tokens: int) -> None:
        self.catalog = catalog
        self.base_url, self.model, self.api_key, self.max_tokens = base_url, model, api_key, max_tokens
        self._client: AsyncOpenAI | None = None
        self._rests_until = 0.0
        self._tools = [
            {
                "type": "function",
                "function": {"name": t.name, "description": t.description, "parameters": t.schema()},
            }
            for t in catalog.tools
        ]

    async def plan(self, message: str, context: Mapping[str, Any], now: datetime) -> Plan:
        """The call that the model chose, its arguments checked as if a person had said them.

        Raises:
            ModelFailed: it cannot be reached, is too slow, refuses, or answers what cannot be understood.
        """
        if time.monotonic() < self._rests_until:
            raise ModelFailed("it failed a moment ago")
        try:
            name, arguments = await self._ask(message, now)
        except ModelFailed:
            self._rests_until = time.monotonic() + REST_S
            raise
        if name is None:
            return NOTHING
        tool = self.catalog.tool(name)
        if tool is None:
            raise ModelFailed("it called a tool that is not there")
        values, bad = tool.check(arguments, now)
        if bad:
            raise ModelFailed(f"arguments of `{name}` that don't fit: {', '.join(sorted(bad))}")
        return make_plan(tool, values, context, now, CONFIDENCE, tool.missing(values))

    async def _ask(self, message: str, now: datetime) -> tuple[str | None, dict[str, Any]]:
        from openai import OpenAIError

        try:
            answer = await self._connected().chat.completions.create(  # type: ignore[call-overload]
                model=self.model,
                messages=[
                    {"role": "system", "content": INSTRUCTIONS.format(now=f"{now:%A, %Y-%m-%d %H:%M}")},
                    {"role": "user", "content": message},
                ],
                tools=self._tools,
                tool_choice="auto",
                temperature=0,
                max_tokens=self.max_tokens,
            )
        except OpenAIError as error:
            raise ModelFailed(type(error).__name__) from error
        except ValueError as error:  # A body that is no JSON.
            raise ModelFailed("an answer that is no chat completion") from error
        calls = answer.choices[0].message.tool_calls if answer.choices else None
        if not calls:
            return None, {}
        call = calls[0]
        if call.type != "function":
            raise ModelFailed("a tool call that is no function call")
        return call.function.name, _arguments(call.function.arguments)

    def _connected(self) -> "AsyncOpenAI":
        if self._client is None:
            # Half a second of import, which only those pay who set a model.
            from openai import AsyncOpenAI

            self._client = AsyncOpenAI(
                base_url=self.base_url, api_key=self.api_key or "none", timeout=TIMEOUT_S, max_retries=0
            )
        return self._client

    async def close(self) -> None:
        if self._client:
            await self._client.close()


def _arguments(text: str) -> dict[str, Any]:
    if len(text) > MAX_ARGUMENT_BYTES:
        raise ModelFailed("arguments that are too long")
    try:
        arguments = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise ModelFailed("arguments that are no JSON") from error
    if not isinstance(arguments, dict):
        raise ModelFailed("arguments that are no object")
    return {name: value for name, value in arguments.items() if value is not None}
