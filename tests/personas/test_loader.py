"""Every mistake in a file of personas is named: file, line, field, and what was expected."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from personas.errors import (
    BadField,
    BadYaml,
    DuplicateName,
    NoDefault,
    NoFolder,
    PersonaError,
    UnknownPersona,
    UnknownVoice,
)
from personas.loader import PACKAGED, Catalogue, load

VOICES = """\
voices:
  - name: ash
    title: Ash
    language: en-GB
    gender: male
    espeak: {voice: en-gb}
"""

PERSONA = """\
name: fay
title: Fay
description: For tests.
language: en
voice: ash
prompt: You are Fay.
greeting: Hello.
small_talk:
  - examples: [hi]
    replies: ["Hi."]
phrases:
  unknown: ["No idea."]
  not_understood: ["What?"]
  acknowledgements: ["Looking."]
  waiting: ["Still looking."]
  failed: ["It failed: {reason}."]
  denied: ["Fine."]
  cancelled: ["Off it is."]
  unavailable: ["Out of reach."]
  still_there: ["Still here."]
"""

Write = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Write:
    """Writes a folder of one good persona, one text in it replaced by another."""

    def write(old: str = "", new: str = "", voices: str = VOICES) -> Path:
        assert old in PERSONA
        (tmp_path / "voices.yaml").write_text(voices)
        (tmp_path / "fay.yaml").write_text(PERSONA.replace(old, new, 1) if old else PERSONA)
        return tmp_path

    return write


def test_the_packaged_personas_load_and_myca_takes_the_calls() -> None:
    catalogue = load()
    assert {persona.name for persona in catalogue.personas} == {"myca", "plain"}
    assert catalogue.default.name == "myca"
    assert catalogue.voice(catalogue.default.voice).personaplex == "NATF2.pt"


def test_a_lone_persona_is_the_default(folder: Write) -> None:
    assert load(folder()).default.name == "fay"


def test_the_folder_can_come_from_the_environment(folder: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONAS_FOLDER", str(folder()))
    assert [persona.name for persona in load().personas] == ["fay"]


def test_a_persona_and_a_voice_are_found_by_name(folder: Write) -> None:
    catalogue = load(folder())
    assert catalogue.persona("fay").greeting == "Hello."
    assert catalogue.voice("ash").espeak.voice == "en-gb"


def test_an_unknown_name_is_answered_with_the_names_there_are(folder: Write) -> None:
    catalogue = load(folder())
    with pytest.raises(UnknownPersona, match="'guy'; there are fay"):
        catalogue.persona("guy")
    with pytest.raises(UnknownVoice, match="'oak'; there are ash"):
        catalogue.voice("oak")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("greeting: Hello.", "", "fay.yaml:1: greeting: is missing"),
        ("greeting:", "greetin:", "fay.yaml:7: greetin: unknown field; expected one of name, title,"),
        ("Hello.", "12", "fay.yaml:7: greeting: expected a valid string, found 12"),
        ('["Hi."]', "Hi.", r"fay.yaml:10: small_talk\[0\].replies: expected a valid tuple, found 'Hi.'"),
        ("[hi]", "[yes]", r"fay.yaml:9: small_talk\[0\].examples\[0\]: expected a valid string, found True"),
        ("[hi]", "[]", r"fay.yaml:9: small_talk\[0\].examples: .* at least 1 item"),
        (
            "replies:",
            "answers:",
            r"small_talk\[0\].answers: unknown field; expected one of examples, replies, intent",
        ),
        ("{reason}", "", r"phrases.failed: expected each phrase has {reason} in it, once"),
        (
            "{reason}",
            "{reason",
            r"phrases.failed: expected each phrase has {reason} in it and no other brace",
        ),
        ("name: fay", "name: Fay Wray", "fay.yaml:1: name: .* match pattern"),
        ("You are Fay.", "x" * 2001, "fay.yaml:6: prompt: .* at most 2000 characters, found 'xxx"),
        ("language: en", "language: english", "fay.yaml:4: language: .* match pattern"),
        ("greeting:", "silence_s: 9\ngreeting:", "fay.yaml:7: silence_s: .* greater than or equal to 10"),
        ("greeting:", "silence_s: .inf\ngreeting:", "fay.yaml:7: silence_s: .* less than or equal to 600"),
        ("greeting:", "silence_s: off\ngreeting:", "fay.yaml:7: silence_s: .* number, found False"),
        ("  still_there:", "  still_their:", "phrases.still_there: is missing"),
    ],
)
def test_a_wrong_field_is_named(folder: Write, old: str, new: str, message: str) -> None:
    with pytest.raises(BadField, match=message):
        load(folder(old, new))


@pytest.mark.parametrize(
    ("line", "seconds"), [("", 30.0), ("silence_s: 90\n", 90.0), ("silence_s: null\n", None)]
)
def test_a_long_silence_is_half_a_minute_another_time_or_never(
    folder: Write, line: str, seconds: float | None
) -> None:
    assert load(folder("greeting:", f"{line}greeting:")).default.silence_s == seconds


def test_all_wrong_fields_of_a_file_are_named_at_once(folder: Write) -> None:
    with pytest.raises(BadField) as caught:
        load(folder("title: Fay\ndescription: For tests.", "title: 1\ndescription: 2"))
    assert len(str(caught.value).splitlines()) == 2


def test_a_wrong_voice_is_named_with_its_file_and_line(folder: Write) -> None:
    with pytest.raises(
        BadField, match=r"voices.yaml:6: voices\[0\].espeak.speed: .* less than or equal to 2.5"
    ):
        load(folder(voices=VOICES.replace("en-gb}", "en-gb, speed: 9}")))


def test_a_voice_prompt_cannot_leave_its_folder(folder: Write) -> None:
    with pytest.raises(BadField, match=r"voices\[0\].personaplex"):
        load(folder(voices=VOICES + "    personaplex: ../secrets.pt\n"))


def test_a_persona_with_an_unknown_voice_is_refused(folder: Write) -> None:
    with pytest.raises(UnknownVoice, match=r"fay.yaml: voice: expected a name out of voices.yaml \(ash\)"):
        load(folder("voice: ash", "voice: oak"))


def test_bad_yaml_is_named_with_its_line(folder: Write) -> None:
    with pytest.raises(BadYaml, match=r"fay.yaml:9: expected YAML"):
        load(folder("[hi]", "[hi}"))


def test_a_key_said_twice_is_refused(folder: Write) -> None:
    with pytest.raises(BadYaml, match=r"fay.yaml:8: greeting: found twice"):
        load(folder("greeting: Hello.", "greeting: Hello.\ngreeting: Hi."))


@pytest.mark.parametrize("text", ["", "- a list", "just words"])
def test_a_file_that_is_no_mapping_is_refused(folder: Write, text: str) -> None:
    path = folder()
    (path / "fay.yaml").write_text(text)
    with pytest.raises(BadYaml, match=r"fay.yaml: expected a mapping"):
        load(path)


def test_an_unsafe_tag_builds_nothing(folder: Write) -> None:
    with pytest.raises(BadYaml, match="could not determine a constructor"):
        load(folder("Hello.", "!!python/object/apply:os.getcwd []"))


def test_a_file_that_is_not_utf8_is_refused(folder: Write) -> None:
    path = folder()
    (path / "fay.yaml").write_bytes(b"name: \xff")
    with pytest.raises(BadYaml, match=r"fay.yaml: expected readable YAML in UTF-8"):
        load(path)


def test_two_personas_of_one_name_are_refused(folder: Write) -> None:
    path = folder()
    shutil.copy(path / "fay.yaml", path / "other.yaml")
    with pytest.raises(DuplicateName, match="found 'fay' twice"):
        load(path)


def test_two_voices_of_one_name_are_refused(folder: Write) -> None:
    with pytest.raises(DuplicateName, match=r"voices.yaml: .* found 'ash' twice"):
        load(folder(voices=VOICES + VOICES.removeprefix("voices:\n")))


def test_of_several_personas_one_must_be_the_default(folder: Write) -> None:
    path = folder()
    (path / "gus.yaml").write_text(PERSONA.replace("fay", "gus", 1))
    with pytest.raises(NoDefault, match="exactly one of fay, gus"):
        load(path)


def test_an_empty_folder_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(NoFolder, match=r"voices.yaml and at least one persona"):
        load(tmp_path)


def test_every_error_has_a_code_of_its_own() -> None:
    leaves = PersonaError.__subclasses__()
    assert len({leaf.code for leaf in leaves}) == len(leaves)


def test_myca_can_hold_some_small_talk() -> None:
    catalogue: Catalogue = load(PACKAGED)
    groups = catalogue.persona("myca").small_talk
    assert len(groups) >= 40
    assert all(len(group.examples) >= 3 and len(group.replies) >= 2 for group in groups)
    names = [group.intent for group in groups]
    assert len(set(names)) == len(names)


def test_mycas_examples_are_plain_words_as_a_recogniser_writes_them() -> None:
    examples = [e for group in load(PACKAGED).persona("myca").small_talk for e in group.examples]
    assert [e for e in examples if e != e.lower() or not e.replace("'", "").replace(" ", "").isalpha()] == []
    assert len(set(examples)) == len(examples)
