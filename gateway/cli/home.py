"""Where Antiphon keeps what must outlive a process: data, secrets, logs, and who runs."""

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import Self

from services.base.problems import Problem

CHECKOUT = Path(__file__).parents[2]

LEAST_FREE = 200 * 2**20
"""Bytes. A fresh database takes 40 MiB, and its log of changes 16 MiB at a time."""


class HomeUnusable(Problem):
    """The folder for the data can't be made or written, or its disk is full."""

    code, title = "home_unusable", "The folder for the data cannot be used"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one installation."""

    root: Path

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ, checkout: Path = CHECKOUT) -> Self:
        """`ANTIPHON_HOME`; else `.antiphon` in the checkout we run from; else the user's data folder (XDG)."""
        if named := environ.get("ANTIPHON_HOME"):
            return cls(Path(named).expanduser().absolute())
        if (checkout / "pyproject.toml").exists():
            return cls(checkout / ".antiphon")
        data = environ.get("XDG_DATA_HOME") or "~/.local/share"
        return cls(Path(data).expanduser() / "antiphon")

    @property
    def pg(self) -> Path:
        return self.root / "pg"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def tls(self) -> Path:
        """The certificate that `up --lan` made, and its key."""
        return self.root / "tls"

    @property
    def api_key(self) -> Path:
        """The key that `up --lan` asks for, where ANTIPHON_API_KEYS names none."""
        return self.root / "api_key"

    @property
    def phrases(self) -> Path:
        """What people are likely to say, one phrase a line: the recogniser's food."""
        return self.root / "phrases"

    @property
    def state(self) -> Path:
        return self.root / "run" / "state.json"

    @property
    def lock(self) -> Path:
        """Held by the supervisor for as long as it lives."""
        return self.root / "run" / "lock"

    def prepare(self) -> None:
        """Make the folder where it is missing.

        Raises:
            HomeUnusable: it can't be, nothing can be written into it, or hardly anything.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            with TemporaryFile(dir=self.root):
                free = shutil.disk_usage(self.root).free
        except OSError as error:
            raise HomeUnusable(
                f"{self.root}: {error.strerror}; set ANTIPHON_HOME to a folder that you may write"
            ) from error
        if free < LEAST_FREE:
            raise HomeUnusable(
                f"{self.root}: {free / 2**20:.0f} MiB of disk are free; make room for {LEAST_FREE / 2**20:.0f}, "
                "or set ANTIPHON_HOME to a folder on another disk"
            )

    def take_lock(self) -> int | None:
        """The open lock file, locked until it is closed or this process ends; None when another holds it."""
        self.lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def running(self) -> "Running | None":
        """Who runs here now, or None."""
        if not self.state.exists():
            return None
        if (lock := self.take_lock()) is not None:
            # The state was left behind by one who was killed.
            os.close(lock)
            return None
        return Running.read(self.state)


@dataclass(frozen=True, slots=True)
class RunningPart:
    """One part as it runs now."""

    pid: int | None
    port: int | None


@dataclass(frozen=True, slots=True)
class Running:
    """A running deployment, as it writes itself down for later commands."""

    pid: int
    """Of the supervisor."""
    since: str
    """ISO 8601, UTC."""
    address: str
    """Where a person finds the page."""
    url: str = ""
    """Where commands on this machine find the gateway."""
    certificate: str = ""
    """The path of the one that it shows; empty without TLS."""
    database_url: str = ""
    """For SQLAlchemy; empty until the database takes connections."""
    parts: dict[str, RunningPart] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Running | None":
        """What `path` holds; None where the supervisor has just gone."""
        try:
            body = json.loads(path.read_text())
        except FileNotFoundError:
            return None
        parts = {name: RunningPart(**part) for name, part in body.pop("parts").items()}
        return cls(**body, parts=parts)

    def write(self, path: Path) -> None:
        """Replace `path` in one step: nobody reads a half. Only the owner may read it, as it holds a password."""
        write_private(path.with_suffix(".new"), json.dumps(asdict(self), indent=2))
        path.with_suffix(".new").replace(path)


@dataclass(frozen=True, slots=True)
class Secrets:
    """Made once, at the first start."""

    postgres_password: str
    internal_key: str
    """`ANTIPHON_INTERNAL_KEY`: what services show each other."""

    @classmethod
    def load(cls, home: Home) -> Self:
        """Read `secrets.json`, made first where it is missing."""
        made = cls(secrets.token_urlsafe(24), secrets.token_urlsafe(32))
        text = made_once(home.root / "secrets.json", lambda: json.dumps(asdict(made), indent=2))
        return cls(**json.loads(text))


def made_once(path: Path, make: Callable[[], str]) -> str:
    """What `path` holds, made by whoever asks first; for its owner alone."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        write_private(new, make())
        try:
            # Unlike a rename, a link never replaces what another process made in the same moment.
            path.hardlink_to(new)
        except FileExistsError:
            pass
        finally:
            new.unlink()
    return path.read_text()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(text)
