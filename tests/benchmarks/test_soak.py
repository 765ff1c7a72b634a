"""Killed trainings end exactly: the short form of `make soak`, and what it would find."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.soak import KINDS, MOMENTS, NotExactError, check_samples, soak
from benchmarks.trainings import SAMPLES


@pytest.mark.slow
def test_trainings_killed_at_random_moments_end_as_if_undisturbed() -> None:
    tally = soak(9, seed=1, quiet=True)
    assert tally.total >= 9
    assert set(tally.kills) == set(MOMENTS)
    assert tally.trainings % len(KINDS) == 0


def write(folder: Path, batches: list[tuple[int, int, list[int]]]) -> None:
    (folder / "samples.jsonl").write_text("".join(json.dumps(batch) + "\n" for batch in batches))


def test_a_batch_given_twice_at_its_place_is_one_batch(tmp_path: Path) -> None:
    first = list(range(SAMPLES))
    write(tmp_path, [(0, 0, first), (1, 0, [3, 1]), (1, 0, [3, 1]), (0, 0, first)])
    check_samples(tmp_path, "pretraining")


@pytest.mark.parametrize(
    "batches",
    [
        [(0, 0, [1, 2]), (0, 0, [2, 1])],  # another one after a kill
        [(0, 0, [1, 2]), (0, 2, [2, 3])],  # a sample twice
        [(0, 0, [*range(1, SAMPLES), SAMPLES])],  # one that is none, one missing
    ],
)
def test_samples_twice_missing_or_in_another_order_are_found(
    tmp_path: Path, batches: list[tuple[int, int, list[int]]]
) -> None:
    write(tmp_path, batches)
    with pytest.raises(NotExactError):
        check_samples(tmp_path, "pretraining")
