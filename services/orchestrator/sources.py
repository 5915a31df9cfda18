"""Whose agents are there: those that come along, and one's own beside them.

A file of one's own that cannot be used is left out, and said so in the log, in `/ready` and in `GET /agents`: a typing
error in the kitchen's file must not take the clock away from whoever is in a call. What comes along is ours to keep
right, and a folder that is not there is a wrong setting; both stop the service with a sentence.
"""

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from services.orchestrator.catalog import Agent, Catalog, LeftOut
from services.orchestrator.loader import (
    OWN_TOOLS,
    PACKAGED_AGENTS,
    BadAgents,
    Names,
    files_in,
    load_agent,
)

log = logging.getLogger(__name__)

PACKAGED = "packaged"
"""The word for the folder that comes along, in `ORCHESTRATOR_AGENTS`."""
HOME_TOOLS = "home_tools"
"""The package of what lies in `tools/` of the home."""
OTHERS_MAY_WRITE = 0o022


@dataclass(frozen=True, slots=True)
class Sources:
    """Where agents and their Python come from; all of it is chosen by whoever starts the process."""

    folders: Sequence[str] = (PACKAGED,)
    """`packaged`, and folders of YAML files."""
    home: Path | None = None
    """Its `agents/` and `tools/` count where they are there."""
    packages: Sequence[str] = (OWN_TOOLS,)
    """From which files may name functions."""


def gather(sources: Sources, environ: Mapping[str, str] = os.environ) -> Catalog:
    """Load everything; a file of one's own that is wrong is left out.

    Raises:
        BadAgents: a packaged file is wrong, or a folder has none.
    """
    names = Names()
    agents: list[Agent] = []
    left_out: list[LeftOut] = []
    packages = list(sources.packages)
    if sources.home and (tools := sources.home / "tools").is_dir():
        try:
            packages.append(_home_tools(tools))
        except BadAgents as error:
            left_out.append(_left_out(tools, error))
    for path, packaged in _files(sources):
        try:
            agent = load_agent(path, packages, environ, names)
            names.claim(agent, path.name)
        except BadAgents as error:
            if packaged:
                raise
            left_out.append(_left_out(path, error))
            names.know(path.stem)
        else:
            agents.append(agent)
    return Catalog(tuple(agents), tuple(left_out))


def _left_out(path: Path, error: BadAgents) -> LeftOut:
    log.error("left out", extra={"path": str(path), "reason": error.detail})
    return LeftOut(path.stem, error.detail)


def _files(sources: Sources) -> list[tuple[Path, bool]]:
    """Each file, and whether it came along. Those come first, so that nobody takes their names."""
    files = [(path, True) for path in files_in(PACKAGED_AGENTS)] if PACKAGED in sources.folders else []
    for folder in sources.folders:
        if folder != PACKAGED:
            files += [(path, False) for path in files_in(Path(folder).expanduser())]
    if sources.home:
        files += [(path, False) for path in sorted((sources.home / "agents").glob("*.yaml"))]
    return files


def _home_tools(folder: Path) -> str:
    """Make the modules in `folder` those of one package, so that none can stand in front of another of its name.

    Raises:
        BadAgents: others may write to it, and what lies there is code.
    """
    if folder.stat().st_mode & OTHERS_MAY_WRITE:
        raise BadAgents(
            f"{folder}: expected a folder that you alone may write to (chmod go-w), because it holds code"
        )
    package = ModuleType(HOME_TOOLS, "Tools of one's own, from the folder `tools` in ANTIPHON_HOME.")
    package.__path__ = [str(folder)]
    sys.modules[HOME_TOOLS] = package
    return HOME_TOOLS
