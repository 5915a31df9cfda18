"""A deployment at its most talkative, in calls full of distinctive words and mishaps: no log has any of them."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import asyncpg
import pytest

from gateway.cli.caller import API, Caller
from tests.e2e.deployment import Deployment
from tests.e2e.speech import Voice, timeline

TROUBLE = Path(__file__).parent / "trouble"
ROOT = Path(__file__).parents[2]

ANN, OLGA = "key-of-ann-distinctive", "key-of-olga-distinctive"

TYPED = "quokka doubloons"
NOTED = "the wombat hid seven escudos"
CHOKED = "marsupial ducats"
BABBLED = "bandicoot florins"
BROKEN = "numbat guilders"
SAID = "The kookaburra owes you nine thalers."


@pytest.fixture(scope="module")
def deployment(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Deployment]:
    """A deployment with keys that logs all it can, and has tools that repeat what they are told."""
    request.getfixturevalue("_no_settings_from_outside")
    home = tmp_path_factory.mktemp("antiphon")
    (home / "agents").mkdir()
    shutil.copy(TROUBLE / "gossip.yaml", home / "agents")
    deployment = Deployment.started(
        home,
        {
            "ANTIPHON_API_KEYS": f"ann:{ANN}",
            "ANTIPHON_OPERATOR_KEYS": f"olga:{OLGA}",
            "LOG_LEVEL": "DEBUG",
            "ORCHESTRATOR_TOOL_PACKAGES": "services.orchestrator.tools,tests.e2e.trouble",
            "PYTHONPATH": str(ROOT),
        },
    )
    try:
        yield deployment
    except BaseException:
        deployment.kill()
        raise
    assert deployment.stop() == 0, deployment.tail()


def logged(deployment: Deployment) -> dict[str, str]:
    """All that its processes ever said: files by name, and what `up` printed."""
    files = [path for path in deployment.home.root.rglob("*") if path.is_file() and "log" in path.name]
    said = {path.name: path.read_text(errors="replace") for path in files if "pg_wal" not in path.parts}
    return said | {"up": "\n".join(deployment.lines)}


async def asked(caller: Caller, words: str, answers: int) -> None:
    """Type `words`, and listen to so many answers to them."""
    await caller.write(words)
    for _ in range(answers):
        await caller.answer()


def command_lines(deployment: Deployment) -> str:
    """What `ps` shows to everyone on the machine."""
    return "\n".join(Path(f"/proc/{pid}/cmdline").read_text() for pid in deployment.processes())


async def test_words_keys_and_secrets_are_in_no_log_metric_or_command_line(
    deployment: Deployment, voice_of: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTIPHON_API_KEY", ANN)
    async with Caller.calling(deployment.url, user_id=TYPED, metadata={"note": TYPED}) as caller:
        await asked(caller, f"tell me about {TYPED}", 1)
        await asked(caller, f"note that {NOTED}", 1)
        for wish in (f"choke on {CHOKED}", f"babble about {BABBLED}"):
            await asked(caller, wish, 1)
        await caller.say(timeline(0.3, await voice_of.say("what time is it in tokyo")))
        spoken = await caller.until("conversation.item.input_audio_transcription.completed")
        await caller.tool("success")
        await caller.socket.send_str(f'{{"type": "session.update", "session": "{BROKEN}"')
        await caller.until("error")
        await caller.send(BROKEN)
        await caller.until("error")
        secret = caller.secret
        async with aiohttp.ClientSession() as http:
            ann = {"Authorization": f"Bearer {ANN}"}
            say = f"{deployment.url}{API}/sessions/{caller.session_id}/say"
            async with http.post(say, json={"text": SAID}, headers=ann) as answer:
                assert answer.status == 202
            for url, body in (
                (f"{API}/sessions?said={BROKEN}&limit={BROKEN}", b""),
                (f"{API}/{BROKEN}", b""),
                (f"{API}/duplex/session", BROKEN.encode()),
                (f"{API}/duplex/session", json.dumps({"persona": BROKEN}).encode()),
            ):
                async with http.post(f"{deployment.url}{url}", data=body, headers=ann) as answer:
                    assert 400 <= answer.status < 500
            async with http.get(
                f"{deployment.url}{API}/sessions?key={BROKEN}",
                headers={"Authorization": "Bearer guess-of-somebody"},
            ) as answer:
                assert answer.status == 401
        await caller.until("response.done")
    connection = await asyncpg.connect(deployment.database_url)
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "INSERT INTO voice_turns (turn_id, session_id, speaker, text) VALUES (uuidv7(), $1, 'nobody', $2)",
            caller.session_id,
            BROKEN,
        )
    await connection.close()
    async with aiohttp.ClientSession() as http, http.get(f"{deployment.url}/metrics") as answer:
        metrics = await answer.text()

    said = logged(deployment)
    assert {"gateway.log", "orchestrator.log", "synthesizer.log", "transcriber.log", "up"} <= set(said)
    for happened in ("call opened", "client came", "refused", "call failed"):
        assert happened in said["gateway.log"] + said["orchestrator.log"], "the mishaps are told"
    assert "builtins.ValueError" in said["orchestrator.log"]
    told = (TYPED, NOTED, CHOKED, BABBLED, BROKEN, SAID, spoken["transcript"])
    words = {word for text in told for word in re.findall(r"[a-z]{5,}", text.lower())}
    assert {"quokka", "wombat", "escudos", "marsupial", "florins", "guilders", "thalers", "tokyo"} <= words
    secrets = {ANN, OLGA, secret, deployment.internal_key, "guess-of-somebody", password(deployment)}
    for name, text in {**said, "metrics": metrics}.items():
        lines = text.lower().splitlines()
        found = {word: line for word in words for line in lines if re.search(rf"\b{word}\b", line)}
        assert not found, (name, found)
        assert not {hidden for hidden in secrets if hidden in text}, name
    shown = command_lines(deployment)
    assert not {hidden for hidden in secrets if hidden in shown}


def password(deployment: Deployment) -> str:
    """The database's."""
    found = re.search(r"://[^:/]*:([^@]+)@", deployment.database_url)
    assert found is not None
    return found[1]


@pytest.fixture(scope="module")
def voice_of(deployment: Deployment) -> Voice:
    """The user's voice, out of this deployment."""
    return Voice(deployment.part_url("synthesizer"), deployment.internal_key)
