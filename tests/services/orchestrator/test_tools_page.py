"""docs/tools.md: its examples are loaded, planned and run as they stand there."""

import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from services.orchestrator.catalog import Catalog
from services.orchestrator.language.slots import TYPES
from services.orchestrator.patterns import PatternPlanner
from services.orchestrator.sources import HOME_TOOLS, Sources, gather
from services.orchestrator.tooling import Answer, Caller, Refused, Say
from services.orchestrator.webhooks.hook import LATER, WORDS
from tests.docs_examples import DOCS, examples

from .webhooks.n8n import N8n, n8n

KITCHEN, BAKERY, GAMES = examples("tools.md", "yaml")
[DICE] = examples("tools.md", "python")
NOW = datetime(2026, 7, 14, 15, 42, tzinfo=ZoneInfo("America/New_York"))
SAY = Say("http://127.0.0.1:8999/say", "say_secret")


@pytest_asyncio.fixture
async def flow() -> AsyncIterator[N8n]:
    async with n8n() as double:
        yield double


@pytest.fixture
def home(tmp_path: Path, flow: N8n) -> Iterator[Path]:
    """An ANTIPHON_HOME with what the page shows, its n8n where the double listens."""
    for name in ("agents", "tools"):
        (tmp_path / name).mkdir(mode=0o700)
    for name, text in (("kitchen", KITCHEN), ("bakery", BAKERY), ("games", GAMES)):
        (tmp_path / "agents" / f"{name}.yaml").write_text(text.replace("http://localhost:5678", flow.url))
    (tmp_path / "tools" / "dice.py").write_text(DICE)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == HOME_TOOLS]:
        del sys.modules[name]


@pytest.fixture
def catalog(home: Path) -> Catalog:
    found = gather(Sources(home=home), {"N8N_SECRET": "hunter22"})
    assert found.left_out == ()
    return found


async def wish(catalog: Catalog, words: str) -> Answer:
    """What comes of saying `words`."""
    plan = PatternPlanner(catalog).plan(words, {}, NOW)
    assert plan.missing == []
    tool = catalog.tool(plan.tool or "")
    assert tool is not None, f"nothing was planned for {words!r}"
    offered = {"report": lambda *_: None, "caller": Caller("key-1", say=SAY)}
    answer = await tool.run(**plan.arguments, **{name: offered[name] for name in tool.extras})
    assert isinstance(answer, Answer)
    return answer


def test_the_examples_have_the_ten_lines_that_the_page_promises() -> None:
    assert [len(text.splitlines()) for text in (KITCHEN, DICE, GAMES)] == [10, 10, 10]


async def test_the_webhook_posts_and_its_words_are_said(catalog: Catalog, flow: N8n) -> None:
    flow.answers({"message": "The oven is on."})
    assert (await wish(catalog, "please heat the oven to two hundred degrees")).text == "The oven is on."
    [got] = flow.got
    assert (got.method, got.path, got.json) == ("POST", "/webhook/oven", {"degrees": 200})
    assert got.headers["X-Api-Key"] == "hunter22"


async def test_the_callback_is_told_where_to_call_back(catalog: Catalog, flow: N8n) -> None:
    flow.answers({"message": "Workflow was started"})
    assert (await wish(catalog, "bake a loaf of bread")).text == LATER
    assert flow.got[0].json == {"say_url": SAY.url, "say_token": SAY.token}


async def test_the_python_runs(catalog: Catalog) -> None:
    answer = await wish(catalog, "roll a twenty sided die")
    assert 1 <= answer.data["rolled"] <= 20
    assert (await wish(catalog, "throw a die")).data["rolled"] <= 6
    with pytest.raises(Refused, match="two sides at least"):
        await wish(catalog, "roll a one sided die")


def test_the_page_lists_every_code_with_its_words() -> None:
    page = (DOCS / "tools.md").read_text("utf-8")
    for code, words in WORDS.items():
        if code.startswith("webhook_"):
            said = words.format(name="kitchen")
            assert f"`{code}`" in page
            assert said[:1].upper() + said[1:] in page, code


def test_every_type_of_a_parameter_is_explained() -> None:
    page = (DOCS / "orchestrator.md").read_text("utf-8")
    rows = "".join(line.split("|")[1] for line in page.splitlines() if line.startswith("| `"))
    assert [name for name in (*TYPES, "agent") if f"`{name}`" not in rows] == []
