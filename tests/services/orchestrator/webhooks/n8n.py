"""A server that answers as n8n documents it, and fails as n8n fails.

Shapes from docs.n8n.io (Webhook, Respond to Webhook) and from n8n's own answers as its issues quote them
(n8n-io/n8n: 35063 for the 404, 18268 for a workflow that can't start, 17040 for the empty 200).
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

NOT_ACTIVE = {
    "code": 404,
    "message": 'The requested webhook "POST oven" is not registered.',
    "hint": "The workflow must be active for a production URL to run successfully.",
}
STARTED = {"message": "Workflow was started"}
IN_WORKFLOW = {"message": "Error in workflow"}


@dataclass(frozen=True, slots=True)
class Got:
    """A request as it came."""

    method: str
    path: str
    """Raw, with the query."""
    headers: CIMultiDict[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class N8n:
    """Answers each request with the next of `replies`, the last one again and again."""

    url: str = ""
    replies: list[web.Response] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)
    hangs: bool = False
    """It takes the request, and never answers."""

    def answers(self, value: Any, status: int = 200) -> None:
        """Next, with JSON."""
        self.replies.append(
            web.Response(status=status, text=json.dumps(value), content_type="application/json")
        )

    def says(self, text: str, content_type: str = "text/html", status: int = 200) -> None:
        """Next, with text: n8n's Respond to Webhook sends it as HTML unless told otherwise."""
        self.replies.append(web.Response(status=status, text=text, content_type=content_type))

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.got.append(
            Got(request.method, request.raw_path, CIMultiDict(request.headers), await request.read())
        )
        self.came.set()
        if self.hangs:
            await asyncio.Event().wait()
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return web.Response(status=reply.status, body=reply.body, headers=reply.headers)


@asynccontextmanager
async def n8n(port: int = 0) -> AsyncIterator[N8n]:
    """One that runs, on any free port where none is named."""
    double = N8n()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", double._handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
        double.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield double
    finally:
        await runner.cleanup()
