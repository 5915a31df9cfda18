"""What the doctor says of the duplex model, as the speech service finds it."""

import json
import sys

import pytest

from gateway.cli.doctor import speech
from services.base.findings import Finding


def say(monkeypatch: pytest.MonkeyPatch, code: str) -> list[Finding]:
    """What becomes of a check that runs this code instead."""
    monkeypatch.setattr(speech, "CHECK", (sys.executable, "-S", "-c", code))
    return list(speech.examine())


def test_the_service_looks_for_itself() -> None:
    found = list(speech.examine())
    assert found[0].what.startswith("duplex model: torch 2.")
    assert {each.verdict for each in found} <= {"good", "note"}


def test_without_torch_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "find_spec", lambda name: None)
    monkeypatch.setattr(speech, "CHECK", ("not", "called"))
    [found] = speech.examine()
    assert (found.verdict, found.what) == ("note", "no torch: no duplex model")
    assert "pip install 'antiphon[speech]'" in found.advice


def test_a_model_that_does_not_run_keeps_no_call_from_running(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {
        "works": False,
        "findings": [
            {"verdict": "good", "what": "torch 2.13.0", "advice": ""},
            {"verdict": "bad", "what": "no GPU", "advice": "buy one"},
        ],
    }
    assert say(monkeypatch, f"print({json.dumps(json.dumps(body))}); raise SystemExit(1)") == [
        Finding("good", "duplex model: torch 2.13.0"),
        Finding("note", "duplex model: no GPU", "buy one"),
    ]


@pytest.mark.parametrize("code", ["raise SystemExit('broken')", "print('{}'); raise SystemExit('broken')"])
def test_a_check_that_breaks_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    [found] = say(monkeypatch, code)
    assert (found.verdict, found.what) == ("note", "the duplex model can't be looked at: broken")


def test_a_check_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "CHECK_S", 0.1)
    [found] = say(monkeypatch, "import threading; threading.Event().wait()")
    assert found.what == "the duplex model was looked at for 0.1 s in vain"
