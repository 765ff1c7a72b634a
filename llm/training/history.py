"""What a training leaves behind besides weights: one row per evaluation, and samples of text."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm.files import write_text

NOT_FINITE = "not finite"
COLUMNS = ("step", "epoch", "tokens", "train_loss", "validation_loss", "learning_rate")


@dataclass
class History:
    """The course of one training; free of times, so that equal runs have equal histories.

    steps: finished updates. tokens: positions that went through the model, padding included.
    rows: one dictionary per evaluation, the first at step 0, with COLUMNS and whatever else the
    task measures; train_loss is the mean over the targets since the row before, None at step 0.
    samples: {"step", "text"} of each text the model wrote. incidents: one dictionary per step out
    of the ordinary, as `incidents.Watch` makes them.
    """

    steps: int = 0
    tokens: int = 0
    rows: list[dict[str, Any]] = field(default_factory=list)
    samples: list[dict[str, Any]] = field(default_factory=list)
    incidents: list[dict[str, Any]] = field(default_factory=list)

    @property
    def last(self) -> dict[str, Any]:
        """The row of the latest evaluation."""
        return self.rows[-1]

    @property
    def nonfinite_steps(self) -> int:
        """Steps that were skipped, their loss or gradient being no number."""
        return sum(incident["kind"] == NOT_FINITE for incident in self.incidents)

    def incident_metrics(self) -> dict[str, Any]:
        """How many steps were out of the ordinary, and which, for the metrics of a stage."""
        skipped = self.nonfinite_steps
        return {
            "nonfinite_steps": skipped,
            "spikes": len(self.incidents) - skipped,
            "incidents": self.incidents,
        }

    def write_csv(self, path: Path) -> None:
        """Write the rows as CSV (RFC 4180): floats to six digits, None as an empty field."""
        more = sorted({name for row in self.rows for name in row} - set(COLUMNS))
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*COLUMNS, *more])
        for row in self.rows:
            writer.writerow([_cell(row.get(name)) for name in (*COLUMNS, *more)])
        write_text(path, stream.getvalue())


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return format(value, ".6g") if isinstance(value, float) else str(value)
