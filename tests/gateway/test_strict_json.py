"""JSON that can be passed on, and what is wrong with the rest."""

import pytest

from gateway.strict_json import DEEPEST, BadJson, parse


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, null, true, "b"]}', {"a": [1, 2.5, None, True, "b"]}),
        ('"\\ud83d\\ude00"', "😀"),
        ('"Tōkyō"', "Tōkyō"),
        ("[" * DEEPEST + "]" * DEEPEST, None),
        ("12345678901234567890", 12345678901234567890),
    ],
)
def test_what_everybody_can_read_is_read(text: str, value: object) -> None:
    found = parse(text)
    assert value is None or found == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("{'a': 1}", "not JSON"),
        ("9" * 5000, "not JSON"),
        ("NaN", "NaN"),
        ("[-Infinity]", "-Infinity"),
        ('{"a": 1e999}', "inf"),
        ('{"a\\u0000": 1}', "U\\+0000"),
        ('["\\ud83d"]', "surrogate"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "deep"),
        ("[" * 100_000, "deep|not JSON"),
    ],
)
def test_what_cannot_be_passed_on_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(BadJson, match=why):
        parse(text)
