"""Phrases that the language model is made of: the domain's, and general requests to an assistant."""

import gzip
from pathlib import Path

HERE = Path(__file__).parent
GENERAL = HERE / "general.txt.gz"
"""15,250 requests and some small talk; `README.md` says from where."""
PRONUNCIATIONS = HERE / "pronunciations.dict"
"""Words of ours that the recogniser's dictionary lacks or says otherwise, in the dictionary's own format."""


def general() -> list[str]:
    """The general phrases, as written."""
    return gzip.decompress(GENERAL.read_bytes()).decode().splitlines()


def domain(folder: Path | None) -> list[str]:
    """Every line of every `*.txt` in `folder`, as written; none without a folder."""
    files = sorted(folder.glob("*.txt")) if folder else []
    return [line for file in files for line in file.read_text("utf-8").splitlines() if line.strip()]
