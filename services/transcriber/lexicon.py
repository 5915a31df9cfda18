"""The words that can be recognised: how they are pronounced, and how frequent they are in English."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pocketsphinx import NGramModel, get_model_path

ENGLISH = Path(get_model_path()) / "en-us"
"""The models inside the wheel."""
ACOUSTIC = ENGLISH / "en-us"
DICTIONARY = ENGLISH / "cmudict-en-us.dict"
OPEN_MODEL = ENGLISH / "en-us.lm.bin"

LOG_BASE = 1.0001
"""Of the whole numbers that the open model answers with."""
RAREST = 1e-8
"""The frequency of a word that the open model lacks, a fifth of its rarest word's."""

VARIANT = re.compile(r"\(\d+\)$")

Pronunciations = Mapping[str, list[str]]
"""By word: each way to say it, as phones with spaces between."""


def pronunciations(*files: Path) -> Pronunciations:
    """Read dictionaries in the CMU format; a word in a later file replaces the word in an earlier one."""
    known: dict[str, list[str]] = {}
    for file in files:
        own: dict[str, list[str]] = {}
        for line in file.read_text("utf-8").splitlines():
            word, _, phones = line.strip().partition(" ")
            if phones:
                own.setdefault(base_form(word), []).append(phones.strip())
        known |= own
    return known


def base_form(word: str) -> str:
    """The word itself where the dictionary numbers its second pronunciation: `the(2)` is `the`."""
    return VARIANT.sub("", word)


def frequencies(words: Iterable[str]) -> dict[str, float]:
    """How often each word comes in English, by the open language model's single words."""
    model = NGramModel.readfile(str(OPEN_MODEL))
    return {word: max(LOG_BASE ** model.prob([word]), RAREST) for word in words}


def commonest(frequency: Mapping[str, float], count: int) -> set[str]:
    """The `count` most frequent words."""
    return set(sorted(frequency, key=lambda word: -frequency[word])[:count])


def dictionary(known: Pronunciations, words: Iterable[str]) -> Iterator[str]:
    """The lines of a dictionary with `words` alone: read in a tenth of the whole one's time."""
    for word in sorted(words):
        for number, phones in enumerate(known[word], 1):
            yield f"{word} {phones}" if number == 1 else f"{word}({number}) {phones}"
