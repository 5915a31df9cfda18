"""What a client may ask for before the socket opens."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.speech.protocol import MAX_TEXT_PROMPT, BadQuery, Chat, parse_query, write_query

PAGE = (
    "text_temperature=0.7&text_topk=25&audio_temperature=0.8&audio_topk=250&pad_mult=0&text_seed=412345"
    "&audio_seed=99&repetition_penalty_context=64&repetition_penalty=1&text_prompt=You+are+wise.&voice_prompt=NATF0.pt"
)
LIVEKIT = "voice_prompt=NATF2.pt&text_prompt=You%20are%20a%20helpful%20assistant.&seed=7"


def test_the_query_of_nvidias_page_is_read_and_what_it_adds_ignored() -> None:
    assert parse_query(dict(parse_qsl(PAGE))) == Chat(
        voice_prompt="NATF0.pt",
        text_prompt="You are wise.",
        text_seed=412345,
        audio_seed=99,
        text_temperature=0.7,
        text_topk=25,
        audio_temperature=0.8,
        audio_topk=250,
    )


def test_the_query_of_livekits_plug_in_is_read() -> None:
    wanted = Chat("NATF2.pt", "You are a helpful assistant.", seed=7)
    assert parse_query(dict(parse_qsl(LIVEKIT))) == wanted


def test_kyutais_client_asks_for_nothing() -> None:
    assert parse_query({}) == Chat()


def test_an_empty_value_and_a_seed_of_minus_one_are_none() -> None:
    assert parse_query({"seed": "-1", "text_topk": "", "antiphon": "", "codec": ""}) == Chat()


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("seed", "seven", "seed is not a whole number."),
        ("seed", "1.5", "seed is not a whole number."),
        ("seed", "1_000", "seed is not a whole number."),
        ("seed", "٣", "seed is not a whole number."),
        ("seed", "-", "seed is not a whole number."),
        ("text_seed", "-2", f"text_seed is -2; -1 to {2**63 - 1} are taken."),
        ("audio_seed", "9" * 20, f"audio_seed is {'9' * 20}; -1 to {2**63 - 1} are taken."),
        ("audio_seed", "9" * 10_000, "audio_seed is not a whole number."),
        ("text_topk", "0", "text_topk is 0; 1 to 32000 are taken."),
        ("audio_topk", "2049", "audio_topk is 2049; 1 to 2048 are taken."),
        ("text_temperature", "-0.1", "text_temperature is not a number from 0 to 2."),
        ("text_temperature", "nan", "text_temperature is not a number from 0 to 2."),
        ("audio_temperature", "2.1", "audio_temperature is not a number from 0 to 2."),
        ("audio_temperature", "0,8", "audio_temperature is not a number from 0 to 2."),
        ("antiphon", "yes", "antiphon is not one of 1, 0."),
        ("queue", "2", "queue is not one of 1, 0."),
        ("codec", "mp3", "codec is not one of ogg, pcm16."),
        ("voice_prompt", "v" * 129, "voice_prompt has 129 characters; at most 128 are taken."),
        ("text_prompt", "t" * 4001, "text_prompt has 4001 characters; at most 4000 are taken."),
    ],
)
def test_a_bad_value_is_one_sentence_with_its_key(key: str, value: str, said: str) -> None:
    with pytest.raises(BadQuery) as refused:
        parse_query({"voice_prompt": "NATF0.pt", key: value})
    assert (str(refused.value), refused.value.key, refused.value.code) == (said, key, "bad_query")


def test_a_stock_server_gets_the_two_keys_that_it_needs_and_no_more() -> None:
    assert write_query(Chat()) == {"voice_prompt": "", "text_prompt": ""}


seeds = st.none() | st.integers(0, 2**63 - 1)
temperatures = st.none() | st.floats(0, 2)


@settings(deadline=None, max_examples=50)
@given(
    st.builds(
        Chat,
        voice_prompt=st.text(max_size=128),
        text_prompt=st.text(max_size=MAX_TEXT_PROMPT),
        seed=seeds,
        text_seed=seeds,
        audio_seed=seeds,
        text_temperature=temperatures,
        text_topk=st.none() | st.integers(1, 32_000),
        audio_temperature=temperatures,
        audio_topk=st.none() | st.integers(1, 2_048),
        antiphon=st.booleans(),
        codec=st.sampled_from(["ogg", "pcm16"]),
        queue=st.booleans(),
    )
)
def test_a_query_is_read_as_it_was_written(chat: Chat) -> None:
    assert parse_query(write_query(chat)) == chat
