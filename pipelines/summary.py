"""The last lines of a pipeline run: what ran, where the report is, how to open the pages."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

REPORT = Path("data/reports/report.html")


class Outcome(Protocol):
    """What there is to say about one stage."""

    @property
    def stage(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def reason(self) -> str: ...


def print_outcomes(outcomes: Sequence[Outcome], *, root: Path) -> None:
    """Print a table of stages, the reason of each failure, and where to look next."""
    width = max(len(outcome.stage) for outcome in outcomes)
    print()
    for outcome in outcomes:
        seconds = f"{outcome.seconds:8.1f} s" if outcome.state != "not started" else ""
        print(f"  {outcome.stage:<{width}}  {outcome.state:<11}  {seconds}".rstrip())
    for outcome in outcomes:
        if outcome.reason:
            print(f"\n{outcome.stage} failed:\n{outcome.reason}", file=sys.stderr)
    if all(outcome.state in ("ran", "cached") for outcome in outcomes):
        print_where(root)


def print_where(root: Path) -> None:
    """Print where the report is and how to open the pages of MLflow and Prefect."""
    report = root / REPORT
    if report.is_file():
        print(f"\nReport:   {report}")
    print("Numbers:  make metrics")
    print("Pages of MLflow and Prefect: make ui")
