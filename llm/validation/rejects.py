"""The contract of rejects: each has a reason and an origin, and no reason drops too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import (
    Check,
    Contract,
    Rule,
    Survey,
    at_most,
    each,
    filled,
    not_null,
    one_of,
    shown,
)
from llm.validation.reading import parts_of, read_columns, row_count

SUITE = "rejects"
MADE_BY = "clean"
# One row per dropped record, as the checks and the sample see it.
COLUMNS = pa.schema([(name, pa.string()) for name in ("raw_id", "source", "reason", "text")])


def rejects_contract(
    directory: Path,
    *,
    documents_in: int,
    documents_kept: int,
    dropped: Mapping[str, int],
    known: Collection[str],
    maximum_dropped_fraction: float,
    maximum_reason_fraction: Mapping[str, float],
) -> Contract:
    """Measure the dropped records, every row, and say what is expected of them.

    documents_in, documents_kept, dropped: what the stage clean read, kept, and dropped for each
    reason. known: every reason there is. maximum_reason_fraction: limits by reason, as shares of
    what was read; a reason without one is bound by maximum_dropped_fraction alone. Raises
    InputError where a file is missing or broken.
    """
    checks = _checks(known)
    paths = parts_of(directory, made_by=MADE_BY)
    survey = Survey(checks, rows=row_count(paths, made_by=MADE_BY))
    reasons: Counter[str] = Counter()
    for batch in read_columns(paths, COLUMNS, made_by=MADE_BY):
        survey.add(batch.set_column(3, COLUMNS.field("text"), shown(batch.column("text"))))
        for pair in pc.value_counts(batch.column("reason")).to_pylist():
            reasons[str(pair["values"])] += pair["counts"]
    read = max(1, documents_in)
    names = sorted({*reasons, *dropped})
    return Contract(
        suite=SUITE,
        facts={
            "dropped_fraction": round(1 - documents_kept / read, 6) if documents_in else 0.0,
            **{
                _fraction(reason): round(reasons[reason] / read, 6)
                for reason in sorted({*reasons, *maximum_reason_fraction})
            },
            "differences_from_cleaning": sum(reasons[r] != dropped.get(r, 0) for r in names),
            **survey.faults,
        },
        fact_rules=[
            at_most("dropped_fraction", maximum_dropped_fraction, "cleaning did not drop too much"),
            *_reason_rules(maximum_reason_fraction),
            at_most(
                "differences_from_cleaning", 0, "each reason has as many rejects as were counted"
            ),
            *(check.rule() for check in checks),
        ],
        sample=survey.sample(COLUMNS),
        sample_rules=[
            *(not_null(name) for name in ("raw_id", "source", "reason")),
            each("reason", "be_in_set", "every reason is known", value_set=sorted(known)),
        ],
        statistics={"cleaning": {"kept": documents_kept, **dict(sorted(reasons.items()))}},
    )


def _fraction(reason: str) -> str:
    return f"dropped_fraction_{reason}"


def _reason_rules(limits: Mapping[str, float]) -> list[Rule]:
    return [
        at_most(
            _fraction(reason),
            limit,
            f"at most {100 * limit:.4g} % of what was read was dropped: {reason}",
        )
        for reason, limit in sorted(limits.items())
    ]


def _checks(known: Collection[str]) -> list[Check]:
    return [
        filled("missing_raw_ids", "raw_id", "every dropped record says where it came from"),
        filled("missing_sources", "source", "every dropped record has a source"),
        one_of(
            "unknown_reasons", "reason", known, "every dropped record has a reason that is known"
        ),
    ]
