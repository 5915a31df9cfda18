"""The book of calls: rules without I/O."""

import pytest

from services.base.problems import Busy, NotFound
from services.orchestrator.calls import (
    KEPT_S,
    MAX_KEPT,
    MAX_OPEN,
    MAX_PROGRESS,
    Call,
    CallBook,
    NotCancellable,
    State,
)
from services.orchestrator.protocol import ChatResult, Failure, Progress

DONE = ChatResult(response_text="Done.")


def opened(book: CallBook, key: str, conversation: str = "", now: float = 0.0) -> Call:
    admission = book.admit(key, conversation, now)
    assert admission.new
    return admission.call


def test_the_same_key_finds_the_same_call_while_it_runs_and_after() -> None:
    book = CallBook()
    first = opened(book, "k")
    assert book.admit("k", "", 1.0).call is first
    book.finish(first, DONE, 2.0)
    second = book.admit("k", "", 3.0)
    assert (second.call, second.new) == (first, False)


def test_calls_of_one_conversation_take_turns_in_the_order_of_arrival() -> None:
    book = CallBook()
    first, second, third = (opened(book, key, "talk") for key in "abc")
    assert [book.is_next(call) for call in (first, second, third)] == [True, False, False]
    assert book.finish(first, DONE, 1.0) is second
    assert book.finish(second, DONE, 2.0) is third
    assert book.finish(third, DONE, 3.0) is None


def test_one_that_leaves_the_middle_of_the_line_lets_nobody_start_early() -> None:
    book = CallBook()
    first, second, third = (opened(book, key, "talk") for key in "abc")
    assert book.finish(second, DONE, 1.0) is None
    assert not book.is_next(third)
    assert book.finish(first, DONE, 2.0) is third


def test_calls_without_a_conversation_wait_for_nobody() -> None:
    book = CallBook()
    assert book.is_next(opened(book, "a"))
    assert book.is_next(opened(book, "b"))


def test_the_first_outcome_stands() -> None:
    book = CallBook()
    call = opened(book, "k")
    book.finish(call, Failure(code="tool_timeout", message=""), 1.0)
    book.finish(call, DONE, 2.0)
    book.report(call, Progress(text="late"))
    assert (call.state, call.outcome, call.progress) == (
        State.ERROR,
        Failure(code="tool_timeout", message=""),
        [],
    )


def test_results_are_forgotten_after_a_while_and_running_calls_never() -> None:
    book = CallBook()
    running, finished = opened(book, "running"), opened(book, "finished")
    book.finish(finished, DONE, 0.0)
    assert book.get("finished", KEPT_S) is finished
    with pytest.raises(NotFound):
        book.get("finished", KEPT_S + 1)
    assert book.get("running", KEPT_S + 1) is running


def test_of_too_many_results_the_oldest_are_forgotten() -> None:
    book = CallBook()
    for number in range(MAX_KEPT + 1):
        book.finish(opened(book, str(number)), DONE, 0.0)
    assert book.admit("1", "", 0.0).new is False
    assert book.admit("0", "", 0.0).new is True


def test_too_many_open_calls_are_refused() -> None:
    book = CallBook()
    for number in range(MAX_OPEN):
        opened(book, str(number))
    with pytest.raises(Busy):
        book.admit("one more", "", 0.0)
    assert book.admit("0", "", 0.0).new is False


def test_progress_without_end_keeps_its_last_word() -> None:
    book = CallBook()
    call = opened(book, "k")
    for number in range(MAX_PROGRESS + 5):
        book.report(call, Progress(text=str(number)))
    assert len(call.progress) == MAX_PROGRESS
    assert call.progress[-1].text == str(MAX_PROGRESS + 4)


def test_a_tool_that_must_not_be_stopped_may_be_cancelled_only_before_it_runs() -> None:
    book = CallBook()
    call = opened(book, "k")
    assert book.may_cancel(call)
    book.start(call, "order_pizza", cancellable=False)
    with pytest.raises(NotCancellable):
        book.may_cancel(call)
    book.finish(call, DONE, 1.0)
    assert not book.may_cancel(call)
