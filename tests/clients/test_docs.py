"""`docs/clients.md` shows the examples that the tests run, to the letter."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SHOWN = re.findall(
    r"```(?:python|js)\n(.*?)```", (HERE.parents[1] / "docs" / "clients.md").read_text(), re.DOTALL
)


@pytest.mark.parametrize("example", sorted(HERE.glob("*/example.*")), ids=lambda place: place.parent.name)
def test_the_page_shows_what_the_tests_run(example: Path) -> None:
    assert example.read_text() in SHOWN
