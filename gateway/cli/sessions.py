"""`antiphon sessions`: what calls there were, what happened in one, and ending one."""

import asyncio
import json
from typing import Any

import aiohttp
import click

from gateway.cli.address import client, gateway_url, refusal, unreachable
from services.base.problems import Problem

BASE = "/api/mas/voice/sessions"
LIMIT_S = 10.0


class GatewayRefused(Problem):
    """The gateway cannot be reached, or will not."""

    code, title = "gateway_refused", "The gateway did not answer"


@click.group()
@click.option("--url", help="The gateway; else ANTIPHON_URL, else the one that runs here.")
@click.pass_context
def sessions(context: click.Context, url: str | None) -> None:
    """Calls: list them, show one, end one."""
    context.obj = gateway_url(url)


@sessions.command("list")
@click.option("--active", is_flag=True, help="Only those under way.")
@click.option("--limit", default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The whole answer.")
@click.pass_obj
def list_(url: str, active: bool, limit: int, as_json: bool) -> None:
    """The last calls, those under way first."""
    query = {"limit": str(limit)} | ({"active": "true"} if active else {})
    page = ask("GET", url, BASE, query)
    if as_json:
        click.echo(json.dumps(page, indent=2))
        return
    for session in page["sessions"]:
        click.echo(summary(session))


@sessions.command()
@click.argument("session_id")
@click.pass_obj
def show(url: str, session_id: str) -> None:
    """One call, whole, as JSON."""
    click.echo(json.dumps(ask("GET", url, f"{BASE}/{session_id}"), indent=2, ensure_ascii=False))


@sessions.command()
@click.argument("session_id")
@click.pass_obj
def end(url: str, session_id: str) -> None:
    """Hang up."""
    ended = ask("DELETE", url, f"{BASE}/{session_id}")
    click.echo(f"{ended['session_id']} ended: {ended['end_reason']}")


def summary(session: dict[str, Any]) -> str:
    """One line for one call."""
    counts, latency = session["counts"], session["turn_latency_ms"]
    state = "active" if session["is_active"] else (session["end_reason"] or "ended")
    told = ", ".join(f"{name} {count}" for name, count in counts.items())
    median = f", turn p50 {latency['p50']:.0f} ms" if latency.get("p50") is not None else ""
    return (
        f"{session['session_id']}  {session['started_at'][:19]}  {session['mode']}/{session['persona']}  "
        f"{state}: {told}{median}"
    )


def ask(method: str, gateway: str, path: str, query: dict[str, str] | None = None) -> Any:
    """One request to the gateway.

    Raises:
        GatewayRefused: with the gateway's own words.
    """

    async def once() -> Any:
        timeout = aiohttp.ClientTimeout(total=LIMIT_S)
        async with (
            client(gateway, timeout=timeout) as http,
            http.request(method, f"{gateway}{path}", params=query) as response,
        ):
            text = await response.text()
            try:
                body = json.loads(text)
            except ValueError as error:
                raise GatewayRefused(f"{gateway} is no gateway: it answered {response.status}") from error
            if response.status >= 400:
                raise GatewayRefused(refusal(response.status, body))
            return body

    try:
        return asyncio.run(once())
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise GatewayRefused(unreachable(gateway, error)) from error
