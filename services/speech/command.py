"""The command: which model is served, and where."""

import argparse
from collections.abc import Sequence

import torch

from services.base.serve import run
from services.speech.engine import Engine
from services.speech.server import make_app
from services.speech.settings import SpeechSettings
from services.speech.toy_engine import toy_engine


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the service in the foreground."""
    parser = argparse.ArgumentParser(
        prog="python -m services.speech", description="Serve a duplex speech model."
    )
    parser.add_argument(
        "--toy", action="store_true", help="a small model without weights, which murmurs; on a CPU"
    )
    parser.add_argument("--host", help="instead of SPEECH_HOST")
    parser.add_argument("--port", type=int, help="instead of SPEECH_PORT")
    parser.add_argument("--slots", type=int, help="calls at once, instead of SPEECH_SLOTS")
    given = parser.parse_args(arguments)
    named = {"speech_host": given.host, "speech_port": given.port, "speech_slots": given.slots}
    settings = SpeechSettings.load().model_copy(
        update={name: value for name, value in named.items() if value is not None}
    )
    host, port, key = settings.speech_host, settings.speech_port, settings.antiphon_internal_key
    run("speech", lambda: make_app(settings, _engine(given.toy, settings)), host, port, key)


def _engine(toy: bool, settings: SpeechSettings) -> Engine:
    if toy:
        torch.set_num_threads(1)  # Its tensors are too small to share.
        return toy_engine()
    # The hub's client and the tokenizer take a second to import.
    from services.speech.published import load

    return load(settings)
