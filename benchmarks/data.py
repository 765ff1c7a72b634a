"""Measure the data side against other projects, print the table, write results/data.json.

make bench-data
.venv/bin/python -m benchmarks.data --only cleaning-14 --only loading
.venv/bin/python -m benchmarks.data --list
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import (
    cleaning,
    duplicates,
    editions,
    growth,
    loading,
    second_run,
    tokenizing,
)
from benchmarks.house import ROOT
from benchmarks.measure import Row, machine, table, write_results
from llm.errors import PipelineError
from llm.runtime import silence_telemetry

RESULTS = ROOT / "benchmarks" / "results" / "data.json"
WORK = ROOT / "data" / "bench"
_TOKENIZE_MEGABYTES = 140.0

Measurement = Callable[[Path, argparse.Namespace], list[Row]]

# In the order in which they run. Each names the rows it gives in its own file.
MEASUREMENTS: dict[str, Measurement] = {
    "editions": lambda work, _: editions.rows(work),
    "duplicates": lambda work, _: duplicates.rows(work),
    "loading": lambda work, options: loading.rows(work, repeats=options.repeats),
    "cleaning-14": lambda work, options: cleaning.rows(
        work, megabytes=14.0, repeats=options.repeats
    ),
    "cleaning-140": lambda work, options: cleaning.rows(
        work, megabytes=140.0, repeats=options.repeats
    ),
    "tokenizing": lambda work, options: tokenizing.rows(
        work, megabytes=min(_TOKENIZE_MEGABYTES, options.megabytes), repeats=options.repeats
    ),
    "second-run": lambda work, _: second_run.rows(work),
    "growth": lambda work, options: growth.rows(work, megabytes=options.megabytes),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the measurements asked for, one after the other; return the exit code."""
    silence_telemetry()
    options = _parser().parse_args(arguments)
    if options.list:
        print("\n".join(MEASUREMENTS))
        return 0
    # Absolute: stages run in folders of their own.
    work = options.work.resolve()
    rows: list[Row] = []
    print(machine(), flush=True)
    for name in options.only or MEASUREMENTS:
        began = time.perf_counter()
        try:
            found = MEASUREMENTS[name](work, options)
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
        prog="python -m benchmarks.data",
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
    parser.add_argument(
        "--megabytes", type=float, default=1000.0, help="size of the large corpus of growth"
    )
    parser.add_argument(
        "--repeats", type=int, default=3, help="runs of each side, of which the median counts"
    )
    parser.add_argument("--work", type=Path, default=WORK, help="folder for corpora and runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the JSON goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
