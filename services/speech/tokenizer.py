"""Text to the model's tokens and back, by its SentencePiece file."""

from pathlib import Path
from typing import Self

from sentencepiece import SentencePieceProcessor

from services.speech.errors import FileBroken, FileMissing

TAG = "<system>"
"""PersonaPlex's personas stand between two of these; none closes."""


class Tokenizer:
    """Knows the pieces of one model."""

    def __init__(self, pieces: SentencePieceProcessor) -> None:
        self._pieces = pieces

    @classmethod
    def load(cls, path: Path, text_card: int) -> Self:
        """Read a SentencePiece model.

        Args:
            text_card: So many pieces the language model draws from.

        Raises:
            FileMissing: there is no file.
            FileBroken: it holds no such model, or one of another size.
        """
        if not path.is_file():
            raise FileMissing(f"{path} is not there")
        pieces = SentencePieceProcessor()
        try:
            pieces.LoadFromSerializedProto(path.read_bytes())
        except (RuntimeError, OSError) as error:
            raise FileBroken(f"{path} is no SentencePiece model, or cut off; fetch it again") from error
        if (found := pieces.get_piece_size()) != text_card:
            raise FileBroken(
                f"{path} has {found} pieces, the language model {text_card}: one is another model's"
            )
        return cls(pieces)

    def persona(self, text: str) -> list[int]:
        """The tokens of a persona's prompt, between its tags; none for an empty one."""
        text = text.strip()
        if not text:
            return []
        tagged = text.startswith(TAG) and text.endswith(TAG)
        return list(self._pieces.encode(text if tagged else f"{TAG} {text} {TAG}"))

    def piece(self, token: int) -> bytes:
        """What a token writes, in UTF-8: a word begins with a space, and a rare character is written byte by byte."""
        if self._pieces.is_control(token):
            return b""
        piece = str(self._pieces.id_to_piece(token))
        if self._pieces.is_byte(token):
            return bytes.fromhex(piece.removeprefix("<0x").removesuffix(">"))
        return piece.replace("▁", " ").encode()
