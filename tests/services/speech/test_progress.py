"""What the log tells of a download."""

import pytest

from services.base.logs import fields
from services.speech.progress import Progress


def test_a_download_is_told_every_half_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "services")
    now = 100.0
    file = Progress("model.safetensors", 16_700_000_000, clock=lambda: now)
    file.begin()
    for _ in range(64):
        now += 1
        file.come(int((now - 100) * 250_000_000))
    now += 3
    file.end()
    about = {"file": "model.safetensors", "size": "16.7 GB"}
    assert [(each.message, fields(each, pii=False)) for each in caplog.records] == [
        ("a file is fetched", about),
        ("a file comes", {**about, "come": "7.5 GB", "percent": 44}),
        ("a file comes", {**about, "come": "15.0 GB", "percent": 89}),
        ("a file has come", {**about, "took_s": 67}),
    ]
