"""axe-core in a page of ours: what keeps people with a screen reader, a keyboard or little sight out of it."""

from pathlib import Path
from typing import Any

from playwright.async_api import Page

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
"""A tool of the tests alone: nothing of it is built into the page."""

RUN = "axe.run(document, {resultTypes: ['violations']}).then((found) => found.violations)"


async def violations(page: Page) -> list[str]:
    """What axe finds wrong with the page as it stands, by all of its rules; a line for each element.

    It comes through the debugger, which the page's content security policy does not bind.
    """
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = await page.evaluate(RUN)
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {' '.join(node['target'])}: {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]
