"""Curves at equal cost: both sides read the same windows, and only training is timed."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import quality, quality_run
from benchmarks.quality import BEST, COMPARED, OPTIONS, SMALL, at, main, table
from benchmarks.quality_run import Side, Size, Watch, curve, model_of
from llm.files import read_json

TINY = Size(n_layers=1, emb_dim=16, n_heads=4, tokens=2_048, batch_size=2, evaluations=2)


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(quality_run, "CONTEXT", 32)
    monkeypatch.setattr(quality_run, "VOCAB_SIZE", 64)


def ids(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 64, count).cumsum() % 64


@pytest.mark.parametrize(
    "side",
    [
        Side(),
        Side(reference=True),
        BEST,
        Side(batch_warmup_fraction=0.2),
        Side(length_warmup_fraction=0.5, z_loss=1e-4),
    ],
    ids=str,
)
def test_every_side_reads_the_tokens_asked_for(side):
    points = curve(side, TINY, ids(3_000), ids(200))
    assert points[0].tokens == 0 and points[0].seconds == 0
    assert points[-1].tokens == pytest.approx(TINY.tokens, rel=0.05)
    assert points[-1].seconds > 0
    assert [p.seconds for p in points] == sorted(p.seconds for p in points)
    assert all(3 < point.validation_loss < 6 for point in points)


def test_both_sides_have_about_as_many_parameters():
    sizes = [
        sum(p.numel() for p in model_of(side, quality.LARGER).parameters())
        for side in COMPARED.values()
    ]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.02)
    plain = sum(p.numel() for p in model_of(OPTIONS["plain"], SMALL).parameters())
    assert plain == sum(p.numel() for p in model_of(Side(reference=True), SMALL).parameters())


def test_neither_evaluating_nor_the_first_step_is_timed(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(quality_run, "_now", lambda: (now[0], 2 * now[0]))

    class Loader:
        batches_per_epoch = 1.0
        state = restore = describe = None

        def next_batch(self):
            return {}

    def evaluate(seconds: float) -> None:
        with watch.paused():
            now[0] += seconds

    watch = Watch(Loader(), first_batches=1)
    evaluate(50)
    watch.next_batch()
    now[0] += 30  # compiles
    evaluate(40)  # after the first step
    watch.next_batch()
    now[0] += 2
    evaluate(50)
    watch.next_batch()
    now[0] += 3
    evaluate(1)
    assert watch.times == [(0, 0), (0, 0), (2, 4), (5, 10)]


def test_a_loss_is_read_off_the_line_between_two_points():
    points = [{"tokens": 0, "validation_loss": 8.0}, {"tokens": 10, "validation_loss": 6.0}]
    assert at(points, "tokens", 5) == 7.0
    assert at(points, "tokens", -1) == 8.0
    assert at(points, "tokens", 11) == 6.0


def test_the_command_writes_curves_a_table_and_a_picture(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(quality, "corpus", lambda work: (ids(3_000), ids(200), "a sum"))
    monkeypatch.setattr(quality, "SMALL", TINY)
    monkeypatch.setattr(quality, "LARGER", TINY)
    monkeypatch.setattr(quality, "OPTIONS", {"plain": Side(), "Muon": OPTIONS["Muon"]})
    assert main(["--output", str(tmp_path / "quality.json")]) == 0
    found = read_json(tmp_path / "quality.json", made_by="quality")
    assert set(found["compared"]["curves"]) == {"ours", "the reference"}
    assert found["corpus"].startswith("a sum")
    assert (tmp_path / "quality.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    assert table(found) in printed
    assert "| Muon |" in printed and "| tokens |" in printed
