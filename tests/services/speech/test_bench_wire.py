"""The bench over the wire, on a toy: that its callers are answered, and that what is late or lost is counted."""

import json
from pathlib import Path

import pytest

from services.speech import bench, bench_wire


def run(where: Path, *arguments: str) -> dict[str, object]:
    bench_wire.main(
        ["--shape", "toy", "--seconds", "0.8", "--device", "cpu", "--json", str(where), *arguments]
    )
    found: dict[str, object] = json.loads(where.read_text())["rows"][0]
    return found


@pytest.mark.parametrize("codec", ["ogg", "pcm16"])
def test_each_frame_of_each_call_is_answered(tmp_path: Path, codec: str) -> None:
    row = run(tmp_path / "rows.json", "--slots", "2", "--codec", codec)
    assert (row["slots"], row["frames"], row["lost"]) == (2, 20, 0)
    assert 0 < float(str(row["p50"])) <= float(str(row["longest"]))
    assert float(str(row["join"])) > 0


def test_answers_that_take_longer_than_a_frame_are_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "FRAME_MS", 1e-3)
    row = bench_wire.Row(**run(tmp_path / "rows.json", "--slots", "1", "--seconds", "0.00001"))  # type: ignore[arg-type]
    assert row.late == row.frames == 10
