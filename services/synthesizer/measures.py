"""What this service counts, for `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

SOCKETS = Gauge("antiphon_synthesizer_sockets", "Open sockets")
TEXTS = Counter(
    "antiphon_synthesizer_texts", "Texts by what became of them: done, cancelled, or a code", ["outcome"]
)
AUDIO = Counter("antiphon_synthesizer_audio_seconds", "Seconds of sound sent")
SLOW_READERS = Counter("antiphon_synthesizer_slow_readers", "Sockets cut off because nobody read them")
FIRST_SOUND = Histogram(
    "antiphon_synthesizer_first_sound_seconds",
    "From the order to the first sound of its text",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
)
