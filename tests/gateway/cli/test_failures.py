"""Everything that a new user may run into: one sentence that says what to do, no traceback, exit status 1."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.cli import main
from gateway.cli.home import Home, HomeUnusable
from gateway.cli.ports import free_port
from gateway.cli.wav import write_wav

NOBODY = "http://127.0.0.1:1"
SESSIONS, TALK, SAY = ("sessions", "list"), ("talk", "--wav", "{wav}"), ("say", "hello", "--out", "{out}")

CASES = {
    "the home is no folder": (("up",), {"ANTIPHON_HOME": "{file}/home"}, "set ANTIPHON_HOME to a folder"),
    "the home can't be written": (
        ("migrate",),
        {"ANTIPHON_HOME": "/proc/home"},
        "set ANTIPHON_HOME to a folder",
    ),
    "a key is short": (("up",), {"ANTIPHON_API_KEYS": "ann:short"}, "at least 16 characters"),
    "no key, beyond loopback": (("up", "--host", "0.0.0.0"), {}, "`antiphon up --lan`"),
    "no certificate": (("up",), {"GATEWAY_TLS_CERT": "{file}"}, "GATEWAY_TLS_CERT"),
    "a setting is no number": (("up",), {"GATEWAY_PORT": "soon"}, "GATEWAY_PORT"),
    "no database": (
        ("up",),
        {"DATABASE_URL": "postgresql://me@127.0.0.1:1/mine"},
        "nothing answers there; is the server up?",
    ),
    "no address of a database": (("migrate",), {"DATABASE_URL": "mine"}, "expected postgresql://"),
    "sessions, nothing runs": (SESSIONS, {"ANTIPHON_URL": NOBODY}, "`antiphon up` starts it"),
    "talk, nothing runs": (TALK, {"ANTIPHON_URL": NOBODY}, "`antiphon up` starts it"),
    "say, nothing runs": (SAY, {"ANTIPHON_URL": NOBODY}, "`antiphon up` starts it"),
    "sessions, no address": (SESSIONS, {"ANTIPHON_URL": "ws://localhost"}, "expected http://host:port"),
    "talk, no address": (TALK, {"ANTIPHON_URL": "localhost:8999"}, "expected http://host:port"),
    "say, no address": (SAY, {"ANTIPHON_URL": "localhost:8999"}, "expected http://host:port"),
    "no such voice": (("say", "hello", "--voice", "nobody", "--out", "{out}"), {}, "there are fern"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_one_sentence(case: str, tmp_path: Path) -> None:
    arguments, environ, words = CASES[case]
    file, wav = tmp_path / "file", tmp_path / "question.wav"
    file.touch()
    write_wav(wav, bytes(4800))
    places = {"file": str(file), "wav": str(wav), "out": str(tmp_path / "said.wav")}
    own = {"HOME": str(tmp_path), "ANTIPHON_HOME": str(tmp_path / "home"), "PYTHONPATH": os.getcwd()}
    given = {name: value.format(**places) for name, value in environ.items()}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gateway.cli.main", *(each.format(**places) for each in arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "GATEWAY_PORT": str(free_port()), **own, **given},
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.startswith("antiphon: ")
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stdout


def test_a_disk_with_hardly_any_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2**20))
    with pytest.raises(HomeUnusable, match="1 MiB of disk are free; make room for 200"):
        Home(tmp_path).prepare()


@pytest.mark.parametrize(("number", "words"), [(errno.ENOSPC, "make room"), (errno.EACCES, "whose it is")])
def test_a_file_that_cannot_be_written_is_told_wherever_it_is(
    number: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(**_: object) -> None:
        raise OSError(number, os.strerror(number), "/data/notes")

    monkeypatch.setattr(main, "cli", full)
    with pytest.raises(SystemExit, match="1"):
        main.main()
    said = capsys.readouterr().err
    assert said.startswith(f"antiphon: {os.strerror(number)}: /data/notes: ")
    assert words in said
