"""The files that the recogniser loads, and when they are built anew."""

from pathlib import Path

from services.transcriber.lexicon import base_form, dictionary
from services.transcriber.vocabulary import prepare


def test_what_was_built_once_is_found_again(home: Path, phrases: Path) -> None:
    first = prepare(phrases, home / "cache")
    at = first.language_model.stat().st_mtime_ns
    assert prepare(phrases, home / "cache") == first
    assert first.language_model.stat().st_mtime_ns == at
    assert not list((home / "cache").glob("*.part"))


def test_another_phrase_is_another_vocabulary(home: Path, phrases: Path, tmp_path: Path) -> None:
    (tmp_path / "tools.txt").write_text("ask zorblax about the Frobnicator 5\n")
    (tmp_path / "names.dict").write_text("zorblax Z AO R B L AE K S\n")
    own = prepare(tmp_path, home / "cache")
    assert own != prepare(phrases, home / "cache")
    assert "\task zorblax about" in own.language_model.read_text()
    words = own.dictionary.read_text()
    assert "\nzorblax Z AO R B L AE K S\n" in words
    assert "\nmyca M AY K AH\n" in words
    # No dictionary says how: it is left out, and the words around it stay.
    assert "frobnicator" not in words
    assert "\tabout the\t" in own.language_model.read_text()


def test_a_second_pronunciation_is_numbered() -> None:
    lines = list(dictionary({"the": ["DH AH", "DH IY"], "a": ["AH"]}, {"the", "a"}))
    assert lines == ["a AH", "the DH AH", "the(2) DH IY"]
    assert base_form("the(2)") == "the"
