"""What `benchmarks.data` and `benchmarks.train` share: options, running, the table and its file."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.house import ROOT
from benchmarks.measure import Row, machine, table, write_results
from llm.errors import PipelineError
from llm.runtime import silence_telemetry

# Rows, from a folder for what is made on the way, and the options of the command line.
Measurement = Callable[[Path, argparse.Namespace], list[Row]]


def parser(
    prog: str, *, description: str | None, measurements: Mapping[str, Measurement], results: str
) -> argparse.ArgumentParser:
    """The options of every driver. results: the name of the JSON file in benchmarks/results."""
    made = argparse.ArgumentParser(
        prog=prog, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--only",
        action="append",
        choices=tuple(measurements),
        metavar="NAME",
        help="run this one; may be given several times (names: --list)",
    )
    made.add_argument("--list", action="store_true", help="print the names, and end")
    made.add_argument(
        "--work", type=Path, default=ROOT / "data" / "bench", help="folder for all that is made"
    )
    made.add_argument(
        "--results",
        type=Path,
        default=ROOT / "benchmarks" / "results" / results,
        help="where the JSON goes",
    )
    return made


def run(
    made: argparse.ArgumentParser,
    measurements: Mapping[str, Measurement],
    arguments: Sequence[str] | None,
) -> int:
    """Run the measurements asked for, one after the other; return the exit code."""
    silence_telemetry()
    options = made.parse_args(arguments)
    if options.list:
        print("\n".join(measurements))
        return 0
    work = options.work.resolve()  # absolute: stages run in folders of their own
    rows: list[Row] = []
    print(machine(), flush=True)
    for name in options.only or measurements:
        began = time.perf_counter()
        try:
            found = measurements[name](work, options)
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
