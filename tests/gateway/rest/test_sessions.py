"""REST for sessions: what is answered, and each mistake with problem details and a code."""

import asyncio
import io
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from gateway.access import LOCAL, Access, Caller
from gateway.parts import Offer
from gateway.server import MAX_BODY
from gateway.session import effects as do
from gateway.session.injections import MOST
from gateway.store.queries import Fate
from gateway.store.rows import KEEP, InjectionRow, SessionRow
from services.base.ids import new_id
from tests.gateway.harness import PATIENCE, WORD, Gateway, Watch

BASE = "/api/mas/voice"
MAKE = f"{BASE}/duplex/session"
ANN, BEN = "the key of ann, long", "the key of ben, long"
SERVICE = "what the services show each other"


@pytest.fixture
async def guarded() -> AsyncIterator[Gateway]:
    """A gateway that asks for keys."""
    keys = {"ann": ANN, "ben": BEN}
    access = Access(keys, open_to_all=False, hosts=frozenset(), internal_key=SERVICE)
    async with Gateway(access) as gateway:
        yield gateway


async def test_a_session_is_made_with_its_secret_and_address(gateway: Gateway) -> None:
    session = await gateway.session(persona="plain", voice="wren", conversation_id="c1")
    assert session["mode"] == "local"
    assert session["fallback_reason"] is None
    assert (session["persona"], session["voice"], session["conversation_id"]) == ("plain", "wren", "c1")
    address = f"{gateway.url.replace('http', 'ws')}/v1/realtime?session_id={session['session_id']}"
    assert session["realtime_url"] == address
    assert session["client_secret"]["value"].startswith("ek_")


async def test_a_mode_that_cannot_be_had_falls_back_and_says_why(gateway: Gateway) -> None:
    session = await gateway.session(mode="personaplex")
    assert (session["mode"], session["fallback_reason"]) == ("local", "personaplex: none here")


BAD_BODIES: dict[str, tuple[Any, str]] = {
    "not JSON": ("{", "not JSON"),
    "not UTF-8": (b"\xff\xfe", "not UTF-8"),
    "no object": ("[]", "object"),
    "a number that JSON has not": ('{"metadata": {"a": NaN}}', "NaN"),
    "the character zero": ('{"user_id": "a\\u0000"}', "U+0000"),
    "an unknown field": ('{"personna": "plain"}', "personna"),
    "a number for a word": ('{"allow_recording": 0}', "allow_recording"),
    "a mode that is none": ('{"mode": "magic"}', "mode"),
    "an input mode that is none": ('{"input_mode": "shouting"}', "input_mode"),
    "a persona nobody knows": ('{"persona": "nobody"}', "plain"),
    "a voice nobody knows": ('{"voice": "alloy"}', "fern"),
    "a language nobody speaks": ('{"language": "de"}', "only en"),
    "a time zone that is none": ('{"metadata": {"timezone": "Mars/Olympus"}}', "metadata.timezone"),
    "a time zone that is no name": ('{"metadata": {"timezone": 5}}', "metadata.timezone"),
    "metadata without end": ('{"metadata": {"a": "' + "b" * 20_000 + '"}}', "metadata"),
    "a user without end": ('{"user_id": "' + "b" * 201 + '"}', "user_id"),
}


@pytest.mark.parametrize(("body", "named"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
async def test_a_bad_wish_makes_no_session_and_says_what_is_wrong(
    gateway: Gateway, body: str | bytes, named: str
) -> None:
    async with gateway.http.post(f"{gateway.url}{MAKE}", data=body) as answer:
        problem = await answer.json(content_type="application/problem+json")
    assert answer.status == problem["status"] == 400
    assert problem["code"] == "invalid_request"
    assert named in problem["detail"]
    assert gateway.calls.free == gateway.calls.most


async def test_what_could_be_had_is_told_with_reasons_and_no_invented_number(gateway: Gateway) -> None:
    await gateway.session()
    status, body = await gateway.ask("GET", MAKE)
    assert status == 200
    offers = {offer["mode"]: offer for offer in body["engines"]}
    assert offers["personaplex"]["reason"] == "none here"
    assert (offers["local"]["slots_free"], offers["local"]["slots_total"]) == (9, 10)
    assert offers["local"]["latency_ms"] is None


@pytest.mark.parametrize(
    ("offer", "free"),
    [
        (Offer("personaplex", True, None, 3, 4, 2), 3),
        # This gateway has nine places left.
        (Offer("personaplex", True, None, 20, 64, 2), 9),
        (Offer("personaplex", False, "all 4 slots are taken", 0, 4, 2), 0),
    ],
)
async def test_an_engine_with_slots_of_its_own_tells_those(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, offer: Offer, free: int
) -> None:
    await gateway.session()
    monkeypatch.setattr(gateway.parts, "offers", lambda missing=None: [offer])
    _, body = await gateway.ask("GET", MAKE)
    (told,) = body["engines"]
    assert (told["slots_free"], told["slots_total"], told["queue"]) == (free, offer.slots_total, 2)
    assert (told["available"], told["reason"]) == (offer.available, offer.reason)


async def offered(gateway: Gateway) -> dict[str, Any]:
    """What is told of the local engine."""
    _, body = await gateway.ask("GET", MAKE)
    [local] = [offer for offer in body["engines"] if offer["mode"] == "local"]
    return dict(local)


async def test_an_engine_that_lacks_a_part_is_not_to_be_had_and_says_which(gateway: Gateway) -> None:
    gateway.parts.synthesizer_missing = "http://127.0.0.1:1 cannot be reached"
    local = await offered(gateway)
    assert (local["available"], local["slots_free"]) == (False, 0)
    assert local["reason"].startswith("synthesizer: http://127.0.0.1:1 cannot be reached. `antiphon doctor`")
    # A call that begins now is taken: the part may be back before the first word is due.
    assert (await gateway.session())["mode"] == "local"


async def test_an_engine_whose_places_are_taken_is_not_to_be_had(gateway: Gateway) -> None:
    for _ in range(gateway.calls.most):
        await gateway.session()
    local = await offered(gateway)
    assert (local["available"], local["slots_free"]) == (False, 0)
    assert "GATEWAY_MAX_SESSIONS" in local["reason"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{BASE}/sessions/{{id}}"),
        ("GET", f"{BASE}/sessions/{{id}}/events"),
        ("DELETE", f"{BASE}/sessions/{{id}}"),
        ("DELETE", f"{BASE}/sessions?session_id={{id}}"),
        ("POST", f"{BASE}/sessions/{{id}}/say"),
        ("POST", f"{BASE}/sessions/{{id}}/interrupt"),
    ],
)
async def test_a_session_that_never_was_is_not_found_and_a_bad_id_is_invalid(
    gateway: Gateway, method: str, path: str
) -> None:
    body = {"text": "a"} if method == "POST" else None
    status, problem = await gateway.ask(method, path.format(id=new_id()), json=body)
    assert (status, problem["code"]) == (404, "session_not_found")
    status, problem = await gateway.ask(method, path.format(id="nonsense"), json=body)
    assert (status, problem["code"]) == (400, "invalid_request")


@pytest.mark.parametrize("how", ["path", "query", "body"])
async def test_a_session_is_ended_by_path_query_or_body(gateway: Gateway, how: str) -> None:
    session_id = (await gateway.session())["session_id"]
    path = f"{BASE}/sessions"
    body = {"session_id": session_id} if how == "body" else None
    path += {"path": f"/{session_id}", "query": f"?session_id={session_id}", "body": ""}[how]
    status, ended = await gateway.ask("DELETE", path, json=body)
    assert (status, ended) == (200, {"session_id": session_id, "end_reason": "hung_up"})
    assert gateway.calls.free == gateway.calls.most


async def test_ending_needs_to_be_told_which(gateway: Gateway) -> None:
    status, problem = await gateway.ask("DELETE", f"{BASE}/sessions")
    assert (status, problem["code"]) == (400, "invalid_request")
    assert "session_id" in problem["detail"]


async def test_a_text_is_spoken_at_the_next_free_moment(gateway: Gateway) -> None:
    session = await gateway.session()
    await gateway.attach(session)
    watch = Watch(gateway.call(session))
    path = f"{BASE}/sessions/{session['session_id']}/say"
    status, said = await gateway.ask("POST", path, json={"text": "  tea is ready  "})
    assert status == 202
    heard = await watch.until(do.AgentEnded)
    assert heard.text == "tea is ready"
    states = [fact.state for fact in watch.facts if isinstance(fact, do.InjectionChanged)]
    assert states == ["waiting", "speaking", "heard"]
    changes = [fact for fact in watch.facts if isinstance(fact, do.InjectionChanged)]
    assert {str(fact.injection_id) for fact in changes} == {said["injection_id"]}


async def test_a_text_for_whom_nobody_is_there_yet_waits_for_them(gateway: Gateway) -> None:
    session = await gateway.session()
    watch = Watch(gateway.call(session))
    path = f"{BASE}/sessions/{session['session_id']}/say"
    await gateway.ask("POST", path, json={"text": "tea is ready"})
    await watch.until(do.InjectionChanged)
    assert not any(isinstance(fact, do.AgentStarted) for fact in watch.facts)
    client = await gateway.attach(session)
    done = (await client.until("response.done"))["response"]
    assert len(client.sound(done["id"])) == 3 * WORD * 2


async def test_a_text_under_the_same_key_is_said_once(gateway: Gateway) -> None:
    session = await gateway.session()
    await gateway.attach(session)
    watch = Watch(gateway.call(session))
    path = f"{BASE}/sessions/{session['session_id']}/say"

    async def say(text: str, key: str) -> tuple[int, Any]:
        return await gateway.ask("POST", path, headers={"Idempotency-Key": key}, json={"text": text})

    first = await say("tea is ready", "tea")
    await watch.until(do.AgentEnded)
    assert await say("tea is ready again", "tea") == first == (202, first[1])
    status, other = await say("the cake too", "cake")
    assert status == 202
    assert other != first[1]
    assert (
        await watch.until(do.AgentEnded, lambda ended: ended.text != "tea is ready")
    ).text == "the cake too"
    keys = {
        r.injection_id: r.idempotency_key
        for r in gateway.rows
        if isinstance(r, InjectionRow)
        if r.idempotency_key is not KEEP
    }
    assert keys == {UUID(first[1]["injection_id"]): "tea", UUID(other["injection_id"]): "cake"}


async def test_more_than_anybody_would_listen_to_is_refused(gateway: Gateway) -> None:
    session = await gateway.session()
    path = f"{BASE}/sessions/{session['session_id']}/say"
    for _ in range(MOST):
        assert (await gateway.ask("POST", path, json={"text": "a"}))[0] == 202
    status, problem = await gateway.ask("POST", path, json={"text": "a"})
    assert (status, problem["code"]) == (409, "queue_full")


async def test_a_key_without_end_is_refused(gateway: Gateway) -> None:
    session = await gateway.session()
    path = f"{BASE}/sessions/{session['session_id']}/say"
    headers = {"Idempotency-Key": "k" * 201}
    status, problem = await gateway.ask("POST", path, headers=headers, json={"text": "a"})
    assert (status, problem["code"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "   "},
        {"text": 5},
        {"text": "a" * 2001},
        {"text": "a", "priority": 11},
        {"text": "a", "expires_in_s": 0},
        {"text": "a", "expires_in_s": 10**400},
        {"text": "a", "interupt": True},
    ],
)
async def test_a_bad_text_is_refused(gateway: Gateway, body: dict[str, Any]) -> None:
    session = await gateway.session()
    status, problem = await gateway.ask("POST", f"{BASE}/sessions/{session['session_id']}/say", json=body)
    assert (status, problem["code"]) == (400, "invalid_request")


async def test_a_whole_number_may_be_written_with_a_point(gateway: Gateway) -> None:
    """As JSON Schema has it."""
    session = await gateway.session()
    path = f"{BASE}/sessions/{session['session_id']}/say"
    assert (await gateway.ask("POST", path, data='{"text": "a", "priority": 1.0}'))[0] == 202
    assert (await gateway.ask("POST", path, data='{"text": "a", "priority": 1.5}'))[0] == 400


async def test_an_interrupted_agent_stops_and_a_silent_one_is_said_to_be(gateway: Gateway) -> None:
    session = await gateway.session()
    path = f"{BASE}/sessions/{session['session_id']}"
    await gateway.attach(session)
    watch = Watch(gateway.call(session))
    assert await gateway.ask("POST", f"{path}/interrupt") == (200, {"interrupted": False})
    await gateway.ask("POST", f"{path}/say", json={"text": "one two three four five"})
    await watch.until(do.AgentSounded)
    assert await gateway.ask("POST", f"{path}/interrupt") == (200, {"interrupted": True})
    ended = await watch.until(do.AgentEnded)
    assert (ended.status, ended.reason) == ("cancelled", "interrupted")


async def test_a_session_that_is_being_wound_up_takes_nothing_more(gateway: Gateway) -> None:
    session = await gateway.session()
    call = gateway.call(session)
    winding = asyncio.Event()
    close = gateway.parts.bridge.close

    async def slow_close() -> None:
        await winding.wait()
        await close()

    gateway.parts.bridge.close = slow_close  # type: ignore[method-assign]
    call.end("client_closed")
    path = f"{BASE}/sessions/{session['session_id']}"
    for deed in ("say", "interrupt"):
        status, problem = await gateway.ask("POST", f"{path}/{deed}", json={"text": "a"})
        # Its rows are not written here, so it is not even known to have been.
        assert (status, problem["code"]) == (404, "session_not_found")
    winding.set()
    await gateway.over()


async def test_a_session_that_ends_while_the_text_is_sent_says_nothing_more(gateway: Gateway) -> None:
    session = await gateway.session()
    asked, ended = asyncio.Event(), asyncio.Event()
    sayer = gateway.access.sayer

    def let_in(token: str, session_id: str) -> Caller:
        asked.set()
        return sayer(token, session_id)

    async def fate(session_id: UUID) -> Fate:
        return Fate(False, "test", "client_closed", LOCAL)

    async def slowly() -> AsyncIterator[bytes]:
        yield b'{"text": '
        await ended.wait()
        yield b'"tea is ready"}'

    gateway.access.sayer = let_in  # type: ignore[method-assign]
    gateway.kept.fate = fate  # type: ignore[method-assign,assignment]
    path = f"{BASE}/sessions/{session['session_id']}/say"
    async with asyncio.timeout(PATIENCE):
        saying = asyncio.create_task(gateway.ask("POST", path, data=slowly()))
        await asked.wait()
        gateway.call(session).end("client_closed")
        await gateway.over()
        ended.set()
        status, problem = await saying
    assert (status, problem["code"]) == (409, "session_ended")
    assert not any(isinstance(row, InjectionRow) for row in gateway.rows)


@pytest.mark.parametrize(
    "query",
    ["limit=x", "limit=0", "mode=magic", "active=perhaps", "since=yesterday", "since=2026-01-31T12:00:00"],
)
async def test_a_bad_filter_is_refused(gateway: Gateway, query: str) -> None:
    status, problem = await gateway.ask("GET", f"{BASE}/sessions?{query}")
    assert (status, problem["code"]) == (400, "invalid_request")
    assert query.partition("=")[0] in problem["detail"]


async def test_every_route_asks_for_a_key_where_keys_are_needed(guarded: Gateway) -> None:
    _, description = await guarded.ask("GET", "/openapi.json")
    asked = 0
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            if "401" in operation["responses"]:
                status, problem = await guarded.ask(method.upper(), re.sub("{.*?}", str(new_id()), path))
                assert (status, problem["code"]) == (401, "unauthorized"), (method, path)
                asked += 1
    assert asked >= 11


async def test_sessions_of_another_key_are_not_controlled(guarded: Gateway) -> None:
    _, session = await guarded.ask("POST", MAKE, ANN)
    path = f"{BASE}/sessions/{session['session_id']}"
    for method, deed in (("DELETE", ""), ("POST", "/say"), ("POST", "/interrupt")):
        status, problem = await guarded.ask(method, path + deed, BEN, json={"text": "a"})
        assert (status, problem["code"]) == (403, "forbidden")
    assert (await guarded.ask("DELETE", path, ANN))[0] == 200


async def test_a_service_speaks_into_any_session_and_controls_none(guarded: Gateway) -> None:
    _, session = await guarded.ask("POST", MAKE, ANN)
    path = f"{BASE}/sessions/{session['session_id']}"
    status, _ = await guarded.ask("POST", f"{path}/say", SERVICE, json={"text": "a"})
    assert status == 202
    for method, deed in (("DELETE", ""), ("POST", "/interrupt")):
        assert (await guarded.ask(method, path + deed, SERVICE))[0] == 401
    assert (await guarded.ask("POST", MAKE, SERVICE))[0] == 401


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}])
async def test_pages_of_others_are_refused_everywhere(gateway: Gateway, headers: dict[str, str]) -> None:
    for path in ("/", "/openapi.json", "/health", MAKE, "/api/personas"):
        status, problem = await gateway.ask("GET", path, headers=headers)
        assert (status, problem["code"]) == (403, "forbidden"), path


async def test_an_unknown_path_and_a_wrong_method_are_problems_too(gateway: Gateway) -> None:
    assert (await gateway.ask("GET", "/nowhere"))[1]["code"] == "not_found"
    async with gateway.http.put(f"{gateway.url}{MAKE}") as answer:
        assert (await answer.json(content_type="application/problem+json"))["code"] == "method_not_allowed"
        assert answer.headers["Allow"] == "GET,POST"
    too_much = io.BytesIO(b" " * (MAX_BODY + 1))
    async with gateway.http.post(f"{gateway.url}{MAKE}", data=too_much) as answer:
        assert answer.status == 413
        assert (await answer.json(content_type="application/problem+json"))["code"] == "body_too_large"


async def test_a_session_nobody_came_to_ends_by_itself(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.rest.duplex.SECRET_S", 0)
    await gateway.session()
    await gateway.over()
    ended = gateway.rows[-1]
    assert isinstance(ended, SessionRow)
    assert ended.end_reason == "never_attached"
