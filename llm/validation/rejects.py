"""The contract of rejects: each has a reason and an origin, and no reason drops too much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import (
    Case,
    Contract,
    Fault,
    Rule,
    at_most,
    each,
    make_contract,
    not_null,
)
from llm.validation.reading import parts_of, survey_files
from llm.validation.survey import Check, filled, one_of, shown

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
    reasons: Counter[str] = Counter()

    def row(_: str, batch: pa.RecordBatch) -> pa.RecordBatch:
        for pair in pc.value_counts(batch.column("reason")).to_pylist():
            reasons[str(pair["values"])] += pair["counts"]
        return batch.set_column(3, COLUMNS.field("text"), shown(batch.column("text")))

    survey, _ = survey_files(
        _checks(known),
        {"all": parts_of(directory, made_by=MADE_BY)},
        COLUMNS,
        made_by=MADE_BY,
        row=row,
        keep={},
    )
    read = max(1, documents_in)
    return make_contract(
        suite=SUITE,
        facts={
            "dropped_fraction": round(1 - documents_kept / read, 6) if documents_in else 0.0,
            **{
                _fraction(reason): round(reasons[reason] / read, 6)
                for reason in sorted({*reasons, *maximum_reason_fraction})
            },
        },
        rules=[
            at_most("dropped_fraction", maximum_dropped_fraction, "cleaning did not drop too much"),
            *_reason_rules(maximum_reason_fraction),
        ],
        faults=[_differences(directory, reasons, dropped), *survey.faults()],
        sample=survey.sample(COLUMNS),
        sample_rules=[
            *(not_null(name) for name in ("raw_id", "source", "reason")),
            each("reason", "be_in_set", "every reason is known", value_set=sorted(known)),
        ],
        statistics={"cleaning": {"kept": documents_kept, **dict(sorted(reasons.items()))}},
    )


def _differences(directory: Path, reasons: Mapping[str, int], dropped: Mapping[str, int]) -> Fault:
    """The fault that the rejects are not as many as cleaning counted, by reason."""
    found = {
        why: (reasons.get(why, 0), dropped.get(why, 0)) for why in sorted({*reasons, *dropped})
    }
    cases = [
        Case(where=str(directory), found=f"{why}: {rejects:,} rejects, {counted:,} counted")
        for why, (rejects, counted) in found.items()
        if rejects != counted
    ]
    return Fault(
        fact="differences_from_cleaning",
        count=len(cases),
        meaning="each reason has as many rejects as the stage clean counted",
        cases=cases,
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
