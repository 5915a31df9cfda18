"""What is reached over the network, and settings that nobody reads."""

import asyncio
import os
from collections.abc import Iterator, Mapping
from importlib import import_module

import aiohttp

from gateway.cli.doctor.finding import ASK_S
from services.base.findings import Finding
from services.base.settings import BadSettings, Settings

OURS = (
    "ANTIPHON_",
    "GATEWAY_",
    "TRANSCRIBER_",
    "SYNTHESIZER_",
    "ORCHESTRATOR_",
    "SPEECH_",
    "LLM_",
    "PERSONAPLEX_",
    "ELEVENLABS_",
)
"""How the names of settings begin, also of engines that this version has not."""
OWNERS = (
    "gateway.cli.deployment",
    "gateway.settings",
    "services.orchestrator.server",
    "services.speech.settings",
    "services.synthesizer.server",
    "services.transcriber.server",
)
"""The modules that declare settings."""
READ_ELSEWHERE = frozenset({"ANTIPHON_HOME", "ANTIPHON_URL", "ANTIPHON_API_KEY", "ANTIPHON_FINGERPRINT"})
"""By commands, one by one."""


def examine(environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    if base := environ.get("LLM_BASE_URL"):
        yield asyncio.run(language_model(base, environ.get("LLM_MODEL", ""), environ.get("LLM_API_KEY", "")))
    yield from settings(environ)


async def language_model(base: str, model: str, key: str) -> Finding:
    """Whether the server is there, takes the key and has the model: by the list that OpenAI's API has."""
    url = f"{base.rstrip('/')}/models"
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_S), headers=headers) as http,
            http.get(url) as answer,
        ):
            status = answer.status
            body = await answer.json(content_type=None) if status == 200 else {}
            known = [each["id"] for each in body["data"]] if status == 200 else []
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        why = str(error) or f"no answer within {ASK_S:g} s"
        advice = "start it, correct LLM_BASE_URL, or unset it: the persona's small talk answers then"
        return Finding("note", f"no language model at {base}: {why}", advice)
    except (ValueError, KeyError, TypeError):
        return Finding("note", f"{url} lists no models", "LLM_BASE_URL usually ends in /v1")
    if status in (401, 403):
        return Finding("note", f"the language model at {base} refuses the key", "correct LLM_API_KEY")
    if status != 200:
        return Finding("note", f"{url} answered {status}", "LLM_BASE_URL usually ends in /v1")
    if model not in known:
        some = ", ".join(known[:5]) or "none"
        return Finding("note", f"{base} has no model {model!r}", f"set LLM_MODEL to one of its own: {some}")
    return Finding("good", f"language model {model} at {base}")


def settings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Those that can't be used, and those that nobody reads: misspelled, or of another version."""
    known = set(READ_ELSEWHERE)
    for kind in kinds():
        known |= {name.upper() for name in kind.model_fields}
        try:
            kind.load()
        except BadSettings as error:
            # `up` gives the gateway its database.
            if error.detail != "DATABASE_URL: Field required":
                yield Finding("bad", error.detail, "correct or unset it")
    for name in sorted(environ):
        if name.startswith(OURS) and name not in known:
            what = f"{name} is set, and nothing in this version reads it"
            yield Finding("note", what, "compare with docs/settings.md")


def kinds() -> Iterator[type[Settings]]:
    """What each part reads."""
    for module in OWNERS:
        for found in vars(import_module(module)).values():
            if isinstance(found, type) and issubclass(found, Settings) and found is not Settings:
                yield found
