"""Where things are kept, and who runs."""

import os
import stat
from pathlib import Path

from gateway.cli.home import Home, Running, RunningPart, Secrets

RUNNING = Running(
    1,
    "2026-01-01T00:00:00+00:00",
    "http://localhost:8999",
    "http://127.0.0.1:8999",
    "",
    "postgresql://…",
    {"gateway": RunningPart(2, 8999)},
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_home_is_where_the_environment_says(tmp_path: Path) -> None:
    assert Home.find({"ANTIPHON_HOME": str(tmp_path)}).root == tmp_path


def test_a_checkout_keeps_its_own_home(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    assert Home.find({}, checkout=tmp_path).root == tmp_path / ".antiphon"


def test_an_installed_package_uses_the_data_folder_of_its_user(tmp_path: Path) -> None:
    assert Home.find({"XDG_DATA_HOME": "/data"}, checkout=tmp_path).root == Path("/data/antiphon")
    assert Home.find({}, checkout=tmp_path).root == Path.home() / ".local/share/antiphon"


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    made = Secrets.load(home)
    assert Secrets.load(home) == made
    assert made.postgres_password != made.internal_key
    assert [mode(path) for path in home.root.iterdir()] == [0o600]


def test_nobody_runs_in_a_fresh_home(tmp_path: Path) -> None:
    assert Home(tmp_path).running() is None


def test_who_runs_is_found_while_the_lock_is_held(tmp_path: Path) -> None:
    home = Home(tmp_path)
    lock = home.take_lock()
    assert lock is not None
    RUNNING.write(home.state)
    assert home.take_lock() is None
    assert home.running() == RUNNING
    assert mode(home.state) == 0o600

    # The owner was killed: its words stay, its lock doesn't.
    os.close(lock)
    assert home.running() is None
