"""What was said so far, as it was heard."""

from gateway.conversation import KEPT, Conversation, Line
from services.base.ids import new_id


def test_turns_stand_in_order_and_the_last_of_each_side_is_known() -> None:
    conversation = Conversation()
    for speaker, text in (("user", "hello"), ("agent", "good day"), ("user", "who are you")):
        conversation.add(Line(new_id(), speaker, text))  # type: ignore[arg-type]
    assert [line.text for line in conversation.lines] == ["hello", "good day", "who are you"]
    assert (conversation.last("user"), conversation.last("agent")) == ("who are you", "good day")


def test_where_nothing_was_said_there_is_no_last_word() -> None:
    assert Conversation().last("agent") == ""


def test_what_was_not_heard_was_not_said() -> None:
    conversation, cut, silent = Conversation(), new_id(), new_id()
    conversation.add(Line(cut, "agent", "one two three"))
    conversation.add(Line(silent, "agent", "four"))
    conversation.add(Line(new_id(), "agent", ""))
    conversation.correct(cut, "one")
    conversation.correct(silent, "")
    conversation.correct(new_id(), "nobody's")
    assert [line.text for line in conversation.lines] == ["one"]


def test_the_oldest_are_let_go() -> None:
    conversation = Conversation()
    for number in range(KEPT + 5):
        conversation.add(Line(new_id(), "user", str(number)))
    assert len(conversation.lines) == KEPT
    assert conversation.lines[0].text == "5"
