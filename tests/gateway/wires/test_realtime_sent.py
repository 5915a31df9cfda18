"""Which event carried which sound: also where the sound was rewound, and when the first pieces are forgotten."""

from uuid import uuid4

from gateway.wires.realtime.sent import KEPT, SentSound

TURN = uuid4()


def test_a_piece_after_a_rewind_begins_where_the_sound_was_rewound_to() -> None:
    sent = SentSound()
    sent.note(1, TURN, 0, 480)
    sent.note(2, TURN, 480, 960)
    sent.note(3, TURN, 480, 720)
    assert sent.piece(3) == (TURN, 480, 720)


def test_the_oldest_piece_that_is_kept_begins_where_it_did() -> None:
    sent = SentSound()
    for place in range(2 * KEPT + 1):
        sent.note(place, TURN, place * 480, (place + 1) * 480)
    assert sent.piece(0) is None
    assert sent.piece(KEPT) == (TURN, KEPT * 480, (KEPT + 1) * 480)
