"""Where the speech service finds its model, and whom it lets in, by environment."""

from pathlib import Path

from services.base.settings import Settings
from services.speech.savings import Attention, Numbers, Savings


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
    personaplex_cpu_offload: int = 0
    """Layers of the model's 32 whose weights stay in the host's memory: see `offload`."""
    speech_weights: Numbers = "bf16"
    speech_kv: Numbers = "bf16"
    speech_attention: Attention = "whole"
    speech_host: str = "127.0.0.1"
    speech_port: int = 8998
    speech_slots: int = 4
    """Calls at once."""
    speech_queue: int = 16
    """Callers that may wait in line for a slot."""
    speech_most_real_time: float = 0.9
    """Of a frame's 80 ms, what a tick may take: of all slots at the start, and later of those that are live. A slower
    device takes no calls."""
    speech_prefixes_mb: int = 2_000
    """Of the device's memory, for the voices and personas that were primed last."""
    speech_drain_s: float = 30.0
    """What calls get to end by themselves after SIGTERM."""

    @property
    def savings(self) -> Savings:
        """How the model is run: `SPEECH_WEIGHTS`, `SPEECH_KV`, `SPEECH_ATTENTION`."""
        return Savings(self.speech_weights, self.speech_kv, self.speech_attention)
