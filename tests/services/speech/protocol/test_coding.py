"""What goes over the speech wire, byte by byte, and what is refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.speech.protocol import (
    MAX_INJECTION,
    MAX_MESSAGE,
    Action,
    Audio,
    BadMessage,
    Cancel,
    Control,
    Down,
    Error,
    Handshake,
    Hold,
    Inject,
    Injection,
    Metadata,
    Ping,
    Queued,
    Ready,
    Stats,
    Text,
    Unknown,
    Up,
    decode_down,
    decode_up,
    encode,
)

UP: list[Up] = [
    Audio(b""),
    Audio(b"OggS\x00"),
    Control(Action.START),
    Control(Action.RESTART),
    Ping(),
    Inject("i1", "Der Zug fährt um 9."),
    Inject("i1", "Now.", "now", 1500),
    Inject("i" * 64, "\N{GRINNING FACE}" * MAX_INJECTION),
    Cancel("i1"),
    Hold(True),
]
DOWN: list[Down] = [
    Handshake(),
    Audio(b"\x00\xff"),
    Text(" wüst"),
    Control(Action.END_TURN),
    Ping(),
    Error("bad_ogg", "WebM came, Ogg Opus was wanted: twice"),
    Error("", "Out of memory: the device is full"),
    Metadata({"lm_model_file": "model.safetensors", "build": {"host": "x"}}),
    Queued(1),
    Queued(2, 12.5),
    Ready(3, "personaplex-7b-v1", 80),
    Injection("i1", "waiting"),
    Injection("i1", "word", "Zug", 17),
    Injection("i1", "failed", reason="the agent would not stop"),
    Stats(0.42, 33.6, 2, 64),
    Stats(None, None, 0, 4),
]


def order(**body: Any) -> bytes:
    return b"\x04" + json.dumps(body).encode()


@pytest.mark.parametrize("message", UP, ids=repr)
def test_what_a_client_sends_is_read_as_it_was_written(message: Up) -> None:
    assert decode_up(encode(message)) == message


@pytest.mark.parametrize("message", DOWN, ids=repr)
def test_what_a_server_sends_is_read_as_it_was_written(message: Down) -> None:
    assert decode_down(encode(message)) == message


def test_the_stock_kinds_have_the_stock_bytes() -> None:
    assert encode(Handshake()) == b"\x00"
    assert encode(Audio(b"OggS")) == b"\x01OggS"
    assert encode(Text(" hi")) == b"\x02 hi"
    assert encode(Control(Action.PAUSE)) == b"\x03\x02"
    assert encode(Error("", "gone")) == b"\x05gone"
    assert encode(Ping()) == b"\x06"


def test_a_handshake_may_carry_versions() -> None:
    assert decode_down(b"\x00\x00\x00") == decode_down(b"\x00" + bytes(8)) == Handshake()


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"", "empty_message"),
        (b"\x01" + bytes(MAX_MESSAGE), "too_long"),
        (b"\x00", "wrong_way"),
        (b"\x02hello", "wrong_way"),
        (b"\x05oh", "wrong_way"),
        (b"\x03", "unknown_control"),
        (b"\x03\x04", "unknown_control"),
        (b"\x03\x00\x00", "unknown_control"),
        (b"\x04", "bad_json"),
        (b"\x04\xff\xfe", "bad_json"),
        (b"\x04hello", "bad_json"),
        (b"\x04[]", "bad_json"),
        (b'\x04{"type": "hold", "on": NaN}', "bad_json"),
        (b"\x04" + b"[" * 30_000, "bad_json"),
        (b'\x04{"type": "inject", "id": "1", "text": "\\ud800"}', "bad_json"),
        (b"\x04" + b" " * 40_000, "too_long"),
        (order(), "unknown_order"),
        (order(type=1), "unknown_order"),
        (order(type=["hold"]), "unknown_order"),
        (order(type="ready", slot=1, model="m", frame_ms=80), "unknown_order"),
        (order(type="hold"), "bad_order"),
        (order(type="hold", on=1), "bad_order"),
        (order(type="hold", on=True, off=False), "bad_order"),
        (order(type="cancel", id=""), "bad_order"),
        (order(type="cancel", id="i" * 65), "bad_order"),
        (order(type="inject", id="1", text=" \n"), "bad_order"),
        (order(type="inject", id="1", text="t" * (MAX_INJECTION + 1)), "bad_order"),
        (order(type="inject", id="1", text="hi", when="later"), "bad_order"),
        (order(type="inject", id="1", text="hi", when=["now"]), "bad_order"),
        (order(type="inject", id="1", text="hi", deadline_ms=-1), "bad_order"),
        (order(type="inject", id="1", text="hi", deadline_ms=1.5), "bad_order"),
        (order(type="inject", id="1", text="hi", deadline_ms=True), "bad_order"),
    ],
)
def test_what_a_client_may_not_send_is_refused_by_its_code(message: bytes, code: str) -> None:
    with pytest.raises(BadMessage) as refused:
        decode_up(message)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"\x02hello", "kind 0x02 comes from the server alone; to have a text said, send an inject"),
        (order(type="say"), "the type of an order is one of inject, cancel, hold"),
        (order(type="inject", id="1", texd="hi"), "inject: got an unexpected keyword argument 'texd'"),
        (order(type="inject", id="1", text="hi", when="later"), "inject: `when` is no idle or now"),
        (
            order(type="inject", id="1", text="hi", deadline_ms="5"),
            "inject: `deadline_ms` is no whole number or null",
        ),
    ],
)
def test_a_refusal_says_what_was_wrong(message: bytes, said: str) -> None:
    with pytest.raises(BadMessage) as refused:
        decode_up(message)
    assert str(refused.value) == said


def test_an_unknown_kind_is_told_from_what_is_broken() -> None:
    assert decode_up(b"\x07") == decode_down(b"\x07hello") == Unknown(7)
    assert decode_up(b"\xff") == Unknown(255)


def test_what_a_newer_server_adds_is_let_pass() -> None:
    assert decode_down(order(type="weather", sky="clear")) == Metadata({"type": "weather", "sky": "clear"})
    assert decode_down(order(type="queued", place=1, wait_s=None, mood="good")) == Queued(1)


def test_a_piece_of_a_character_from_a_stock_server_is_shown_as_one() -> None:
    assert decode_down(b"\x02 caf\xc3") == Text(" caf�")


def read_or_refused(
    decode: Callable[[bytes], Up | Down | Unknown], message: bytes
) -> Up | Down | Unknown | str:
    """What was read, or the code of what was refused; any other error goes through."""
    try:
        return decode(message)
    except BadMessage as refused:
        return refused.code


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_be_refused(message: bytes) -> None:
    for decode in (decode_up, decode_down):
        answer = read_or_refused(decode, message)
        assert isinstance(answer, Unknown) == (message[:1] > b"\x06")


@settings(deadline=None, max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(["type", "id", "text", "when", "deadline_ms", "on", "x"]),
        st.sampled_from(["inject", "cancel", "hold", "now", "", 0, -1, 2**70, 1.5, True, None, [], {}]),
    )
)
def test_no_json_does_more_than_be_refused(body: dict[str, Any]) -> None:
    match read_or_refused(decode_up, order(**body)):
        case str(code):
            assert code in {"unknown_order", "bad_order"}
        case Inject() | Cancel() | Hold() as read:
            assert decode_up(encode(read)) == read
        case other:
            pytest.fail(f"{other} is no order")
