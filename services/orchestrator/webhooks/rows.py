"""A tool's `webhook:` in YAML, checked whole before anything is called."""

import logging
import re
from collections.abc import Collection, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.orchestrator.webhooks.hook import Secret, Webhook
from services.orchestrator.webhooks.template import ABOUT_THE_CALL, BadTemplate, check_address, slots_of

log = logging.getLogger(__name__)

HEADER = r"^[A-Za-z0-9-]+$"
OURS = frozenset(
    {"host", "content-length", "content-type", "transfer-encoding", "connection", "idempotency-key"}
)
"""Headers that the request itself needs."""
SECRETS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})
"""Headers that carry what must not stand in a file."""
NOT_FOR_WEBHOOKS = re.compile(r"ANTIPHON_\w+|DATABASE_URL|LLM_API_KEY|PG\w+|POSTGRES_\w+")
"""Secrets of this house; a file that anyone wrote must not send them away."""
MIN_SECRET = 8
"""Characters; shorter ones can be guessed, and could not be blanked where a flow sends them back."""
HEADROOM = 0.9
"""Of `timeout_s`: the webhook's own end comes first, because it has better words for it."""


class BadWebhook(ValueError):
    """It cannot be used; the message says field and expectation."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretRow(_Row):
    """A header whose value stands in the environment."""

    header: str = Field(pattern=HEADER)
    env: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")


class WebhookRow(_Row):
    """What a file may say of a webhook."""

    url: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    body: Any = Field(default=None, alias="json")
    headers: dict[str, str] = {}
    secret: SecretRow | None = None
    answer: str = Field(default="", pattern=r"^([^.]+(\.[^.]+)*)?$")
    callback: bool = False


def read_webhook(
    row: WebhookRow,
    agent: str,
    parameters: Collection[str],
    risk: str,
    idempotent: bool,
    timeout_s: float,
    environ: Mapping[str, str],
) -> Webhook:
    """Make the `run` of a tool.

    Args:
        environ: where the secret's value is.

    Raises:
        BadWebhook
    """
    body = _body(row, parameters)
    known = {*parameters, *ABOUT_THE_CALL}
    for field, template in (("url", row.url), ("json", body)):
        if unknown := slots_of(template) - known:
            raise BadWebhook(
                f"{field}: expected slots out of {', '.join(sorted(known))}; got {', '.join(sorted(unknown))}"
            )
    try:
        check_address(row.url)
    except BadTemplate as error:
        raise BadWebhook(f"url: {error}") from error
    if row.callback and not {"say_url", "say_token"} <= slots_of(body):
        raise BadWebhook("json: expected `{say_url}` and `{say_token}` in it, or nobody could call back")
    if row.callback and row.answer:
        raise BadWebhook("answer: expected none beside `callback`: the words come later")
    _check_headers(row.headers)
    if "/webhook-test/" in row.url:
        log.warning("n8n's test address answers once after each click on its button", extra={"agent": agent})
    return Webhook(
        name=agent.replace("_", " "),
        method=row.method,
        url=row.url,
        json=body,
        headers=row.headers,
        secret=_secret(row.secret, environ) if row.secret else None,
        answer=row.answer,
        callback=row.callback,
        limit_s=timeout_s * HEADROOM,
        idempotent=idempotent,
        may_change=risk != "read",
    )


def _body(row: WebhookRow, parameters: Collection[str]) -> Any:
    """Its template: where the file has none, every parameter by its name."""
    if "body" in row.model_fields_set:
        if row.method == "GET":
            raise BadWebhook("json: expected none: a GET has no body; put slots into the address")
        return row.body
    if row.method == "GET":
        return None
    names = (*parameters, *(("say_url", "say_token") if row.callback else ()))
    return {name: f"{{{name}}}" for name in names}


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not re.match(HEADER, name) or not value.isprintable():
            raise BadWebhook(f"headers.{name}: expected a name of letters and `-`, and a value of one line")
        if name.lower() in OURS:
            raise BadWebhook(f"headers.{name}: expected another header: this one comes with the request")
        if name.lower() in SECRETS:
            raise BadWebhook(f"headers.{name}: expected it under `secret`, with its value in the environment")


def _secret(row: SecretRow, environ: Mapping[str, str]) -> Secret:
    if row.header.lower() in OURS:
        raise BadWebhook("secret.header: expected another header: this one comes with the request")
    if NOT_FOR_WEBHOOKS.fullmatch(row.env):
        raise BadWebhook(f"secret.env: expected a variable made for this; {row.env} is Antiphon's own")
    value = environ.get(row.env, "")
    if not value:
        raise BadWebhook(
            f"secret.env: expected {row.env} in the orchestrator's environment; set it (export {row.env}=…) and "
            "start again"
        )
    if len(value) < MIN_SECRET:
        raise BadWebhook(f"secret.env: expected at least {MIN_SECRET} characters in {row.env}")
    if not value.isprintable():
        raise BadWebhook(f"secret.env: expected one line in {row.env}")
    return Secret(row.header, value)
