"""Text to tokens and back, with a SentencePiece model that is trained here."""

from pathlib import Path

import pytest
import sentencepiece

from services.speech.errors import FileBroken, FileMissing
from services.speech.shapes import TOY
from services.speech.tokenizer import Tokenizer
from tests.services.speech.published import write_tokenizer

CARD = TOY.model.text_card


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tokenizer(tmp_path_factory.mktemp("tokenizer"))


@pytest.fixture(scope="module")
def tokenizer(path: Path) -> Tokenizer:
    return Tokenizer.load(path, CARD)


def test_a_persona_is_put_between_tags(tokenizer: Tokenizer, path: Path) -> None:
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    tokens = tokenizer.persona(" You are a wise teacher.\n")
    assert tokens == pieces.encode("<system> You are a wise teacher. <system>")


def test_tags_that_are_there_are_not_doubled(tokenizer: Tokenizer) -> None:
    bare, tagged = "You are wise.", "<system> You are wise. <system>"
    assert tokenizer.persona(tagged) == tokenizer.persona(bare)


@pytest.mark.parametrize("text", ["", " \n"])
def test_no_persona_has_no_tokens(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.persona(text) == []


def test_pieces_of_a_word_follow_each_other_and_a_space_begins_the_next(tokenizer: Tokenizer) -> None:
    text = "you are a teacher and a friend"
    pieces = [tokenizer.piece(token) for token in tokenizer.persona(f"<system>{text}<system>")]
    assert text in b"".join(pieces).decode()
    assert all(b" " not in piece[1:] for piece in pieces)


def test_a_character_that_has_no_piece_is_written_byte_by_byte(tmp_path: Path) -> None:
    path = write_tokenizer(tmp_path, size=64 + 256, byte_fallback=True)
    tokenizer = Tokenizer.load(path, 64 + 256)
    pieces = [tokenizer.piece(token) for token in tokenizer.persona("<system>you 🙂 ę<system>")]
    assert "you 🙂 ę" in b"".join(pieces).decode()
    assert [piece for piece in pieces if piece[:1] >= b"\x80"][:4] == [b"\xf0", b"\x9f", b"\x99", b"\x82"]


def test_an_ordinary_piece_is_what_nvidias_server_sends(tokenizer: Tokenizer, path: Path) -> None:
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(path))
    for token in range(3, CARD):
        assert tokenizer.piece(token).decode() == pieces.id_to_piece(token).replace("▁", " ")


def test_beginnings_and_ends_write_nothing(tokenizer: Tokenizer) -> None:
    assert [tokenizer.piece(token) for token in (1, 2)] == [b"", b""]  # <s> and </s>


def test_one_of_another_size_is_another_model_s(path: Path) -> None:
    with pytest.raises(FileBroken, match="has 64 pieces, the language model 32000"):
        Tokenizer.load(path, 32_000)


@pytest.mark.parametrize("kept", [0, 10, -50])
def test_a_file_that_is_cut_off_is_told(path: Path, tmp_path: Path, kept: int) -> None:
    (cut := tmp_path / "tokenizer.model").write_bytes(path.read_bytes()[:kept])
    with pytest.raises(FileBroken, match=r"tokenizer\.model (is no SentencePiece model|has \d+ pieces)"):
        Tokenizer.load(cut, CARD)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"tokenizer\.model is not there"):
        Tokenizer.load(tmp_path / "tokenizer.model", CARD)
