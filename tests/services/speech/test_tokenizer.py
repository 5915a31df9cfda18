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
    assert text in "".join(pieces)
    assert all(" " not in piece[1:] for piece in pieces)


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
