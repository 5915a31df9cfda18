"""The page as it is served: where it is found, what keeps foreign code out, what may be cached."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from gateway.rest.headers import CONTENT_SECURITY, add_headers
from gateway.rest.page import add_page, find_page

DOCS = Path(__file__).parents[3] / "docs"

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A page as Vite builds it."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "main-1a2b.js").write_text("1")
    (tmp_path / "index.html").write_text("<title>Antiphon</title>")
    (tmp_path / "topology.html").write_text("<title>Topology</title>")
    (tmp_path / "icon.svg").write_text("<svg/>")
    return tmp_path


@pytest.fixture
async def client(built: Path) -> AsyncIterator[Client]:
    app = web.Application()
    add_page(app, built)
    add_headers(app)
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "title"), [("/", "Antiphon"), ("/voice-duplex", "Antiphon"), ("/topology", "Topology")]
)
async def test_each_page_is_served_and_never_cached(client: Client, path: str, title: str) -> None:
    answer = await client.get(path)
    assert await answer.text() == f"<title>{title}</title>"
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_hashed_files_may_be_kept_for_ever(client: Client) -> None:
    answer = await client.get("/assets/main-1a2b.js")
    assert "immutable" in answer.headers["Cache-Control"]
    assert (await client.get("/assets/gone.js")).headers["Cache-Control"] == "no-store"
    assert (await client.get("/icon.svg")).content_type == "image/svg+xml"


async def test_foreign_code_and_foreign_sockets_are_kept_out(client: Client) -> None:
    answer = await client.get("/")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    host = f"{client.host}:{client.port}"
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["connect-src"] == f"'self' ws://{host} wss://{host}"
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "microphone=(self)" in answer.headers["Permissions-Policy"]


async def test_a_host_that_is_no_host_is_not_put_in_the_policy(client: Client) -> None:
    answer = await client.get("/", headers={"Host": "a; script-src *"})
    assert "*" not in answer.headers["Content-Security-Policy"]


async def test_nothing_outside_the_folder_is_served(client: Client) -> None:
    for path in ("/assets/../index.html", "/assets/%2e%2e/index.html", "/../page.py"):
        assert "Antiphon" not in await (await client.get(path)).text() or path == "/assets/../index.html"


async def test_where_no_page_is_built_a_sentence_says_how_to_build_it() -> None:
    app = web.Application()
    add_page(app, None)
    add_headers(app)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/")
        assert answer.status == 503
        assert "npm" in await answer.text()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_the_folder_that_was_named_comes_first(built: Path, tmp_path: Path) -> None:
    assert find_page(built) == built
    assert find_page(tmp_path / "nowhere") is None


def test_the_docs_quote_the_policy_that_is_sent() -> None:
    assert CONTENT_SECURITY in " ".join((DOCS / "web.md").read_text().split())
