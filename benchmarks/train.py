"""Measure training and decoding against other projects, print the table, write results/train.json.

make bench-train
.venv/bin/python -m benchmarks.train --only step-small --only start-up
.venv/bin/python -m benchmarks.train --list
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import checkpointing, decoding, start_up
from benchmarks.house import ROOT
from benchmarks.measure import GIBIBYTE, Row, machine, row, table, version, write_results
from benchmarks.train_step import SHAPES, measure
from llm.errors import PipelineError
from llm.planning import flops_per_token
from llm.runtime import silence_telemetry

RESULTS = ROOT / "benchmarks" / "results" / "train.json"
WORK = ROOT / "data" / "bench"
_GIGA = 1e9
_AIM_OF_PEAK = 0.7
_RECOMPUTE_SPEED = 0.7  # a fourth forward pass to three passes' work, and some

Found = dict[str, list[Mapping[str, float]]]  # by side, one per repetition
Measurement = Callable[[Path], list[Row]]


def _small(work: Path) -> list[Row]:
    batches = {"ours": 16, "reference": 16, "transformers": 16, "book": 16}
    found = _take_turns("small", batches, steps=12, repeats=2, work=work)
    return _step_rows("4 layers × 256, vocabulary 4,096", "small", found, book=8.0)


def _short(work: Path) -> list[Row]:
    batches = {"ours": 16, "reference": 16, "transformers": 8, "book": 8}
    found = _take_turns("124M-256", batches, steps=3, repeats=1, work=work)
    return _step_rows("124M, context 256", "124M-256", found, book=3.5)


def _long(work: Path) -> list[Row]:
    # Eight texts on both sides, for memory too.
    batches = {"ours": 8, "reference": 8, "book": 2}
    found = _take_turns("124M-1024", batches, steps=3, repeats=1, work=work)
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
    shape: str, batches: Mapping[str, int], *, steps: int, repeats: int, work: Path
) -> Found:
    """Run every side `repeats` times, in turns, so that noise of the machine meets them all."""
    found: Found = {side: [] for side in [*batches, "peak"]}
    for _ in range(repeats):
        for side, batch_size in {**batches, "peak": 0}.items():
            found[side].append(measure(side, shape, batch_size=batch_size, steps=steps, work=work))
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
MEASUREMENTS: dict[str, Measurement] = {
    "start-up": start_up.rows,
    "step-small": _small,
    "step-256": _short,
    "step-1024": _long,
    "checkpoints": lambda _: checkpointing.rows(),
    "decoding": lambda _: decoding.rows(),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements asked for, one after the other; return the exit code."""
    silence_telemetry()
    options = _parser().parse_args(arguments)
    if options.list:
        print("\n".join(MEASUREMENTS))
        return 0
    work = options.work.resolve()  # absolute: stages run in folders of their own
    rows: list[Row] = []
    print(machine(), flush=True)
    for name in options.only or MEASUREMENTS:
        began = time.perf_counter()
        try:
            found = MEASUREMENTS[name](work)
        except PipelineError as error:
            print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
            return error.exit_code
        spent = time.perf_counter() - began
        print(f"{name}: {len(found)} rows in {spent:.0f} s", flush=True)
        write_results(options.results, found)  # at once: an interrupted run keeps them
        rows += found
    print()
    print(table(rows))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.train",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=tuple(MEASUREMENTS),
        metavar="NAME",
        help="run this one; may be given several times (names: --list)",
    )
    parser.add_argument("--list", action="store_true", help="print the names, and end")
    parser.add_argument("--work", type=Path, default=WORK, help="folder for compiled code and runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the JSON goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
