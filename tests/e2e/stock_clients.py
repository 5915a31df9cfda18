"""The stock clients of `tests/clients`: their environments, and how each is started with a room around it."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "clients"
SETUP = ROOT / ".ci" / "setup"


@dataclass(frozen=True, slots=True)
class StockClient:
    """One of them."""

    name: str
    calls_itself: str
    """How its User-Agent begins."""
    shows_tools: bool
    """Whether its API has a place for a tool that the server runs."""
    hangs_up: str = "client_closed"
    """How the session ends when it does."""

    @property
    def lock(self) -> Path:
        """What its environment holds."""
        python = FOLDER / self.name / "requirements.lock"
        return python if python.exists() else FOLDER / self.name / "package-lock.json"

    @property
    def environment(self) -> Path:
        in_python = self.lock.suffix == ".lock"
        return ROOT / ".venvs" / self.name if in_python else self.lock.parent / "node_modules"

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    def set_up(self) -> None:
        """Make its environment, where `make test` has not."""
        stamp = self.environment / ".done"
        if not stamp.exists() or stamp.stat().st_mtime < self.lock.stat().st_mtime:
            subprocess.run([SETUP / "client", self.name], check=True, stdout=subprocess.DEVNULL)

    def call(self, url: str) -> Sequence[str | Path]:
        """The command that has it call this gateway by voice, its room at stdin and stdout."""
        if self.python.exists():
            return [self.python, FOLDER / "stdio.py", self.name, url]
        return [SETUP / "node", self.lock.parent, "node", "talk.mjs", url]


OPENAI = StockClient("openai", "AsyncOpenAI/Python", shows_tools=True)

STOCK_CLIENTS = (
    OPENAI,
    # It closes without a code, which may be a loss: the session waits for it to come back.
    StockClient("agents", "Agents/JavaScript", shows_tools=True, hangs_up="client_lost"),
    StockClient("pipecat", "Python", shows_tools=False),
    StockClient("livekit", "LiveKit Agents", shows_tools=False),
)
