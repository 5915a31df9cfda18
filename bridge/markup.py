"""Takes out of a text what is for the eye: markup, links, tables, code, pictures."""

import html
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import urlsplit

CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
HIDDEN = re.compile(r"<(script|style)\b.*?(?:</\1>|\Z)|<!--.*?(?:-->|\Z)", re.DOTALL | re.IGNORECASE)
TOKEN = re.compile(r"<\|[^<>|\n]{1,40}\|>|<</?SYS>>|\[/?INST\]")
"""What chat models take for the bounds of a turn."""
BLOCK_TAG = re.compile(r"</?(?:p|div|br|li|ul|ol|h[1-6]|tr|table)\b[^<>]*>", re.IGNORECASE)
CELL_TAG = re.compile(r"<t[dh]\b[^<>]*>", re.IGNORECASE)
TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
LINK = re.compile(r"!?\[([^\[\]]*)\](?:\([^()\s]*(?:\s[^()]*)?\)|\[[^\[\]]*\])")
URL = re.compile(r"<?\b(?:[a-z][\w+.-]*://|(?:data|javascript|mailto):|www\.)[^\s<>\"')\]]+>?", re.IGNORECASE)
STRONG = re.compile(r"(\*\*|__|~~|`+)(?=\S)(.+?)(?<=\S)\1")
EMPHASIS = re.compile(r"(?<![\w*])([*_])(?=[^\s*_])([^*_\n]+?)(?<=\S)\1(?![\w*])")
HEADING = re.compile(r"^\s{0,3}#{1,6}\s+|^\s*>\s?")
BULLET = re.compile(r"^\s*(?:[-*+•]|\d{1,3}[.)])\s+")
RULE = re.compile(r"^[\s|:=*_-]{3,}$")
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LONG = re.compile(r"\S{41,}")
"""No word has that many characters; keys, hashes and base64 do."""
IDENTIFIER = re.compile(
    r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])\w[\w-]{18,}\w\b",
    re.IGNORECASE,
)
"""A UUID, or letters and figures in one piece that nobody would say; "INV-2024-0007" is short enough to be said."""
EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}")

BRACKETS = str.maketrans("[]", "()", "{}<>|`\\")
"""Nothing in square brackets or tags is left that a voice could take for an order how to speak ("[whispers]")."""

MOST_ACCENTS = 2
"""On one letter; more are a decoration."""

ENDS = (".", "!", "?", ":", ";", ",", "…")


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a text that stands by itself."""

    text: str
    is_item: bool = False
    """Of a list or a table: several of them make one sentence."""


def without_markup(text: str) -> list[Block]:
    """The plain prose of `text`: paragraphs and headings, each closed by a mark, items of lists and rows of tables."""
    text = TOKEN.sub(" ", HIDDEN.sub(" ", CODE.sub(" ", ANSI.sub("", text))))
    text = html.unescape(TAG.sub("", CELL_TAG.sub("|", BLOCK_TAG.sub("\n", text))))
    text = URL.sub(_host, LINK.sub(r"\1", text))
    text = EMPHASIS.sub(r"\2", STRONG.sub(r"\2", text))
    blocks = _blocks(text.splitlines())
    return [Block(IDENTIFIER.sub("", LONG.sub("", block.text)), block.is_item) for block in blocks]


def without_pictures(text: str) -> str:
    """`text` without emoji, control characters and what else has no sound; one space between words."""
    heard: list[str] = []
    accents = 0
    for c in text:
        accents = accents + 1 if unicodedata.combining(c) else 0
        if accents <= MOST_ACCENTS:
            heard.append(c if _sounds(c) else " " if c.isspace() else "")
    said = EMPTY_BRACKETS.sub("", "".join(heard)).translate(BRACKETS)
    return re.sub(r"\s+([,.;:!?)])", r"\1", " ".join(said.split()))


def _blocks(lines: list[str]) -> list[Block]:
    """`lines` put together."""
    blocks: list[Block] = []
    table: list[list[str]] = []
    header: list[str] = []
    goes_on = False
    """Whether the line before was prose, or an item, that this one may go on with."""
    for line in [*lines, ""]:
        if cells := _cells(line):
            table.append(cells)
        elif table and RULE.match(line):
            # What stands over the rule names the columns.
            header = table.pop() if len(table) == 1 else header
        elif table:
            blocks += [Block(_row(cells, header), is_item=True) for cells in table]
            table, header = [], []
        if cells or not line.strip() or RULE.match(line):
            goes_on = False
            continue
        bullet, heading = BULLET.match(line), HEADING.match(line)
        said = BULLET.sub("", HEADING.sub("", line)).strip()
        last = blocks[-1] if blocks and goes_on and not (bullet or heading) else None
        if last and (not last.is_item or line[:1].isspace()):
            blocks[-1] = Block(f"{last.text} {said}", last.is_item)
        else:
            blocks.append(Block(said, is_item=bullet is not None))
        goes_on = heading is None
    return [_closed(block) for block in blocks if block.text]


def _closed(block: Block) -> Block:
    return block if block.is_item or block.text.endswith(ENDS) else Block(f"{block.text}.")


def _cells(line: str) -> list[str]:
    """The cells of a table's row; none where `line` is no such row."""
    if RULE.match(line):
        return []
    if line.lstrip().startswith("|"):
        return [cell.strip() for cell in line.strip().strip("|").split("|")]
    return [cell.strip() for cell in line.split("\t")] if "\t" in line.strip() else []


def _row(cells: list[str], header: list[str]) -> str:
    """A row for the ear: what it is about, and the other cells behind their columns' names."""
    names = ["", *header[1:]] + [""] * len(cells)
    return ", ".join(f"{name} {cell}".strip() for name, cell in zip(names, cells, strict=False) if cell)


def _host(url: re.Match[str]) -> str:
    """An address is told by its host, with the punctuation that only followed it; one without a host by nothing."""
    address = url.group().strip("<>")
    bare = address.rstrip(".,;:!?")
    try:
        host = urlsplit(f"//{bare}" if bare[:4].lower() == "www." else bare).hostname or ""
    except ValueError:
        host = ""
    return host.removeprefix("www.") + address[len(bare) :]


def _sounds(character: str) -> bool:
    # So, Sk: emoji, dingbats, skin tones. Mn is an accent, which belongs to its letter; FE0F only picks a picture.
    kind = unicodedata.category(character)
    if kind in {"So", "Sk"}:
        return character == "°" or character.isascii()  # "Sk" in ASCII: `^`, as in 2^3
    return kind not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} and character != "\ufe0f"
