"""What a tool sent, as words for the ear: at most two sentences and forty words of plain prose at a time.

All of it is data. Nothing in it is followed, looked up or executed, whatever it says.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from bridge.data import MAX_ITEMS, in_phrases, own_words
from bridge.markup import ENDS, Block, without_markup, without_pictures
from bridge.ports import CutResult
from bridge.readings import read_out
from services.orchestrator.protocol import ChatResult

MAX_SENTENCES = 2
MAX_WORDS = 40
"""About 15 s of speech; nobody remembers more of a list that is read to them."""

MAX_CHARS = 4000
"""Read of a text; four minutes of speech, and little enough to take apart between two audio frames."""

MAX_JSON = 100_000
"""Characters; parsing more would hold up the call's loop."""

MAX_PASSAGES = 50
"""Kept of a list; who wants more reads it on the page."""

INNER = re.compile(
    r"Traceback \(most recent call last\)"
    r'|File "[^"\n]+", line \d'
    r"|^\s*(?:[A-Za-z_]+\.)*[A-Za-z_]*(?:Error|Exception)\b\s*[:(]"
    r"|^\s+at [\w.$<>]+\(",
    re.MULTILINE,
)
"""What programs say to programmers."""

SENTENCE_END = re.compile(r"[.!?…][\"')\]]*(?= \S)")
SHORTENED = re.compile(
    r"(?:\b(?:mrs?|ms|dr|prof|st|vs|no|approx|fig|e\.g|i\.e|etc|inc|ltd|co|corp|jr|sr|dept|est|vol|pp?|min|max"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)|\b[a-z])\.$",
    re.IGNORECASE,
)
LONGEST_SHORTENED = len("approx.")


@dataclass(frozen=True, slots=True)
class Passages:
    """What there is to be said, in this order: sentences, and items of a list, of which several make one."""

    blocks: tuple[Block, ...] = ()
    beyond: int = 0
    """Items that were not kept; they stand behind the last."""
    cut: bool = False
    """There was more of the text than is kept."""

    @property
    def left(self) -> int:
        """Items that there are, kept or not; 0 where that is not known, or there is prose among them."""
        counts = not self.cut and all(block.is_item for block in self.blocks)
        return len(self.blocks) + self.beyond if counts else 0


def passages_of(result: ChatResult, language: str) -> Passages:
    """What there is to say of `result`: its own text, or else its data; nothing where neither can be spoken."""
    passages = _of_text(result.response_text, language)
    passages = passages if passages.blocks else _of_data(result.data, language)
    return replace(passages, cut=True) if passages.blocks and isinstance(result, CutResult) else passages


def spoken(text: str, language: str) -> str:
    """The beginning of `text` for the ear; empty when it holds nothing that can be spoken.

    Args:
        text: prose, Markdown, HTML or JSON, of any length.
        language: BCP 47. Signs and units are put in words in English alone; another voice reads its own.
    """
    return portion(_of_text(text, language))[0]


def portion(passages: Passages) -> tuple[str, Passages | None]:
    """The first words of `passages`, within the limits, and what comes after them; None where that is nothing.

    A sentence that is too long is cut and says so; what was cut off comes next.
    """
    said = ""
    sentences = items = words = at = 0
    for at, block in enumerate(passages.blocks):
        count = len(block.text.split())
        begins = said.endswith((".", "!", "?", "…", '"', "'", ")")) or not said
        ends_list = items > 0 and not block.is_item
        sentences += begins or ends_list
        if sentences > MAX_SENTENCES or (block.is_item and items == MAX_ITEMS):
            break
        if words + count > MAX_WORDS:
            if said:
                break
            said, others = _cut(block.text.split())
            return said, replace(passages, blocks=(Block(others, block.is_item), *passages.blocks[at + 1 :]))
        said = _joined(said, block, ends_list)
        items += block.is_item
        words += count
    else:
        at = len(passages.blocks)
    rest = passages.blocks[at:]
    is_more = rest or passages.beyond or passages.cut
    return _closed(said), replace(passages, blocks=rest) if is_more else None


def _of_text(text: str, language: str) -> Passages:
    text = text[:MAX_JSON].strip() if len(text) > MAX_JSON else text.strip()
    if text[:1] in ("{", "["):
        try:
            return _of_data(json.loads(text), language)
        except (ValueError, RecursionError):
            # "[1] according to…" is prose; half an object is nothing to be read aloud.
            if text[0] == "{" or text.startswith(('["', "[{", "[[")):
                return Passages()
    # Cut where a word ends, so that no half of a number or of an address is spoken.
    kept = text if len(text) <= MAX_CHARS else text[:MAX_CHARS].rpartition(" ")[0]
    if INNER.search(kept):
        return Passages()
    blocks = tuple(_apart(_for_the_ear(without_markup(kept), language)))
    return Passages(blocks, cut=bool(blocks) and kept is not text)


def _of_data(value: Any, language: str) -> Passages:
    if (words := own_words(value)) or isinstance(value, str):
        return _of_text(words or value, language)
    phrases, size = in_phrases(value, MAX_PASSAGES)
    said = (_for_the_ear(without_markup(phrase), language) for phrase in phrases if not INNER.search(phrase))
    items = [Block(" ".join(block.text for block in blocks).rstrip(".,;: "), is_item=True) for blocks in said]
    blocks = tuple(block for block in items if block.text)
    return Passages(tuple(_apart(blocks)), size - len(phrases))


def _for_the_ear(blocks: Iterable[Block], language: str) -> list[Block]:
    english = language.partition("-")[0] == "en"
    said = [Block(without_pictures(read_out(b.text) if english else b.text), b.is_item) for b in blocks]
    return [block for block in said if any(c.isalnum() for c in block.text)]


def _apart(blocks: Iterable[Block]) -> Iterable[Block]:
    """Paragraphs as sentences; an item that holds several is none."""
    for block in blocks:
        sentences = _sentences(block.text)
        is_item = block.is_item and len(sentences) == 1
        yield from (Block(sentence, is_item) for sentence in sentences)


def _sentences(text: str) -> list[str]:
    sentences: list[str] = []
    begun = 0
    for end in SENTENCE_END.finditer(text):
        if not SHORTENED.search(text, max(begun, end.end() - LONGEST_SHORTENED), end.end()):
            sentences.append(text[begun : end.end()])
            begun = end.end() + 1
    return [*sentences, text[begun:]] if begun < len(text) else sentences


def _joined(said: str, block: Block, ends_list: bool) -> str:
    if not said:
        return block.text
    if ends_list:
        said = _closed(said)
    # Where items have parts of their own the voice pauses longer between two items.
    between = " " if said.endswith(ENDS) or not block.is_item else "; " if "," in block.text else ", "
    return said + between + block.text


def _closed(said: str) -> str:
    said = said.rstrip(",;: ")
    return said if not said or said.endswith((".", "!", "?", "…", '"', "'", ")")) else f"{said}."


def _cut(words: list[str]) -> tuple[str, str]:
    """`words` up to the last clause that ends in their second half of the limit, or to the limit; and the others.

    "and more" owns up to the cut.
    """
    end = MAX_WORDS - 2
    for at in range(MAX_WORDS - 2, MAX_WORDS // 2, -1):
        if words[at - 1].endswith((",", ";", ":")):
            end = at
            break
    return " ".join(words[:end]).rstrip(",;:. ") + ", and more.", " ".join(words[end:])
