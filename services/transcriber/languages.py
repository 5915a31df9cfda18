"""The built-in models: what they are called, and the languages that they know."""

from importlib.metadata import version

from services.base.problems import Invalid

RECOGNIZER = f"PocketSphinx {version('pocketsphinx')}, offline"
"""For those who judge its words: a small model inside a wheel, no service behind it."""
DEFAULT_LANGUAGE = "en"


class BadLanguage(Invalid):
    """A language that no model here knows."""

    code, title = "language_not_supported", "This language is not recognised here"


def check_language(tag: str) -> str:
    """The language of a tag (`en`, `en-US`), in the form in which it goes out again.

    Raises:
        BadLanguage: it is not English.
    """
    language = tag.lower().replace("_", "-").partition("-")[0]
    if language not in {"en", "english"}:
        raise BadLanguage(f"`language` is {tag!r}; the built-in recogniser knows English (en) alone")
    return DEFAULT_LANGUAGE
