"""One's own agents beside those that come along; what is wrong with them leaves the others alone."""

import logging
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from services.orchestrator.loader import BadAgents
from services.orchestrator.patterns import PatternPlanner
from services.orchestrator.sources import HOME_TOOLS, Sources, gather
from services.orchestrator.webhooks.hook import Webhook

WEBHOOK = """
agent: kitchen
description: Knows the oven.
health: http://localhost:5678/healthz
tools:
  - name: heat_oven
    description: Heats the oven.
    webhook:
      url: http://localhost:5678/webhook/oven
      secret: {header: X-Api-Key, env: N8N_SECRET}
    risk: write
    idempotent: false
    timeout_s: 20
    parameters:
      - {name: degrees, type: number, required: true, ask: "How hot?"}
    say: ["Let me heat the oven."]
    phrases: heat the oven to {degrees} degrees
    examples: [heat the oven to two hundred degrees]
"""
PYTHON = """
agent: cellar
description: Knows the wine.
tools:
  - name: count_wine
    description: Counts the wine.
    run: home_tools.cellar:count_wine
    risk: read
    idempotent: true
    timeout_s: 5
    say: ["Let me look."]
    phrases: how much wine is there
    examples: [how much wine is there]
"""
CODE = """
from services.orchestrator.tooling import Answer

async def count_wine() -> Answer:
    return Answer("Seven bottles.")
"""
NOW = datetime(2026, 7, 14, 15, 42, tzinfo=ZoneInfo("America/New_York"))
SECRET = {"N8N_SECRET": "hunter22"}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An ANTIPHON_HOME with empty folders for agents and tools."""
    for name in ("agents", "tools"):
        (tmp_path / name).mkdir(mode=0o700)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == HOME_TOOLS]:
        del sys.modules[name]


def names(sources: Sources, environ: dict[str, str] | None = None) -> list[str]:
    return [agent.name for agent in gather(sources, environ or {}).agents]


def test_what_lies_at_home_is_added_to_what_comes_along(home: Path) -> None:
    packaged = names(Sources())
    (home / "agents" / "kitchen.yaml").write_text(WEBHOOK)
    assert names(Sources(home=home), SECRET) == [*packaged, "kitchen"]


def test_a_folder_beside_the_word_packaged_is_added_and_alone_stands_for_itself(home: Path) -> None:
    (home / "agents" / "kitchen.yaml").write_text(WEBHOOK)
    folder = str(home / "agents")
    assert names(Sources(("packaged", folder)), SECRET)[-1] == "kitchen"
    assert names(Sources((folder,)), SECRET) == ["kitchen"]


@pytest.mark.parametrize(
    ("value", "complaint"),
    [("", "expected N8N_SECRET in"), ("short", "at least 8"), ("two\nlines of it", "one line")],
)
def test_a_secret_that_cannot_be_used_is_not_repeated_in_the_reason(
    home: Path, value: str, complaint: str
) -> None:
    (home / "agents" / "kitchen.yaml").write_text(WEBHOOK)
    [left_out] = gather(Sources(home=home), {"N8N_SECRET": value}).left_out
    assert complaint in left_out.reason
    assert not value or value not in left_out.reason


def test_a_webhook_becomes_a_tool(home: Path) -> None:
    (home / "agents" / "kitchen.yaml").write_text(WEBHOOK)
    catalog = gather(Sources(home=home), SECRET)
    tool = catalog.tool("heat_oven")
    assert tool is not None
    assert isinstance(tool.run, Webhook)
    assert (tool.run.json, tool.run.limit_s, tool.run.may_change) == ({"degrees": "{degrees}"}, 18.0, True)
    assert catalog.agents[-1].health == "http://localhost:5678/healthz"
    assert "hunter22" not in repr(catalog)


def test_a_missing_secret_leaves_that_agent_out_and_says_what_to_do(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "agents" / "kitchen.yaml").write_text(WEBHOOK)
    catalog = gather(Sources(home=home), {})
    [left_out] = catalog.left_out
    assert left_out.name == "kitchen"
    assert left_out.reason.startswith("kitchen.yaml: tools[0].webhook.secret.env: expected N8N_SECRET in the")
    assert catalog.tool("tell_time") is not None
    assert [(record.levelno, record.message) for record in caplog.records] == [(logging.ERROR, "left out")]


@pytest.mark.parametrize(
    ("found", "put", "complaint"),
    [
        (
            "agent: kitchen",
            "agent: clock",
            "agent `clock`: expected a name of its own; clock.yaml has it too",
        ),
        ("heat_oven", "tell_time", "tool `tell_time`: expected a name of its own; clock.yaml has it too"),
        ("X-Api-Key", "X Api", "secret.header: String should match"),
        ("X-Api-Key", "Host", "secret.header: expected another header"),
        ("N8N_SECRET", "ANTIPHON_INTERNAL_KEY", "ANTIPHON_INTERNAL_KEY is Antiphon's own"),
        ("N8N_SECRET", "DATABASE_URL", "DATABASE_URL is Antiphon's own"),
        ("/webhook/oven", "/webhook/{room}", r"webhook.url: expected slots out of .*; got room"),
        ("//localhost:5678/webhook", "//{message}", "webhook.url: expected slots in path and query alone"),
        (
            "      secret",
            "      json: {a: '{b}'}\n      secret",
            "webhook.json: expected slots out of .*; got b",
        ),
        ("      secret", "      method: GET\n      json: {}\n      secret", "webhook.json: expected none"),
        ("      secret", "      method: PULL\n      secret", "webhook.method: Input should be"),
        ("      secret", "      answer: a..b\n      secret", "webhook.answer: String should match"),
        ("      secret", "      retries: 9\n      secret", "webhook.retries: Extra inputs"),
        ("      secret", "      headers: {Authorization: x}\n      secret", "expected it under `secret`"),
        ("      secret", "      headers: {Host: x}\n      secret", "expected another header"),
        ("      secret", '      headers: {A: "b\\nc"}\n      secret', "a value of one line"),
        (
            "      secret",
            "      callback: true\n      json: {}\n      secret",
            "`{say_url}` and `{say_token}`",
        ),
        ("      secret", "      callback: true\n      answer: text\n      secret", "expected none beside"),
        ("    webhook:", "    run: a:b\n    webhook:", "either `run` .* or `webhook`"),
        ("name: degrees", "name: report", "expected other names than report"),
        ("health: http", "health: file", "health: String should match"),
    ],
)
def test_what_is_wrong_with_a_webhook_is_named(home: Path, found: str, put: str, complaint: str) -> None:
    assert found in WEBHOOK
    (home / "agents" / "kitchen.yaml").write_text(WEBHOOK.replace(found, put))
    catalog = gather(Sources(home=home), SECRET)
    [left_out] = catalog.left_out
    with pytest.raises(BadAgents, match=complaint):
        raise BadAgents(left_out.reason)


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def folder(path: Path) -> None:
    path.mkdir()


def looping(path: Path) -> None:
    path.symlink_to(path)


def no_date(path: Path) -> None:
    path.write_text("agent: 2026-13-45\n")


def no_truth(path: Path) -> None:
    path.write_text("agent: !!bool perhaps\n")


def in_itself(path: Path) -> None:
    path.write_text(WEBHOOK.replace("      secret", "      json: &a {b: *a}\n      secret"))


def endless(path: Path) -> None:
    path.write_text("[" * 5000)


def no_text(path: Path) -> None:
    path.write_bytes(b"agent: \xff\n")


@pytest.mark.parametrize(
    ("put", "complaint"),
    [
        (dangling, "expected a file that can be read: No such file"),
        (folder, "expected a file that can be read: Is a directory"),
        (looping, "expected a file that can be read: Too many levels"),
        (no_date, "expected YAML: month must be in"),
        (no_truth, "expected YAML: 'perhaps'"),
        (in_itself, "tools[0]: expected nothing that holds itself"),
        (endless, "expected YAML: maximum recursion depth"),
        (no_text, "expected UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_read_leaves_all_others_alone(
    home: Path, put: Callable[[Path], None], complaint: str
) -> None:
    put(home / "agents" / "kitchen.yaml")
    catalog = gather(Sources(home=home), {})
    [left_out] = catalog.left_out
    assert left_out.reason.startswith(f"kitchen.yaml: {complaint}")
    assert [agent.name for agent in catalog.agents] == names(Sources())


def test_a_callback_without_a_body_of_its_own_is_told_how_to_call_back(home: Path) -> None:
    text = WEBHOOK.replace("      secret", "      callback: true\n      secret")
    (home / "agents" / "kitchen.yaml").write_text(text)
    tool = gather(Sources(home=home), SECRET).tool("heat_oven")
    assert tool is not None
    assert isinstance(tool.run, Webhook)
    assert tool.run.json == {"degrees": "{degrees}", "say_url": "{say_url}", "say_token": "{say_token}"}


def test_n8ns_test_address_is_warned_of(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    (home / "agents" / "kitchen.yaml").write_text(WEBHOOK.replace("/webhook/", "/webhook-test/"))
    assert names(Sources(home=home), SECRET)[-1] == "kitchen"
    assert any("test address" in record.message for record in caplog.records)


@pytest.mark.parametrize("words", ["n8n", "the n8n agent", "n eight n"])
def test_an_agent_is_asked_about_by_its_name_also_as_it_is_said(home: Path, words: str) -> None:
    (home / "agents" / "n8n.yaml").write_text(WEBHOOK.replace("agent: kitchen", "agent: n8n"))
    plan = PatternPlanner(gather(Sources(home=home), SECRET)).plan(f"what is the state of {words}", {}, NOW)
    assert (plan.tool, plan.arguments) == ("agent_state", {"agent": "n8n"})


def test_one_that_was_left_out_can_be_asked_about_and_one_that_never_was_cannot(home: Path) -> None:
    (home / "agents" / "kitchen.yaml").write_text(WEBHOOK)
    planner = PatternPlanner(gather(Sources(home=home), {}))
    assert planner.plan("is the kitchen available", {}, NOW).arguments == {"agent": "kitchen"}
    assert planner.plan("is the garage available", {}, NOW).tool is None


async def test_python_at_home_is_a_package_of_its_own(home: Path) -> None:
    (home / "agents" / "cellar.yaml").write_text(PYTHON)
    (home / "tools" / "cellar.py").write_text(CODE)
    tool = gather(Sources(home=home), {}).tool("count_wine")
    assert tool is not None
    assert (await tool.run()).text == "Seven bottles."


def test_a_module_at_home_never_stands_before_another_of_its_name(home: Path) -> None:
    (home / "agents" / "cellar.yaml").write_text(PYTHON.replace("home_tools.cellar:count_wine", "os:system"))
    (home / "tools" / "os.py").write_text(CODE)
    [left_out] = gather(Sources(home=home), {}).left_out
    assert "expected a function in home_tools, services.orchestrator.tools" in left_out.reason


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("def (", "invalid syntax"),
        ("raise RuntimeError('no wine')", "no wine"),
        ("import nothing_like_it", "nothing_like_it"),
        ("def count_wine(): ...", "expected an `async def`"),
    ],
)
def test_a_module_that_cannot_be_used_leaves_its_agent_out(home: Path, code: str, complaint: str) -> None:
    (home / "agents" / "cellar.yaml").write_text(PYTHON)
    (home / "tools" / "cellar.py").write_text(code)
    [left_out] = gather(Sources(home=home), {}).left_out
    assert complaint in left_out.reason


def test_code_that_others_may_write_is_not_run(home: Path) -> None:
    (home / "agents" / "cellar.yaml").write_text(PYTHON)
    (home / "tools" / "cellar.py").write_text(CODE)
    (home / "tools").chmod(0o777)
    catalog = gather(Sources(home=home), {})
    assert [left_out.name for left_out in catalog.left_out] == ["tools", "cellar"]
    assert "chmod go-w" in catalog.left_out[0].reason


def test_a_folder_that_is_not_there_stops_the_service(tmp_path: Path) -> None:
    with pytest.raises(BadAgents, match=r"nowhere: expected at least one \.yaml file"):
        gather(Sources((str(tmp_path / "nowhere"),)), {})
