"""Measure the data side against other projects, print the table, write results/data.json.

make bench-data
.venv/bin/python -m benchmarks.data --only cleaning-14 --only loading
.venv/bin/python -m benchmarks.data --list
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks import (
    cleaning,
    driver,
    duplicates,
    editions,
    growth,
    loading,
    second_run,
    tokenizing,
)

_TOKENIZE_MEGABYTES = 140.0

# In the order in which they run. Each names the rows it gives in its own file.
MEASUREMENTS: dict[str, driver.Measurement] = {
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
    options = driver.parser(
        "python -m benchmarks.data",
        description=__doc__,
        measurements=MEASUREMENTS,
        results="data.json",
    )
    options.add_argument(
        "--megabytes", type=float, default=1000.0, help="size of the large corpus of growth"
    )
    options.add_argument(
        "--repeats", type=int, default=3, help="runs of each side, of which the median counts"
    )
    return driver.run(options, MEASUREMENTS, arguments)


if __name__ == "__main__":
    sys.exit(main())
