"""`antiphon say` against a served gateway, and to the ear."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from gateway.cli import loudspeaker, say
from gateway.cli.loudspeaker import NoLoudspeaker, play
from gateway.cli.say import NotSpoken, by_gateway, chosen
from gateway.cli.wav import read_wav
from tests.gateway.harness import WORD, Gateway

SOUND = b"\x00\x40" * 4800


async def test_the_gateway_speaks_by_the_voice_that_is_asked_for(gateway: Gateway) -> None:
    assert await by_gateway(gateway.url, "one two", None, "reed") == b"\x00\x40" * (2 * WORD)
    assert [voice.name for voice in gateway.parts.voice.voices] == ["reed"]


async def test_a_refusal_is_in_the_gateway_s_words(gateway: Gateway) -> None:
    with pytest.raises(NotSpoken, match="no voice is called 'nobody'; there are fern"):
        await by_gateway(gateway.url, "one", None, "nobody")


async def served(answer: web.StreamResponse) -> str:
    """What is said about a server that gives this answer."""

    async def other(request: web.Request) -> web.StreamResponse:
        if answer.content_length is None:
            await answer.prepare(request)
            await answer.write(SOUND)
            assert request.transport is not None
            request.transport.abort()
        return answer

    app = web.Application()
    app.router.add_post("/{any:.*}", other)
    server = TestServer(app)
    await server.start_server()
    try:
        with pytest.raises(NotSpoken) as failed:
            await by_gateway(str(server.make_url("")).rstrip("/"), "one", None, None)
    finally:
        await server.close()
    return failed.value.detail


async def test_what_is_no_gateway_is_said_to_be_none() -> None:
    assert "is no gateway: it answered 200" in await served(web.Response(text="<html>hello</html>"))


async def test_half_a_text_does_not_pass_for_a_whole_one() -> None:
    answer = web.StreamResponse()
    answer.content_type = "audio/pcm"
    assert "broke off" in await served(answer)


def test_without_a_wish_it_is_the_default_persona_s_voice() -> None:
    assert chosen(None, None) == chosen("myca", None)
    assert chosen("myca", "reed").name == "reed"
    with pytest.raises(NotSpoken, match="no persona is called 'nobody'"):
        chosen("nobody", None)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds all programs there are."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_it_is_played_by_a_player_that_is_there(programs: Path, tmp_path: Path) -> None:
    program(programs / "aplay", f'/bin/cp "$2" {tmp_path}/played.wav')
    play(SOUND)
    assert read_wav(tmp_path / "played.wav") == SOUND


def test_where_one_player_finds_no_sound_server_the_next_is_tried(programs: Path, tmp_path: Path) -> None:
    program(programs / "paplay", "echo connection refused >&2; exit 1")
    program(programs / "aplay", f'/bin/cp "$2" {tmp_path}/played.wav')
    play(SOUND)
    assert (tmp_path / "played.wav").exists()


def test_a_player_that_never_ends_is_left_for_the_next(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loudspeaker, "GRACE_S", 0.1)
    for name in ("paplay", "aplay"):
        program(programs / name, "exec /bin/sleep 600")
    with pytest.raises(NoLoudspeaker, match="aplay: it did not come to an end"):
        play(SOUND)


def test_where_none_plays_it_the_last_one_says_why(programs: Path) -> None:
    program(programs / "aplay", "echo no soundcards found >&2; exit 1")
    with pytest.raises(NoLoudspeaker, match=r"aplay: no soundcards found; give --out FILE\.wav"):
        play(SOUND)


@pytest.mark.usefixtures("programs")
def test_without_a_player_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "run", lambda work: pytest.fail("it has begun"))
    done = CliRunner().invoke(say.say, ["hello"])
    assert isinstance(done.exception, NoLoudspeaker)
    assert "give --out FILE.wav" in str(done.exception)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["", "--out", "a.wav"], "nothing to say"),
        (["hello", "--out", "no/folder/a.wav"], "there is no folder"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(say.say, arguments)
    assert done.exit_code == 2
    assert words in done.output
