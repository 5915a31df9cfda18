"""Phrases that the language model is made of: the deployment's, and general requests."""

import gzip
from pathlib import Path

HERE = Path(__file__).parent
GENERAL = HERE / "general.txt.gz"
"""15,250 requests and some small talk; `README.md` says from where."""
CONVERSATION = HERE / "conversation.txt"
"""What people say to steer any conversation: "mhm", "hold on", "stop"."""
PRONUNCIATIONS = HERE / "pronunciations.dict"
"""Words of ours that the recogniser's dictionary lacks or says otherwise, in the dictionary's own format."""


def general() -> list[str]:
    """The general phrases, as written."""
    return gzip.decompress(GENERAL.read_bytes()).decode().splitlines()


def conversation() -> list[str]:
    """What is said in every call, as written."""
    return CONVERSATION.read_text("utf-8").splitlines()


def domain(folder: Path | None) -> list[str]:
    """Every line of every `*.txt` in `folder`, as written; none without a folder."""
    files = sorted(folder.glob("*.txt")) if folder else []
    return [line for file in files for line in file.read_text("utf-8").splitlines() if line.strip()]
