"""The bench over the wire, on a toy: that its callers are answered, and that what is late or lost is counted."""

import json
from pathlib import Path

import pytest

from services.speech import bench, bench_wire


@pytest.mark.parametrize("codec", ["ogg", "pcm16"])
def test_each_frame_of_each_call_is_answered_and_told_if_it_was_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str
) -> None:
    monkeypatch.setattr(bench, "FRAME_MS", 1e-3)  # So all are.
    where = tmp_path / "rows.json"
    wanted = f"--shape toy --device cpu --slots 2 --seconds 0.00001 --codec {codec} --json {where}"
    bench_wire.main(wanted.split())
    row = bench_wire.Row(**json.loads(where.read_text())["rows"][0])
    assert (row.slots, row.frames, row.lost, row.late) == (2, 20, 0, 20)
    assert 0 < row.p50 <= row.longest
    assert min(row.join, row.join_new) > 0


def test_calls_are_answered_by_a_model_in_8_bits(tmp_path: Path) -> None:
    where = tmp_path / "rows.json"
    saved = "--weights int8 --kv int8 --attention filled"
    bench_wire.main(f"--shape toy --device cpu --slots 1 --seconds 0.8 {saved} --json {where}".split())
    found = json.loads(where.read_text())
    assert (found["weights"], found["kv"], found["attention"]) == ("int8", "int8", "filled")
    assert [(row["frames"], row["lost"]) for row in found["rows"]] == [(10, 0)]
