"""Server-sent events out of bytes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.orchestrators.sse import MAX_EVENT, EventStream, EventTooLong, ServerEvent

STREAM = (
    b": still here\n\nevent: progress\r\ndata: {}\r\n\r\ndata: a\ndata:  b\nid: 7\nretry: 9\n\nevent: x\n\n"
)
EVENTS = [ServerEvent("progress", "{}"), ServerEvent("message", "a\n b")]


def test_events_have_names_and_data_and_comments_are_left_out() -> None:
    assert EventStream().feed(STREAM) == EVENTS


@given(st.lists(st.integers(0, len(STREAM))))
def test_wherever_the_bytes_are_cut_the_events_are_the_same(cuts: list[int]) -> None:
    stream, edges = EventStream(), [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(edges)]
    assert [event for piece in pieces for event in stream.feed(piece)] == EVENTS


def test_a_carriage_return_alone_ends_a_line() -> None:
    assert EventStream().feed(b"event: a\rdata: 1\r\r\n") == [ServerEvent("a", "1")]


def test_an_event_without_its_end_never_comes() -> None:
    assert EventStream().feed(b"data: half") == []


@pytest.mark.parametrize("piece", [b"x" * 1000, b"data: x\n" * 100])
def test_an_event_without_end_is_given_up(piece: bytes) -> None:
    stream = EventStream()

    def feed() -> None:
        for _ in range(2 * MAX_EVENT // len(piece)):
            stream.feed(piece)

    with pytest.raises(EventTooLong) as given_up:
        feed()
    assert given_up.value.beginning.name == "message"


@pytest.mark.parametrize("separator", ["", "\ndata: "])
def test_of_an_event_that_is_given_up_the_beginning_is_kept(separator: str) -> None:
    stream = EventStream()
    text = separator.join(["x" * 1000] * (MAX_EVENT // 1000 + 10))
    with pytest.raises(EventTooLong) as given_up:
        stream.feed(f"event: result\ndata: {text}\n".encode())
    beginning = given_up.value.beginning
    assert beginning.name == "result"
    assert beginning.data.startswith("x" * 1000)


def test_what_is_no_text_is_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        EventStream().feed(b"data: \xff\n\n")
