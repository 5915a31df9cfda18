"""Takes out of a text what is for the eye: markup, links, tables, code, pictures."""

import html
import re
import unicodedata
from urllib.parse import urlsplit

CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
BLOCK_TAG = re.compile(r"</?(?:p|div|br|li|ul|ol|h[1-6]|tr|table)\b[^<>]*>", re.IGNORECASE)
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()\s]*(?:\s[^()]*)?\)|\[[^\[\]]*\])")
URL = re.compile(r"<?\bhttps?://[^\s<>\"')\]]+>?")
STRONG = re.compile(r"(\*\*|__|~~|`+)(?=\S)(.+?)(?<=\S)\1")
EMPHASIS = re.compile(r"(?<![\w*])([*_])(?=[^\s*_])([^*_\n]+?)(?<=\S)\1(?![\w*])")
HEADING = re.compile(r"^\s{0,3}#{1,6}\s+|^\s*>\s?")
BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
RULE = re.compile(r"^[\s|:=*_-]{3,}$")
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LONG = re.compile(r"\S{41,}")
"""No word has that many characters; keys, hashes and base64 do."""

ENDS = (".", "!", "?", ":", ";", ",", "…")


def without_markup(text: str) -> list[str]:
    """The plain prose of `text`, one paragraph, heading, list or table row an item; each closed by a mark."""
    text = HIDDEN.sub(" ", CODE.sub(" ", ANSI.sub("", text)))
    text = html.unescape(TAG.sub("", BLOCK_TAG.sub("\n", text)))
    text = URL.sub(_host, LINK.sub(r"\1", text))
    text = EMPHASIS.sub(r"\2", STRONG.sub(r"\2", text))
    return [LONG.sub("", block) for block in _blocks(text.splitlines())]


def without_pictures(text: str) -> str:
    """`text` without emoji, control characters and what else has no sound; one space between words."""
    heard = "".join(c if _sounds(c) else " " if c.isspace() else "" for c in text)
    return re.sub(r"\s+([,.;:!?])", r"\1", " ".join(heard.split()))


def _blocks(lines: list[str]) -> list[str]:
    """`lines` put together; what has no end of its own is closed by a full stop."""
    blocks: list[str] = []
    joint = ""
    for line in lines:
        if not line.strip() or RULE.match(line):
            joint = ""
            continue
        bullet, heading = BULLET.match(line), HEADING.match(line)
        said = BULLET.sub("", HEADING.sub("", line)).strip()
        if line.lstrip().startswith("|"):
            said = ", ".join(cell.strip() for cell in line.strip().strip("|").split("|") if cell.strip())
        if joint and not heading and bool(bullet) == (joint == ", "):
            # A list is one sentence, unless its items are sentences themselves.
            blocks[-1] += (" " if blocks[-1].endswith(ENDS) else joint) + said
        else:
            blocks.append(said)
        joint = ", " if bullet else "" if heading or line.lstrip().startswith("|") else " "
    return [block if block.endswith(ENDS) else f"{block}." for block in blocks if block]


def _host(url: re.Match[str]) -> str:
    """An address is told by its host, with the punctuation that only followed it."""
    address = url.group().strip("<>")
    bare = address.rstrip(".,;:!?")
    try:
        host = urlsplit(bare).hostname or ""
    except ValueError:
        host = ""
    return host.removeprefix("www.") + address[len(bare) :]


def _sounds(character: str) -> bool:
    # So, Sk: emoji, dingbats, skin tones. Mn is an accent, which belongs to its letter; FE0F only picks a picture.
    kind = unicodedata.category(character)
    if kind in {"So", "Sk"}:
        return character == "°" or character.isascii()  # "Sk" in ASCII: `^`, as in 2^3
    return kind not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} and character != "\ufe0f"
