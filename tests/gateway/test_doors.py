"""Every route of a gateway with keys, tried with every kind of credential: who gets in stands here, row by row."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from gateway.access import Access
from gateway.rest.page import find_page
from gateway.store.rows import SessionRow
from gateway.store.store import Store
from services.base.ids import new_id
from tests import raw_http
from tests.gateway.harness import Gateway

ANN, BEN = "the key of ann, long", "the key of ben, long"
OLGA, SERVICES = "the key of the operator", "the key of the services"

API = "/api/mas/voice"
ONE = f"{API}/sessions/{{session_id}}"


class Rule(Enum):
    """Who gets in."""

    ANYONE = "anyone: it tells nothing of any call"
    KEY = "who holds a key; it gives of the sessions only the holder's own"
    OWN = "who holds the key of the session's owner, and operators"
    WIRE = "who holds the session's secret, or the key of its owner"


DOORS = {
    ("GET", "/"): Rule.ANYONE,
    ("GET", "/voice-duplex"): Rule.ANYONE,
    ("GET", "/topology"): Rule.ANYONE,
    ("GET", "/openapi.json"): Rule.ANYONE,
    ("GET", "/health"): Rule.ANYONE,
    ("GET", "/ready"): Rule.ANYONE,
    ("GET", "/metrics"): Rule.ANYONE,
    ("GET", "/api/personas"): Rule.KEY,
    ("GET", "/api/voices"): Rule.KEY,
    ("POST", "/v1/audio/speech"): Rule.KEY,
    ("POST", "/v1/realtime/client_secrets"): Rule.KEY,
    ("POST", f"{API}/duplex/session"): Rule.KEY,
    ("GET", f"{API}/duplex/session"): Rule.KEY,
    ("GET", f"{API}/topology"): Rule.KEY,
    ("GET", f"{API}/topology/stream"): Rule.KEY,
    ("GET", f"{API}/sessions"): Rule.KEY,
    ("DELETE", f"{API}/sessions"): Rule.OWN,
    ("GET", ONE): Rule.OWN,
    ("DELETE", ONE): Rule.OWN,
    ("GET", f"{ONE}/events"): Rule.OWN,
    ("GET", f"{ONE}/injections/{{injection_id}}"): Rule.OWN,
    ("POST", f"{ONE}/say"): Rule.OWN,
    ("POST", f"{ONE}/interrupt"): Rule.OWN,
    ("GET", "/v1/realtime"): Rule.WIRE,
}
"""A route that is not here fails the test: whoever adds one says who may come in."""

UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}

IN, WHO, NOT_YOU = "let in", 401, 403

ANSWERS: dict[str, dict[Rule, object]] = {
    "nothing": {Rule.KEY: WHO, Rule.OWN: WHO, Rule.WIRE: WHO},
    "a wrong key": {Rule.KEY: WHO, Rule.OWN: WHO, Rule.WIRE: WHO},
    "a secret of nobody's": {Rule.KEY: WHO, Rule.OWN: WHO, Rule.WIRE: WHO},
    "an expired secret": {Rule.KEY: WHO, Rule.OWN: WHO, Rule.WIRE: WHO},
    "the session's secret": {Rule.KEY: NOT_YOU, Rule.OWN: NOT_YOU, Rule.WIRE: IN},
    "another session's secret": {Rule.KEY: NOT_YOU, Rule.OWN: NOT_YOU, Rule.WIRE: NOT_YOU},
    "a secret for new sessions": {Rule.KEY: NOT_YOU, Rule.OWN: NOT_YOU, Rule.WIRE: NOT_YOU},
    "the call's say token": {Rule.KEY: NOT_YOU, Rule.OWN: NOT_YOU, Rule.WIRE: NOT_YOU},
    "another call's say token": {Rule.KEY: NOT_YOU, Rule.OWN: NOT_YOU, Rule.WIRE: NOT_YOU},
    "another owner's key": {Rule.KEY: IN, Rule.OWN: NOT_YOU, Rule.WIRE: NOT_YOU},
    "the owner's key": {Rule.KEY: IN, Rule.OWN: IN, Rule.WIRE: IN},
    "an operator's key": {Rule.KEY: IN, Rule.OWN: IN, Rule.WIRE: NOT_YOU},
    "the services' key": {Rule.KEY: WHO, Rule.OWN: WHO, Rule.WIRE: WHO},
}

FURTHER: dict[str, set[tuple[str, str]]] = {
    # The deployment's own parts read all sessions and speak into them; that is all that their key is for.
    "the services' key": {
        ("GET", f"{API}/sessions"),
        ("GET", ONE),
        ("GET", f"{ONE}/events"),
        ("GET", f"{ONE}/injections/{{injection_id}}"),
        ("POST", f"{ONE}/say"),
    },
    "the call's say token": {("POST", f"{ONE}/say")},
}
"""Doors that open to a credential beside those of its rule."""


class Clock:
    """Unix time, as the test sets it."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True, slots=True)
class House:
    """A gateway with keys, and its clock."""

    gateway: Gateway
    store: Store
    clock: Clock

    async def session(self, key: str = ANN) -> dict[str, Any]:
        _, session = await self.gateway.ask("POST", f"{API}/duplex/session", key)
        return dict(session)

    async def token(self, credential: str, session: dict[str, Any]) -> str:
        """What somebody with that credential shows."""
        access = self.gateway.access
        match credential:
            case "nothing":
                return ""
            case "a wrong key":
                return ANN.upper()
            case "a secret of nobody's":
                return "ek_of_another_day"
            case "an expired secret":
                secret = access.new_secret("ann", 600, UUID(session["session_id"]))
                self.clock.now += 600
                return secret.value
            case "the session's secret":
                return str(session["client_secret"]["value"])
            case "another session's secret":
                return str((await self.session())["client_secret"]["value"])
            case "a secret for new sessions":
                return access.new_secret("ann", 600).value
            case "the call's say token":
                return access.say_tokens.issue(UUID(session["session_id"]), "ann").token
            case "another call's say token":
                return access.say_tokens.issue(new_id(), "ann").token
        keys = {"another owner's": BEN, "the owner's": ANN, "an operator's": OLGA, "the services'": SERVICES}
        return keys[credential.removesuffix(" key")]

    async def knock(self, door: tuple[str, str], credential: str) -> object:
        """What somebody with that credential is answered at that door."""
        session = await self.session()
        token = await self.token(credential, session)
        assert await self.store.outbox.flush(30)
        method, path = door
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        body, query = None, {}
        if path.endswith("/say"):
            body = {"text": "a"}
        elif path == f"{API}/sessions" and method == "DELETE":
            body = {"session_id": session["session_id"]}
        elif path == "/v1/realtime":
            headers |= UPGRADE
            query = {"session_id": session["session_id"]}
        url = self.gateway.url + path.format(session_id=session["session_id"], injection_id=new_id())
        # Of a stream, which has no end, the head is enough.
        async with self.gateway.http.request(method, url, headers=headers, json=body, params=query) as answer:
            status = answer.status
        for call, _ in [*self.gateway.calls._calls.values()]:
            await self.gateway.calls.end(call.session_id, "hung_up")
        assert status < 500 or status == 503, (door, status)
        return status if status in (WHO, NOT_YOU) else IN


@pytest_asyncio.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    clock = Clock()
    access = Access(
        {"ann": ANN, "ben": BEN},
        open_to_all=False,
        hosts=frozenset(),
        now=clock,
        operators={"olga": OLGA},
        internal_key=SERVICES,
    )
    async with Store.open(database_url, "test") as store, Gateway(access, most=50, store=store) as gateway:
        yield House(gateway, store, clock)


def page_files() -> set[str]:
    """The routes of the built page's files: the same for everyone, and different from build to build."""
    folder = find_page(None)
    return set() if folder is None else {"/assets", *(f"/{file.name}" for file in folder.iterdir())}


async def test_every_route_says_who_may_come_in() -> None:
    async with Gateway() as gateway:
        served = {
            (route.method, route.resource.canonical)
            for route in gateway.app.router.routes()
            if route.resource is not None and route.method != "HEAD"
        }
    assert {door for door in served if door[1] not in page_files()} == set(DOORS)


@pytest.mark.parametrize("credential", ANSWERS)
async def test_each_door_opens_to_whom_its_rule_names(house: House, credential: str) -> None:
    expected = {door: ANSWERS[credential].get(rule, IN) for door, rule in DOORS.items()}
    expected |= dict.fromkeys(FURTHER.get(credential, ()), IN)
    assert {door: await house.knock(door, credential) for door in DOORS} == expected


async def test_bytes_that_are_no_text_are_a_wrong_key_at_every_door(house: House) -> None:
    session_id = (await house.session())["session_id"]
    shown = {
        "bearer": [b"Authorization: Bearer \xff"],
        "subprotocol": [b"Sec-WebSocket-Protocol: realtime, openai-insecure-api-key.\xff"],
    }
    guarded = [door for door, rule in DOORS.items() if rule is not Rule.ANYONE]
    answers = {
        (method, path, kind): await raw_http.status(
            house.gateway.port, method, path.format(session_id=session_id, injection_id=new_id()), *lines
        )
        for method, path in guarded
        for kind, lines in shown.items()
    }
    assert {door: answer for door, answer in answers.items() if answer != WHO} == {}


async def test_a_key_lists_its_own_sessions_and_an_operator_all(house: House) -> None:
    mine, hers = await house.session(ANN), await house.session(BEN)
    older = SessionRow(session_id=new_id())
    house.store.outbox.put(older)
    assert await house.store.outbox.flush(30)

    async def listed(key: str) -> set[str]:
        _, page = await house.gateway.ask("GET", f"{API}/sessions", key)
        return {session["session_id"] for session in page["sessions"]}

    assert await listed(ANN) == {mine["session_id"]}
    assert await listed(BEN) == {hers["session_id"]}
    everything = {mine["session_id"], hers["session_id"], str(older.session_id)}
    assert await listed(OLGA) == await listed(SERVICES) == everything


async def test_a_key_sees_its_own_calls_live_and_an_operator_all(house: House) -> None:
    mine, hers = await house.session(ANN), await house.session(BEN)

    async def seen(key: str) -> set[str]:
        _, body = await house.gateway.ask("GET", f"{API}/topology", key)
        assert next(node for node in body["nodes"] if node["id"] == "gateway")["load"]["sessions"] == 2
        return {session["session_id"] for session in body["sessions"]}

    assert await seen(ANN) == {mine["session_id"]}
    assert await seen(BEN) == {hers["session_id"]}
    assert await seen(OLGA) == {mine["session_id"], hers["session_id"]}


@pytest.mark.parametrize("path", [ONE, f"{ONE}/events"])
async def test_a_call_that_is_over_is_still_its_owner_s(house: House, path: str) -> None:
    session_id = (await house.session(ANN))["session_id"]
    await house.gateway.ask("DELETE", f"{API}/sessions/{session_id}", ANN)
    assert await house.store.outbox.flush(30)
    path = path.format(session_id=session_id)
    statuses = [(await house.gateway.ask("GET", path, key))[0] for key in (ANN, BEN, OLGA)]
    assert statuses == [200, 403, 200]
    assert (await house.gateway.ask("DELETE", path.removesuffix("/events"), BEN))[0] == 403
    assert (await house.gateway.ask("GET", path.replace(session_id, str(new_id())), BEN))[0] == 404
