"""The bench, on a toy: that it runs, and says what it can't tell."""

import json
from pathlib import Path

import pytest
import torch

from services.speech import bench, machine
from services.speech.batch import Batch
from services.speech.codec.quantizer import Codebook
from services.speech.shapes import FRAME_SAMPLES, TOY


def test_a_row_for_each_count_of_slots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = tmp_path / "rows.json"
    bench.main(
        ["--shape", "toy", "--slots", "1,2", "--seconds", "0.4", "--device", "cpu", "--json", str(where)]
    )
    found = json.loads(where.read_text())
    assert (found["shape"], found["torch"], found["primed_frames"]) == ("toy", torch.__version__, 237)
    assert [(row["slots"], row["live"], row["frames"]) for row in found["rows"]] == [(1, 1, 5), (2, 2, 5)]
    for row in found["rows"]:
        assert 0 < row["p50"] <= row["p99"] <= row["p999"] <= row["longest"]
        assert row["late"] <= row["frames"]
        assert row["host"] <= row["longest"]
        assert row["slot_mb"] > 0
        assert row["join"] > 0
        assert {row[name] for name in ("launches", "kernels", "memory_gb", "recorded_mb")} == {None}
    assert capsys.readouterr().out.count("\n") == 5


def test_the_codec_of_random_weights_hears_and_speaks() -> None:
    """Of entries that are all alike there would be one code, and one sound, which Opus has an easy time with."""
    _, mimi = bench.random_engine(TOY, torch.device("cpu"))
    for book in (each for each in mimi.modules() if isinstance(each, Codebook)):
        torch.testing.assert_close(book.entries * book.cluster_usage[:, None], book.embedding_sum)
    live = torch.ones(1, dtype=torch.bool)
    noise = torch.randn(1, 8 * FRAME_SAMPLES, generator=torch.Generator().manual_seed(0)) * 0.1
    codes = mimi.encode(noise, mimi.fresh_encoder(1, 8), live)
    assert all(len(some.unique()) > 1 for some in codes[0])
    frames = mimi.decode(codes, mimi.fresh_decoder(1, 8), live).view(8, FRAME_SAMPLES)
    assert float(frames.std(dim=1).min()) > 1e-3


def test_a_row_of_a_model_in_8_bits(tmp_path: Path) -> None:
    found = []
    for options in ([], ["--weights", "int8", "--kv", "int8", "--attention", "filled", "--age", "5"]):
        given = ["--shape", "toy", "--slots", "2", "--seconds", "0.1", "--device", "cpu", *options]
        bench.main([*given, "--json", str(tmp_path / "rows.json")])
        found.append(json.loads((tmp_path / "rows.json").read_text()))
    assert [(each["weights"], each["kv"], each["attention"], each["age"]) for each in found] == [
        ("bf16", "bf16", "whole", None),
        ("int8", "int8", "filled", 5),
    ]
    whole, small = (each["rows"][0]["slot_mb"] for each in found)
    # Of the toy's heads 16 numbers each have a scale; both in float32 before.
    assert whole - small == pytest.approx(2 * 2 * 300 * 4 * (16 * 4 - 16 - 4) / 1e6)


def test_late_frames_are_those_longer_than_they_sound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(bench, "FRAME_MS", 1e-6)
    found = bench.measure(TOY, [1], 4, torch.device("cpu"))
    assert [row["late"] for row in found["rows"]] == [4]  # type: ignore[attr-defined]


def test_a_row_for_each_count_of_slots_that_have_a_frame() -> None:
    found = bench.measure(TOY, [2, 4], 2, torch.device("cpu"), live=(1, 4))
    rows = [(row["slots"], row["live"]) for row in found["rows"]]  # type: ignore[attr-defined]
    assert rows == [(2, 1), (4, 1), (4, 4)]


def test_random_weights_are_read_wherever_a_batch_is_made() -> None:
    """A server makes its batch, and so has it recorded, before the model's thread is in inference mode."""
    model, mimi = bench.random_engine(TOY, torch.device("cpu"))
    with torch.inference_mode(False):
        Batch(model, mimi, 1).tick(1)


def test_a_model_that_does_not_fit_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(machine, "free_memory", lambda device: 8 * 10**9)
    with pytest.raises(SystemExit) as end:
        bench.main(["--shape", "personaplex-7b", "--device", "cpu"])
    assert end.value.code == 1
    assert "personaplex-7b needs 31.1 GB, and 8.0 GB are free of memory" in capsys.readouterr().err


def test_a_batch_of_no_slots_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["--slots", "0"])
    assert "a batch has at least one slot" in capsys.readouterr().err
