"""What a duplex model says without end, cut into responses."""

import itertools
from uuid import UUID

import pytest

from gateway.engines.personaplex.responses import (
    FRAME,
    LEFT_FRAMES,
    LONGEST_WORD,
    QUIET_FRAMES,
    TAIL_FRAMES,
    Closed,
    Fact,
    Opened,
    Responses,
    Sounded,
)
from gateway.session.clock import BYTES
from gateway.session.events import Word

LOUD, QUIET = b"\x00\x10" * FRAME, b"\x05\x00" * FRAME
"""The quiet one is no digital silence: -76 dBFS."""


@pytest.fixture
def responses() -> Responses:
    ids = itertools.count(1)
    return Responses(lambda: UUID(int=next(ids)))


def told(responses: Responses, *script: str | bytes) -> list[Fact]:
    """What comes of frames and pieces of text."""
    facts: list[Fact] = []
    for each in script:
        facts += responses.text(each) if isinstance(each, str) else responses.frame(each)
    return facts


def story(facts: list[Fact]) -> list[str]:
    """Frames as their count, words as they are; what begins and ends by number."""
    out: list[str] = []
    for fact in facts:
        match fact:
            case Opened(turn_id):
                out.append(f"open {turn_id.int}")
            case Closed(turn_id):
                out.append(f"close {turn_id.int}")
            case Sounded(_, pcm, words):
                out += [word.text for word in words]
                out.append(f"{len(pcm) // BYTES // FRAME} frames")
    return out


def words(facts: list[Fact]) -> list[Word]:
    return [word for fact in facts if isinstance(fact, Sounded) for word in fact.words]


def frames(facts: list[Fact]) -> int:
    return sum(len(fact.pcm) // BYTES // FRAME for fact in facts if isinstance(fact, Sounded))


def test_audible_sound_opens_a_response_and_quiet_frames_close_it(responses: Responses) -> None:
    facts = told(responses, QUIET, LOUD, LOUD, *[QUIET] * QUIET_FRAMES)
    assert story(facts) == ["open 1", "1 frames", "1 frames", *["1 frames"] * TAIL_FRAMES, "close 1"]


def test_text_opens_a_response_before_its_sound(responses: Responses) -> None:
    assert story(told(responses, " Hel")) == ["open 1"]


def test_the_silence_before_the_first_sound_is_none_of_the_response(responses: Responses) -> None:
    facts = told(responses, " Hi", QUIET, QUIET, LOUD, *[QUIET] * QUIET_FRAMES)
    assert frames(facts) == 1 + TAIL_FRAMES
    assert words(facts) == [Word("Hi", 0, FRAME)]


def test_between_responses_nothing_is_told(responses: Responses) -> None:
    told(responses, LOUD, *[QUIET] * QUIET_FRAMES)
    assert told(responses, *[QUIET] * 100) == []


def test_one_frame_less_is_a_pause(responses: Responses) -> None:
    facts = told(responses, LOUD, *[QUIET] * (QUIET_FRAMES - 1), LOUD)
    assert [fact for fact in facts if isinstance(fact, Opened | Closed)] == [Opened(UUID(int=1))]
    assert frames(facts) == 2 + TAIL_FRAMES


def test_text_in_quiet_frames_keeps_a_response_open(responses: Responses) -> None:
    facts = told(responses, LOUD, *[QUIET] * 6, " so", *[QUIET] * 6)
    assert not any(isinstance(fact, Closed) for fact in facts)


def test_text_without_any_sound_is_closed_as_well(responses: Responses) -> None:
    facts = told(responses, " hm", *[QUIET] * QUIET_FRAMES)
    assert story(facts) == ["open 1", "hm", "0 frames", "close 1"]


def test_no_frame_closes_nothing(responses: Responses) -> None:
    told(responses, LOUD)
    assert responses.turn_id is not None


def test_pieces_are_joined_into_words_with_their_places(responses: Responses) -> None:
    facts = told(
        responses, "▁Hel", LOUD, "lo", LOUD, ",", LOUD, "▁there", LOUD, LOUD, ".", *[QUIET] * QUIET_FRAMES
    )
    assert words(facts) == [Word("Hello,", 0, 3 * FRAME), Word("there.", 3 * FRAME, 5 * FRAME)]


def test_a_stock_servers_spaces_mean_the_same(responses: Responses) -> None:
    facts = told(responses, " Hel", LOUD, "lo", LOUD, " you", LOUD, *[QUIET] * QUIET_FRAMES)
    assert [word.text for word in words(facts)] == ["Hello", "you"]


def test_a_lone_space_begins_the_word_that_follows(responses: Responses) -> None:
    facts = told(responses, "▁I", LOUD, "▁", LOUD, "'m", LOUD, *[QUIET] * QUIET_FRAMES)
    assert [word.text for word in words(facts)] == ["I", "'m"]


def test_a_word_is_told_with_the_first_sound_behind_it(responses: Responses) -> None:
    facts = told(responses, " one", LOUD, " two", LOUD)
    assert [word.text for word in words(facts)] == ["one"]


def test_a_word_does_not_last_through_a_pause_behind_it(responses: Responses) -> None:
    facts = told(responses, " one", *[LOUD] * 20, " two", LOUD)
    assert words(facts) == [Word("one", 0, LONGEST_WORD)]


def test_of_what_is_left_nothing_comes_until_it_was_quiet(responses: Responses) -> None:
    told(responses, " one", LOUD)
    responses.leave()
    assert told(responses, LOUD, " two", LOUD, *[QUIET] * (QUIET_FRAMES - 1), LOUD, " three") == []
    assert told(responses, *[QUIET] * QUIET_FRAMES) == []
    assert story(told(responses, " four")) == ["open 2"]


def test_who_never_pauses_is_heard_again_after_ten_seconds(responses: Responses) -> None:
    told(responses, LOUD)
    responses.leave()
    assert told(responses, *[LOUD] * (LEFT_FRAMES - 1)) == []
    assert story(told(responses, LOUD)) == ["open 2", "1 frames"]


def test_leaving_when_nothing_is_said_leaves_nothing(responses: Responses) -> None:
    responses.leave()
    assert story(told(responses, LOUD)) == ["open 1", "1 frames"]


def test_a_response_that_is_broken_off_is_closed_with_its_words(responses: Responses) -> None:
    told(responses, " one", LOUD)
    assert story(list(responses.close())) == ["one", "0 frames", "close 1"]
    assert list(responses.close()) == []
