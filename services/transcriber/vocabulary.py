"""What the recogniser expects to hear, as files that it can load: built once, kept until a phrase changes."""

import hashlib
import inspect
import logging
import os
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from services.transcriber import language_model, lexicon, phrases, spoken
from services.transcriber.language_model import Source, arpa, train

log = logging.getLogger(__name__)

DOMAIN_WEIGHT = 10.0
"""A phrase of this deployment counts like ten general ones."""
CONVERSATION_WEIGHT = 50.0
"""Nods, "stop" and "wait" come in every call, and are too short to be told by their sound alone."""
FREE = 0.1
"""Of single words. With 0.02 free words are lost, with 0.3 known phrases suffer."""
EVERYDAY_WORDS = 20_000
"""Known besides the words of all phrases. With 5,000 a second of sound costs 14 ms less, and names are missing."""

MADE_FROM = (language_model, lexicon, spoken)
"""Modules whose text takes part in the hash, so that an upgrade builds anew."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Two files in formats that pocketsphinx reads."""

    language_model: Path
    dictionary: Path


def prepare(domain: Path | None, cache: Path) -> Vocabulary:
    """Find the files in `cache`, or build them there: 1.5 s.

    Args:
        domain: a folder with `*.txt` (phrases) and `*.dict` (pronunciations), or None.
        cache: made when missing; safe to share between processes.
    """
    ours = [phrases.PRONUNCIATIONS, *(sorted(domain.glob("*.dict")) if domain else [])]
    dictionaries = [lexicon.DICTIONARY, *ours]
    own = phrases.domain(domain)
    stem = f"vocabulary-{_fingerprint(own, dictionaries)}"
    vocabulary = Vocabulary(cache / f"{stem}.arpa", cache / f"{stem}.dict")
    if vocabulary.language_model.exists() and vocabulary.dictionary.exists():
        return vocabulary
    began = time.monotonic()
    known = lexicon.pronunciations(*dictionaries)
    frequency = lexicon.frequencies(known)
    sources = [
        Source([[word if word in known else None for word in spoken.spoken(text)] for text in texts], weight)
        for texts, weight in (
            (own, DOMAIN_WEIGHT),
            (phrases.conversation(), CONVERSATION_WEIGHT),
            (phrases.general(), 1.0),
        )
    ]
    in_phrases = {word for source in sources for phrase in source.phrases for word in phrase if word}
    # Whoever writes down how a word sounds expects to hear it.
    expected = in_phrases | lexicon.pronunciations(*ours).keys()
    words = expected | lexicon.commonest(frequency, EVERYDAY_WORDS)
    model = train(sources, {word: frequency[word] for word in words}, FREE)
    cache.mkdir(parents=True, exist_ok=True)
    _write(vocabulary.dictionary, lexicon.dictionary(known, words))
    _write(vocabulary.language_model, arpa(model))
    took = round(time.monotonic() - began, 2)
    log.info("vocabulary built", extra={"words": len(words), "domain_phrases": len(own), "s": took})
    return vocabulary


def _fingerprint(own: list[str], dictionaries: list[Path]) -> str:
    made = hashlib.sha256(f"{DOMAIN_WEIGHT} {CONVERSATION_WEIGHT} {FREE} {EVERYDAY_WORDS}".encode())
    for module in MADE_FROM:
        made.update(inspect.getsource(module).encode())
    for file in (phrases.GENERAL, phrases.CONVERSATION, *dictionaries):
        made.update(file.read_bytes())
    made.update("\n".join(own).encode())
    return made.hexdigest()[:16]


def _write(file: Path, lines: Iterable[str]) -> None:
    # Into a file of its own, then renamed: another process never reads half of it.
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=file.stem, suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.writelines(f"{line}\n" for line in lines)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
