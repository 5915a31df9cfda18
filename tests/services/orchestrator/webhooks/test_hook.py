"""A webhook called: what is sent, what is said of the answer, and each way in which it fails."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from services.orchestrator.tooling import Answer, Caller, Failed, Refused, Say
from services.orchestrator.webhooks import hook as module
from services.orchestrator.webhooks.hook import LATER, MAX_BYTES, Secret, Webhook
from services.orchestrator.webhooks.template import ABOUT_THE_CALL

from .n8n import IN_WORKFLOW, NOT_ACTIVE, STARTED, N8n, n8n

PATIENCE_S = 60
SESSION = UUID("01890000-0000-7000-8000-000000000001")
SAY = Say("http://gateway/api/mas/voice/sessions/1/say", "say_very_secret")
CALLER = Caller("key-1", "conv-1", SESSION, "ann", "Europe/Oslo", "en", "heat the oven", SAY, "bakery")


@pytest_asyncio.fixture
async def flow() -> AsyncIterator[N8n]:
    async with n8n() as double, asyncio.timeout(PATIENCE_S):
        yield double


def hook(flow: N8n, **changed: Any) -> Webhook:
    """One that asks `flow` to heat the oven."""
    made = Webhook(
        name="kitchen",
        method="POST",
        url=f"{flow.url}/webhook/oven",
        json={"degrees": "{degrees}"},
        headers={"X-Source": "antiphon"},
        secret=Secret("X-Api-Key", "hunter2"),
        answer="",
        callback=False,
        limit_s=30.0,
        idempotent=False,
        may_change=True,
    )
    return replace(made, **changed)


async def call(webhook: Webhook, caller: Caller = CALLER, /, **arguments: Any) -> Answer:
    return await webhook(lambda text, fraction: None, caller, **arguments)


async def refusal(webhook: Webhook, caller: Caller = CALLER, **arguments: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        await call(webhook, caller, **arguments)
    return caught.value


async def test_the_request_is_as_the_file_says(flow: N8n) -> None:
    flow.answers([{"output": "The oven is at 180 degrees."}])
    answer = await call(hook(flow), degrees=180)
    assert answer == Answer("The oven is at 180 degrees.", [{"output": "The oven is at 180 degrees."}])
    got = flow.got[0]
    assert (got.method, got.path, got.json) == ("POST", "/webhook/oven", {"degrees": 180})
    assert (got.headers["X-Api-Key"], got.headers["X-Source"]) == ("hunter2", "antiphon")
    assert got.headers["Idempotency-Key"] == "key-1"
    assert got.headers["Content-Type"] == "application/json"


async def test_the_call_fills_slots_of_its_own(flow: N8n) -> None:
    flow.says("Done.")
    slots = ABOUT_THE_CALL
    await call(hook(flow, json={name: f"{{{name}}}" for name in slots}))
    assert flow.got[0].json == {
        "message": "heat the oven",
        "session_id": str(SESSION),
        "conversation_id": "conv-1",
        "owner": "bakery",
        "user_id": "ann",
        "timezone": "Europe/Oslo",
        "idempotency_key": "key-1",
        "say_url": SAY.url,
        "say_token": SAY.token,
    }


async def test_a_get_has_no_body_and_its_arguments_are_encoded_once(flow: N8n) -> None:
    flow.says("Hot.")
    await call(hook(flow, method="GET", json=None, url=f"{flow.url}/hook/{{room}}?q={{room}}"), room="a/b &c")
    assert (flow.got[0].method, flow.got[0].path, flow.got[0].body) == (
        "GET",
        "/hook/a%2Fb%20%26c?q=a%2Fb%20%26c",
        b"",
    )


@pytest.mark.parametrize("name", ["self", "values", "arguments"])
async def test_a_parameter_may_have_any_name(flow: N8n, name: str) -> None:
    flow.says("Done.")
    await call(hook(flow, json={name: f"{{{name}}}"}), **{name: "x"})
    assert flow.got[0].json == {name: "x"}


async def test_a_callback_answers_at_once_that_the_result_comes_later(flow: N8n) -> None:
    flow.answers(STARTED)
    assert await call(hook(flow, callback=True)) == Answer(LATER)


async def test_a_callback_without_a_call_is_not_begun(flow: N8n) -> None:
    refused = await refusal(hook(flow, callback=True), replace(CALLER, say=None))
    assert (refused.code, flow.got) == ("no_call", [])
    assert not isinstance(refused, Failed), "the flow is not to blame"


async def test_a_flow_that_sends_our_secrets_back_is_not_repeated(flow: N8n) -> None:
    flow.answers({"text": f"I got {SAY.token}.", "body": {"key": "hunter2", "token": SAY.token}})
    assert await call(hook(flow)) == Answer(
        "I got ….", {"text": "I got ….", "body": {"key": "…", "token": "…"}}
    )


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, NOT_ACTIVE, "Kitchen doesn't know that request. Its workflow may not be active."),
        (
            403,
            {"message": "Authorization data is wrong!"},
            "Kitchen doesn't let me in. Its key may be wrong.",
        ),
        (400, {}, "Kitchen turned that down."),
        (500, IN_WORKFLOW, "Something went wrong in kitchen. I can't tell whether it was done."),
        (503, {}, "Kitchen is too busy right now."),
    ],
)
async def test_a_refusal_is_said_by_its_status_and_explained_in_the_row(
    flow: N8n, status: int, body: Any, words: str
) -> None:
    flow.answers(body, status)
    refused = await refusal(hook(flow))
    assert (refused.code, refused.text) == ("webhook_refused", words)
    assert refused.why.startswith(f"it answered {status}")
    assert isinstance(refused, Failed)
    assert body.get("hint", "") in refused.why


async def test_a_redirect_is_not_followed(flow: N8n) -> None:
    flow.says("", status=302)
    flow.replies[0].headers["Location"] = f"{flow.url}/elsewhere"
    assert (await refusal(hook(flow))).code == "webhook_redirected"
    assert len(flow.got) == 1


async def test_an_answer_is_read_up_to_a_limit(flow: N8n) -> None:
    flow.says("x" * (MAX_BYTES + 1), "text/plain")
    assert (await refusal(hook(flow))).code == "webhook_answer_too_large"


async def test_a_packed_answer_is_measured_unpacked(flow: N8n) -> None:
    flow.says("x" * (10 * MAX_BYTES), "text/plain")
    flow.replies[0].enable_compression()
    assert (await refusal(hook(flow))).code == "webhook_answer_too_large"


async def test_nonsense_and_silence_are_told_apart(flow: N8n) -> None:
    flow.says("<html>Log in</html>")
    assert (await refusal(hook(flow))).code == "webhook_not_understood"
    flow.replies.clear()
    flow.says("")
    refused = await refusal(hook(flow))
    assert (refused.code, refused.text) == (
        "webhook_no_words",
        "Kitchen took that on, but it didn't say anything back. I can't tell whether it was done.",
    )


async def test_whoever_only_reads_has_nothing_in_doubt(flow: N8n) -> None:
    flow.answers(IN_WORKFLOW, 500)
    refused = await refusal(hook(flow, may_change=False))
    assert isinstance(refused, Failed)
    assert (refused.text, refused.in_doubt) == ("Something went wrong in kitchen.", False)


async def test_one_that_does_not_answer_in_time_is_given_up(flow: N8n) -> None:
    flow.hangs = True
    refused = await refusal(hook(flow, limit_s=0.2))
    assert isinstance(refused, Failed)
    assert (refused.code, refused.in_doubt) == ("webhook_timeout", True)
    assert refused.text.endswith("I can't tell whether it was done.")


async def test_nobody_at_the_address_is_said(flow: N8n) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        refused = await refusal(hook(flow, url=f"http://127.0.0.1:{taken.getsockname()[1]}/x"))
    assert (refused.code, refused.text) == ("webhook_unreachable", "I can't reach kitchen right now.")


@pytest.mark.parametrize(("idempotent", "times"), [(True, 3), (False, 1)])
async def test_only_what_may_be_done_twice_is_asked_again_and_with_the_same_key(
    flow: N8n, monkeypatch: pytest.MonkeyPatch, idempotent: bool, times: int
) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER_S", (0.0, 0.0))
    flow.answers({}, 503)
    assert (await refusal(hook(flow, idempotent=idempotent))).code == "webhook_refused"
    assert [got.headers["Idempotency-Key"] for got in flow.got] == ["key-1"] * times


async def test_a_second_try_that_works_is_the_answer(flow: N8n, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER_S", (0.0, 0.0))
    flow.answers({}, 502)
    flow.says("Hot.", "text/plain")
    assert (await call(hook(flow, idempotent=True))).text == "Hot."


async def test_a_workflow_that_broke_is_not_run_again(flow: N8n) -> None:
    flow.answers(IN_WORKFLOW, 500)
    await refusal(hook(flow, idempotent=True))
    assert len(flow.got) == 1


async def test_an_argument_that_walks_the_path_is_refused(flow: N8n) -> None:
    refused = await refusal(hook(flow, url=f"{flow.url}/webhook/{{room}}"), room="..")
    assert (refused.code, flow.got) == ("bad_argument", [])


async def test_it_tells_that_it_still_waits(flow: N8n, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_S", 0.0)
    flow.hangs = True
    told = asyncio.Event()

    def report(text: str, fraction: float | None) -> None:
        assert text == "Still waiting for kitchen."
        told.set()

    waiting = asyncio.create_task(hook(flow)(report, CALLER))
    await told.wait()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting


async def test_neither_token_nor_key_nor_words_are_in_the_log(
    flow: N8n, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    flow.answers({"message": f"{SAY.token} hunter2 wrong"}, 400)
    webhook = hook(flow, json={"words": "{message}", "token": "{say_token}"})
    refused = await refusal(webhook)
    lines = " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    for secret in (SAY.token, "hunter2"):
        assert secret not in lines + refused.why + refused.text + repr(webhook) + repr(CALLER)
    assert "heat the oven" not in lines
