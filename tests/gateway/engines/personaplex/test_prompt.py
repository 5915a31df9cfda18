"""What the model is told of who it is."""

from dataclasses import replace
from urllib.parse import quote_plus

import pytest

from gateway.engines.personaplex.prompt import MAX_ENCODED, text_prompt, voice_prompt
from gateway.ports import Brief
from personas.loader import load
from personas.model import MAX_PROMPT


@pytest.fixture
def brief() -> Brief:
    catalogue = load()
    persona = catalogue.default
    return Brief(persona, catalogue.voice(persona.voice), "en", persona.prompt)


def test_a_personas_prompt_is_given_whole(brief: Brief) -> None:
    assert text_prompt(brief) == " ".join(brief.persona.prompt.split())


def test_the_tags_around_it_are_the_servers_to_set(brief: Brief) -> None:
    assert text_prompt(replace(brief, instructions="<system> Be brief.\n<system>")) == "Be brief."


def test_a_long_one_ends_with_a_sentence(brief: Brief) -> None:
    text = text_prompt(replace(brief, instructions="You are kind and fair. " * 500))
    assert MAX_PROMPT - 30 < len(text) <= MAX_PROMPT
    assert text.endswith("fair.")


def test_one_without_sentences_ends_with_a_word(brief: Brief) -> None:
    text = text_prompt(replace(brief, instructions="kindness " * 500))
    assert len(text) <= MAX_PROMPT
    assert text.endswith("kindness")


@pytest.mark.parametrize("letter", ["親", "é", "🍄", "&"])
def test_none_is_too_long_for_a_url(brief: Brief, letter: str) -> None:
    text = text_prompt(replace(brief, instructions=letter * 5000))
    assert 0 < len(quote_plus(text)) <= MAX_ENCODED


def test_a_voice_that_names_none_of_the_models_gets_one_of_its_kind(brief: Brief) -> None:
    assert voice_prompt(brief.voice) == "NATF2.pt"
    assert voice_prompt(brief.voice.model_copy(update={"personaplex": None, "gender": "male"})) == "NATM1.pt"
