"""Puts the built page into the wheel, so that whoever installs it needs no Node."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Page(BuildHookInterface):  # type: ignore[type-arg]
    """The build hook that `pyproject.toml` names; hatchling finds it by its base."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the page as `gateway/page`, where the gateway looks for it first."""
        # A checkout serves web/dist, and is installed before that is built.
        if version == "editable":
            return
        page = Path(self.root) / "web" / "dist"
        if not (page / "index.html").is_file():
            self.app.abort("The page is not built. `make dist` builds it, and the wheel with it.")
        build_data["force_include"][str(page)] = "gateway/page"
