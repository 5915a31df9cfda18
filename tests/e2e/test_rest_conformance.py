"""Every operation of `/openapi.json` against the running gateway, asked well and badly by schemathesis."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.e2e.beside import gateway
from tests.e2e.deployment import Deployment

KEY = "a-key-that-only-this-test-knows"
LIMIT_S = 280
"""Alone on two cores it takes 15 s."""

LIMITS = (
    "MAX_SESSIONS_PER_KEY",
    "MAX_SESSIONS_PER_ADDRESS",
    "SESSIONS_PER_MINUTE",
    "REQUESTS_PER_MINUTE",
    "FAILURES_PER_MINUTE",
)
"""None of them is meant for who tries everything."""

CONFIG = """
seed = 1
request-timeout = 60.0
headers = {{ Authorization = "Bearer {key}" }}
# The topology's stream never ends.
max-stream-events = 1

[generation]
deterministic = true
max-examples = 10
no-shrink = true

[checks]
# A session that was ended can still be read.
use_after_free.enabled = false

# What a description cannot say: that a name must be known, a text fit for Postgres, an id in one of two places, a
# cursor ours.
[[operations]]
include-operation-id = ["make_session", "make_secret", "speak", "end_named_session", "list_sessions"]
checks.positive_data_acceptance.enabled = false

# Nothing else of a request is looked at that asks for no WebSocket.
[[operations]]
include-operation-id = "get_v1_realtime"
checks.positive_data_acceptance.enabled = false
checks.negative_data_rejection.expected-statuses = [400, 401, 403, 404, 426]

# Ids that were made up find nothing: these are asked of a session that is there. The others show what comes else.
[[operations]]
include-operation-id = ["say", "interrupt", "show_session", "show_events"]
parameters = {{ session_id = "{session}" }}

[[operations]]
include-operation-id = "show_injection"
parameters = {{ session_id = "{session}", injection_id = "{injection}" }}
"""


@pytest.fixture
def url(deployment: Deployment, database_url: str) -> Iterator[str]:
    """A gateway that asks for a key and takes any number of sessions; its other parts are the deployment's."""
    settings = {
        "ANTIPHON_API_KEYS": KEY,
        "GATEWAY_MAX_SESSIONS": "100000",
        **{f"GATEWAY_{limit}": "0" for limit in LIMITS},
    }
    with gateway(deployment, database_url, **settings) as url:
        yield url


def post(url: str, body: dict[str, str | bool]) -> dict[str, str]:
    answer = requests.post(url, headers={"Authorization": f"Bearer {KEY}"}, json=body, timeout=60)
    answer.raise_for_status()
    told: dict[str, str] = answer.json()
    return told


def test_every_operation_does_as_its_description_says(url: str, tmp_path: Path) -> None:
    """No answer is a server's error, and each has a status, media type, headers and body that are described; what is
    described is accepted, anything else refused; no operation answers without its key; and no method is taken that is
    not described.

    Exempt, for the reasons that `CONFIG` gives: of five operations, and of the realtime wire, not all that is described
    need be accepted; the wire may refuse with 404 and 426, too; a session that was ended may still be read; of the
    topology's stream one event is looked at. Limits are off, so that no 429 is seen.
    """
    session = post(f"{url}/api/mas/voice/duplex/session", {"greeting": False})["session_id"]
    said = post(f"{url}/api/mas/voice/sessions/{session}/say", {"text": "Tea is ready."})
    config = CONFIG.format(key=KEY, session=session, injection=said["injection_id"])
    (tmp_path / "schemathesis.toml").write_text(config)
    tried = subprocess.run(
        [Path(sys.executable).with_name("schemathesis"), "--no-color", "run", f"{url}/openapi.json"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert tried.returncode == 0, tried.stdout + tried.stderr
