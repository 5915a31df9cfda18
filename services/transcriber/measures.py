"""What this service counts, for `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

STREAMS = Gauge("antiphon_transcriber_streams", "Calls that are being heard")
FRAMES = Counter("antiphon_transcriber_frames", "Binary messages taken")
AUDIO = Counter("antiphon_transcriber_audio_seconds", "Seconds of sound taken")
LEFT_OUT = Counter("antiphon_transcriber_left_out", "Messages answered with an error, by its code", ["code"])
OVERFLOWS = Counter("antiphon_transcriber_overflows", "Times that a call had more sound waiting than allowed")
REFUSED = Counter("antiphon_transcriber_refused", "Calls turned away because all places were taken")
LOST = Counter(
    "antiphon_transcriber_workers_lost", "Workers that died, or were ended because they stood still"
)
RESTARTS = Counter("antiphon_transcriber_restarts", "New starts of the process that workers are forked from")
SLOW_READERS = Counter("antiphon_transcriber_slow_readers", "Sockets cut off because nobody read them")
LAG = Histogram(
    "antiphon_transcriber_lag_seconds",
    "Sound that still waited when a piece had been heard",
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 15, 60),
)
FINAL = Histogram(
    "antiphon_transcriber_final_seconds",
    "From the order to finish to the final words",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
