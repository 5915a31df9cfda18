"""Log lines: what they tell, and by which ways words could get into them."""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest

from services.base.logs import Lines, set_up_logs, tell_of_stray
from services.base.problems import Invalid

WORDS = "my card is four two four two"


@pytest.fixture(autouse=True)
def _levels_as_before() -> Iterator[None]:
    names = ("", "gateway", "bridge", "personas", "migrations", "services", "__main__")
    before = {name: logging.getLogger(name).level for name in names}
    handlers = logging.getLogger().handlers[:]
    yield
    logging.getLogger().handlers[:] = handlers
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


def failed(error: BaseException, pii: bool = False, as_json: bool = False) -> str:
    """The line that tells of `error`."""
    info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("gateway.call", logging.ERROR, __file__, 1, "call failed", (), info)
    return Lines("gateway", as_json, pii).format(record)


def broken() -> Exception:
    """What a tool raises that chokes on words, and handles it badly."""
    try:
        try:
            int(WORDS)
        except ValueError as error:
            raise Invalid(f"no number: {WORDS}") from error
    except Invalid as error:
        return error
    raise AssertionError


@pytest.mark.parametrize("as_json", [False, True])
def test_an_exception_tells_its_kinds_and_where_and_not_what_it_says(as_json: bool) -> None:
    line = failed(broken(), as_json=as_json)
    assert WORDS not in line
    for told in ("builtins.ValueError", "problems.Invalid (invalid_request)", "test_logs.py", "in broken"):
        assert told in line


def test_who_asks_for_words_gets_the_whole_exception() -> None:
    assert f"invalid literal for int() with base 10: '{WORDS}'" in failed(broken(), pii=True)


def test_what_was_raised_while_another_was_handled_is_told_bare_too() -> None:
    try:
        try:
            raise KeyError(WORDS)
        except KeyError:
            raise RuntimeError(WORDS)  # noqa: B904 - that is the point
    except RuntimeError as error:
        line = failed(error)
    assert WORDS not in line
    assert line.index("builtins.KeyError") < line.index("builtins.RuntimeError")


def test_of_a_group_each_is_told() -> None:
    line = failed(ExceptionGroup(WORDS, [broken(), OSError(5, WORDS)]))
    assert WORDS not in line
    for told in ("ExceptionGroup", "  | builtins.ValueError", "  | builtins.OSError"):
        assert told in line


def test_fields_that_may_hold_words_are_hidden() -> None:
    record = logging.makeLogRecord({"msg": "no plan", "code": "a", "pii_why": WORDS})
    assert Lines("gateway", False, False).format(record).endswith("no plan code=a pii_why=…")
    assert WORDS in Lines("gateway", False, True).format(record)


def test_debug_is_for_our_own_lines_and_not_for_what_libraries_send(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    set_up_logs("gateway")
    logging.getLogger("gateway.call").debug("ours")
    for library in ("sqlalchemy.engine.Engine", "openai._base_client", "httpx", "asyncio", "aiohttp.access"):
        logging.getLogger(library).info("a library sends %s", WORDS)
    logging.getLogger("alembic").warning("a library warns")
    assert [line.partition("| ")[2] for line in capsys.readouterr().err.splitlines()] == [
        "ours",
        "a library warns",
    ]


def test_a_line_as_json_is_one_object(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    set_up_logs("bridge")
    logging.getLogger("bridge").warning("no plan", extra={"code": "away"})
    row = json.loads(capsys.readouterr().err)
    assert (row["part"], row["level"], row["message"], row["code"]) == (
        "bridge",
        "warning",
        "no plan",
        "away",
    )


async def test_what_nobody_catches_is_told_bare(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs("gateway")
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(tell_of_stray)
    told = asyncio.Event()

    def choke(words: str) -> None:
        loop.call_soon(told.set)
        raise ValueError(words)

    loop.call_soon(choke, WORDS)
    async with asyncio.timeout(5):
        await told.wait()
    said = capsys.readouterr().err
    assert WORDS not in said
    assert "builtins.ValueError" in said
