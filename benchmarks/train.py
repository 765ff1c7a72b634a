"""Measure training and decoding against other projects, print the table, write results/train.json.

make bench-train
.venv/bin/python -m benchmarks.train --only step-small --only start-up
.venv/bin/python -m benchmarks.train --list
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import checkpointing, decoding, driver, start_up
from benchmarks.measure import GIBIBYTE, Row, row, version
from benchmarks.train_step import SHAPES, measure
from llm.planning import flops_per_token

_GIGA = 1e9
_AIM_OF_PEAK = 0.7
_SLOW = {"book", "transformers"}
_RECOMPUTE_SPEED = 0.7  # a fourth forward pass to three passes' work, and some

Found = dict[str, list[Mapping[str, float]]]  # by side, one per repetition


def _small(work: Path) -> list[Row]:
    batches = {"ours": 16, "reference": 16, "transformers": 16, "book": 16}
    found = _take_turns("small", batches, steps=10, slow_steps=4, repeats=2, work=work)
    return _step_rows("4 layers × 256, vocabulary 4,096", "small", found, book=8.0)


def _short(work: Path) -> list[Row]:
    batches = {"ours": 16, "reference": 16, "book": 8}
    found = _take_turns("124M-256", batches, steps=3, slow_steps=2, repeats=1, work=work)
    return _step_rows("124M, context 256", "124M-256", found, book=3.5)


def _long(work: Path) -> list[Row]:
    # Eight texts on both sides, for memory too.
    batches = {"ours": 8, "reference": 8, "book": 2}
    found = _take_turns("124M-1024", batches, steps=3, slow_steps=2, repeats=1, work=work)
    small = measure("ours-recompute", "124M-1024", batch_size=8, steps=2, work=work)
    return [
        *_step_rows("124M, context 1,024", "124M-1024", found, book=3.5),
        row(
            "most memory of a step, 124M, context 1,024, batch 8, recompute",
            unit="GiB",
            ours=small["peak_bytes"] / GIBIBYTE,
            peer=_median(found["reference"], "peak_bytes") / GIBIBYTE,
            peer_name="reference",
            at_least=1 / 0.6,
            lower_is_better=True,
        ),
        row(
            "what recompute costs: step, 124M, context 1,024",
            unit="tokens/s",
            ours=small["tokens_per_second"],
            peer=_median(found["ours"], "tokens_per_second"),
            peer_name="ours without",
            at_least=_RECOMPUTE_SPEED,
        ),
    ]


def _take_turns(
    shape: str, batches: Mapping[str, int], *, steps: int, slow_steps: int, repeats: int, work: Path
) -> Found:
    """Run every side `repeats` times, in turns, so that noise of the machine meets them all.

    slow_steps: of those in float32, which compile nothing and would take most of the time.
    """
    found: Found = {side: [] for side in [*batches, "peak"]}
    for _ in range(repeats):
        for side, batch_size in {**batches, "peak": 0}.items():
            count = slow_steps if side in _SLOW else steps
            found[side].append(measure(side, shape, batch_size=batch_size, steps=count, work=work))
    return found


def _median(runs: Sequence[Mapping[str, float]], key: str) -> float:
    values = sorted(run[key] for run in runs)
    return values[len(values) // 2]


def _step_rows(name: str, shape: str, found: Found, *, book: float) -> list[Row]:
    """Ours against every peer, and against what the machine's matrix products allow."""
    ours = _median(found["ours"], "tokens_per_second")
    bars = {
        "book": ("the book's float32, eager", book),
        "reference": ("reference: bfloat16, fused, compiled", 1.15),
        "transformers": (f"transformers {version('transformers')}, float32, eager", 1.0),
    }
    rows = [
        row(
            f"step, {name}: against {side}",
            unit="tokens/s",
            ours=ours,
            peer=_median(found[side], "tokens_per_second"),
            peer_name=peer_name,
            at_least=at_least,
        )
        for side, (peer_name, at_least) in bars.items()
        if side in found
    ]
    rows.append(
        row(
            f"step, {name}: share of the matrix peak (an aim)",
            unit="GFLOP/s",
            ours=ours * flops_per_token(SHAPES[shape]) / _GIGA,
            peer=_median(found["peak"], "flops") / _GIGA,
            peer_name="square bfloat16 products",
            at_least=_AIM_OF_PEAK,
        )
    )
    return rows


# In the order in which they run.
MEASUREMENTS: dict[str, driver.Measurement] = {
    "start-up": lambda work, _: start_up.rows(work),
    "step-small": lambda work, _: _small(work),
    "step-256": lambda work, _: _short(work),
    "step-1024": lambda work, _: _long(work),
    "checkpoints": lambda *_: checkpointing.rows(),
    "decoding": lambda *_: decoding.rows(),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements asked for, one after the other; return the exit code."""
    options = driver.parser(
        "python -m benchmarks.train",
        description=__doc__,
        measurements=MEASUREMENTS,
        results="train.json",
    )
    return driver.run(options, MEASUREMENTS, arguments)


if __name__ == "__main__":
    sys.exit(main())
