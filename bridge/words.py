"""What a tool sent, as words for the ear: at most two sentences and forty words of plain prose.

All of it is data. Nothing in it is followed, looked up or executed, whatever it says.
"""

import json
import re
from typing import Any

from bridge.markup import without_markup, without_pictures
from bridge.readings import read_out
from services.orchestrator.protocol import ChatResult

MAX_SENTENCES = 2
MAX_WORDS = 40
"""About 15 s of speech; nobody remembers more of a list that is read to them."""

MAX_CHARS = 4000
"""Read of a text; far more than can be spoken, and little enough to take apart between two audio frames."""

MAX_JSON = 100_000
"""Characters; parsing more would hold up the call's loop."""

MAX_ITEMS = 5
"""Of a list or an object."""

MAX_DEPTH = 3
"""Of lists and objects in one another."""

SPEAKING_FIELDS = ("response_text", "text", "message", "answer", "summary", "result", "output", "content")
"""Where an object keeps its own words, likeliest first."""

INNER = re.compile(
    r"Traceback \(most recent call last\)"
    r'|File "[^"\n]+", line \d'
    r"|^\s*(?:[A-Za-z_]+\.)*[A-Za-z_]*(?:Error|Exception)\b\s*[:(]"
    r"|^\s+at [\w.$<>]+\(",
    re.MULTILINE,
)
"""What programs say to programmers."""

SENTENCE_END = re.compile(r"[.!?…][\"')\]]*(?= [\"'(\[]?[A-Z0-9À-Þ])")
SHORTENED = re.compile(r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|no|approx|fig|e\.g|i\.e)|\b[a-z])\.$", re.IGNORECASE)
LONGEST_SHORTENED = len("approx.")


def result_in_words(result: ChatResult, language: str) -> str:
    """What to say of `result`: its own text, or else its data; empty when neither can be spoken."""
    return spoken(result.response_text, language) or spoken(in_prose(result.data), language)


def spoken(text: str, language: str) -> str:
    """`text` for the ear; empty when it holds nothing that can be spoken.

    Args:
        text: prose, Markdown, HTML or JSON, of any length.
        language: BCP 47. Signs and units are put in words in English alone; another voice reads its own.
    """
    text = text.strip()
    if text[:1] in ("{", "["):
        text = _from_json(text)
    # Cut where a word ends, so that no half of a number or of an address is spoken.
    text = text if len(text) <= MAX_CHARS else text[:MAX_CHARS].rpartition(" ")[0]
    if INNER.search(text):
        return ""
    english = language.partition("-")[0] == "en"
    blocks = [without_pictures(read_out(block) if english else block) for block in without_markup(text)]
    return _short([block for block in blocks if any(c.isalnum() for c in block)])


def in_prose(value: Any, depth: int = 0) -> str:
    """A JSON value as a phrase: "temperature 21, wind west"."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.10g}"  # 0.3, not 0.30000000000000004
        case dict() | list() if depth == MAX_DEPTH:
            return ""
        case dict():
            for name in SPEAKING_FIELDS:
                if isinstance(value.get(name), str) and value[name].strip():
                    return str(value[name])
            return _listed([(f"{_named(name)} ", v) for name, v in value.items()], depth)
        case list():
            return _listed([("", v) for v in value], depth)
        case _:
            return str(value)


def _listed(items: list[tuple[str, Any]], depth: int) -> str:
    """The first few items, each behind its name, and how many more there are."""
    said = [name + words for name, value in items[:MAX_ITEMS] if (words := in_prose(value, depth + 1))]
    more = [f"and {len(items) - MAX_ITEMS} more"] if said and len(items) > MAX_ITEMS else []
    return ", ".join(said + more)


def _from_json(text: str) -> str:
    try:
        return in_prose(json.loads(text)) if len(text) <= MAX_JSON else ""
    except (ValueError, RecursionError):
        # "[1] according to…" is prose; half an object is nothing to be read aloud.
        return text if text[0] == "[" and not text.startswith(('["', "[{", "[[")) else ""


def _named(field: str) -> str:
    return " ".join(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", str(field)).replace("_", " ").lower().split())


def _short(blocks: list[str]) -> str:
    """The first sentences of `blocks`, within the limits; a sentence that is too long is cut and says so."""
    sentences = [sentence for block in blocks for sentence in _sentences(block)]
    kept: list[str] = []
    room = MAX_WORDS
    for sentence in sentences[:MAX_SENTENCES]:
        words = sentence.split()
        if len(words) > room:
            if not kept:
                kept.append(_cut(words[:room]))
            break
        kept.append(sentence)
        room -= len(words)
    said = " ".join(kept).rstrip(",;: ")
    return said if not said or said.endswith((".", "!", "?", "…", '"', "'", ")")) else f"{said}."


def _sentences(text: str) -> list[str]:
    sentences: list[str] = []
    begun = 0
    for end in SENTENCE_END.finditer(text):
        if not SHORTENED.search(text, max(begun, end.end() - LONGEST_SHORTENED), end.end()):
            sentences.append(text[begun : end.end()])
            begun = end.end() + 1
    return [*sentences, text[begun:]] if begun < len(text) else sentences


def _cut(words: list[str]) -> str:
    """`words` up to the last clause that ends in their second half, or all of them; "and more" owns up to the cut."""
    for at in range(len(words) - 1, len(words) // 2, -1):
        if words[at].endswith((",", ";", ":")):
            words = words[: at + 1]
            break
    else:
        words = words[:-2]
    return " ".join(words).rstrip(",;: ") + ", and more."
