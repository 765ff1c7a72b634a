"""Whether time per MB and memory stay what they are when the corpus grows a hundredfold."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.corpora import write_many_stories
from benchmarks.house import House, folder_bytes
from benchmarks.measure import GIBIBYTE, MEGABYTE, Row, row

SMALL_MEGABYTES = 10.0
MEMORY_BYTES = 2 * GIBIBYTE
_STAGES = ("clean", "dedupe")


def rows(work: Path, *, megabytes: float) -> list[Row]:
    """Two rows: MB/s at `megabytes` of synthetic stories over MB/s at 10 MB, and the most memory
    that all processes of a stage held together.

    Seconds are those of the stages' own work, without the interpreter's start, which would make
    the small corpus look slow.
    """
    small_rate, _ = _measure(work, SMALL_MEGABYTES)
    large_rate, peak = _measure(work, megabytes)
    return [
        row(
            f"growth: clean + dedupe at {megabytes:g} MB of stories",
            unit="MB/s",
            ours=large_rate,
            peer=small_rate,
            peer_name=f"the same at {SMALL_MEGABYTES:g} MB",
            at_least=round(1 / 1.3, 2),
        ),
        row(
            f"growth: peak memory of clean and dedupe at {megabytes:g} MB, all processes",
            unit="GiB",
            ours=peak / GIBIBYTE,
            peer=MEMORY_BYTES / GIBIBYTE,
            peer_name="the limit",
            at_least=1.0,
            lower_is_better=True,
        ),
    ]


def _measure(work: Path, megabytes: float) -> tuple[float, int]:
    corpus = work / "corpora" / f"stories-{megabytes:g}"
    if not corpus.exists():
        write_many_stories(corpus, megabytes)
    house = House(work / "growth")
    house.fill(corpus)
    peak = house.run(*_STAGES).peak_bytes
    seconds = sum(house.timings(stage)["seconds"] for stage in _STAGES)
    shutil.rmtree(house.folder)  # a second gigabyte is not needed any more
    return folder_bytes(corpus) / MEGABYTE / seconds, peak
