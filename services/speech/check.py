"""`python -m services.speech.check`: what this machine can run of the duplex model, and what is missing."""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import click

from services.base.findings import Finding, tell
from services.speech.settings import SpeechSettings

EXTRA = ("torch", "safetensors", "sentencepiece", "huggingface_hub", "pyloudnorm")
"""Packages of the extra `speech`."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: an object a finding.")
@click.option("--repository", help="On the Hugging Face hub, instead of SPEECH_REPOSITORY.")
@click.option("--folder", type=click.Path(path_type=Path), help="With such files, instead of SPEECH_FOLDER.")
def check(as_json: bool, repository: str | None, folder: Path | None) -> None:
    """Say whether the duplex model will run here, and what is missing; exit status 1 when it will not.

    Reads no weights, and fetches nothing but `config.json`.
    """
    settings = SpeechSettings.load()
    if repository:
        settings = settings.model_copy(update={"speech_repository": repository, "speech_folder": None})
    if folder:
        settings = settings.model_copy(update={"speech_folder": folder})
    tell(look(settings, wanted=bool(repository or settings.speech_folder)), as_json)


def look(settings: SpeechSettings, wanted: bool) -> Iterator[Finding]:
    """
    Args:
        wanted: The files are looked at even where no GPU could run them.
    """
    if missing := [package for package in EXTRA if not find_spec(package)]:
        yield Finding("bad", f"{', '.join(missing)} missing", "`pip install 'antiphon[speech]'` brings them")
        return
    # By name: it imports what was just looked for.
    yield from import_module("services.speech.examination").examine(settings, wanted)


if __name__ == "__main__":
    check()
