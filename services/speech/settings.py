"""Where the speech service finds its model, by environment."""

from pathlib import Path

from services.base.settings import Settings


class SpeechSettings(Settings):
    """`SPEECH_…`, and `HF_TOKEN`, which Hugging Face's own programs read too."""

    speech_repository: str = "nvidia/personaplex-7b-v1"
    """On the Hugging Face hub."""
    speech_revision: str = "main"
    """Branch, tag or commit there."""
    speech_folder: Path | None = None
    """The same files, in a folder: nothing is fetched then."""
    speech_voices: Path | None = None
    """A folder of voices (`.pt`, `.wav`) instead of the model's own."""
    speech_device: str = "cuda"
    """As torch names it: `cuda`, `cuda:1`, `cpu`."""
    hf_token: str = ""
