"""The examples of a page of `docs/`, to the letter, so that tests run what readers copy."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(page: str, language: str) -> list[str]:
    """The fenced blocks of that language, in order."""
    return [text for named, text in BLOCK.findall((DOCS / page).read_text("utf-8")) if named == language]
