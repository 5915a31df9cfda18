"""What this service counts, for `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

SLOTS = Gauge("antiphon_speech_slots", "Slots that there are")
SLOTS_USED = Gauge("antiphon_speech_slots_used", "Slots that are taken")
WAITING = Gauge("antiphon_speech_waiting", "Callers in line for a slot")
CALLS = Counter("antiphon_speech_calls", "Calls by how they ended: client, or a code", ["outcome"])
FRAMES = Counter("antiphon_speech_frames", "Frames of 80 ms said, over all slots")
TICK = Histogram(
    "antiphon_speech_tick_seconds",
    "Wall time of a tick: one frame of every slot that has one",
    buckets=(0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08, 0.1, 0.15, 0.2, 0.5),
)
JOIN = Histogram(
    "antiphon_speech_join_seconds",
    "From a slot to the handshake: voice and persona",
    buckets=(0.01, 0.02, 0.05, 0.1, 0.15, 0.3, 0.5, 1.0, 2.0, 5.0),
)
LATE = Counter(
    "antiphon_speech_late_frames",
    "Frames that waited longer than they sound: for the model's thread, which did other work, or for the machine, "
    "which was too slow or ran other programs",
    ["cause"],
)
for cause in ("model", "machine"):
    LATE.labels(cause)
REAL_TIME_NOW = Gauge(
    "antiphon_speech_real_time_now", "What the last ticks took, over what a frame sounds: the median of 50"
)
REAL_TIME = Gauge(
    "antiphon_speech_real_time", "What a tick of all slots took at the start, over what it sounds"
)
