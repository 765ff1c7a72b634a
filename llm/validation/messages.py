"""The contract of labelled messages: two classes in balance, no text or near-duplicate shared."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import (
    Check,
    Contract,
    Survey,
    at_least,
    between,
    each,
    is_blank,
    not_null,
    shown,
    total,
)
from llm.validation.reading import apart, columns, read_columns, row_count, survey_splits

SUITE = "messages"
MADE_BY = "prepare_classification"
SPLITS = ("train", "validation", "test")
COLUMNS = pa.schema(
    [("id", pa.string()), ("text", pa.string()), ("label", pa.int8()), ("cluster", pa.string())]
)
# One row per message, as the checks and the sample see it.
ROW = pa.schema(
    [
        ("split", pa.string()),
        ("id", pa.string()),
        ("label", pa.int8()),
        ("cluster", pa.string()),
        ("characters", pa.int64()),
        ("text", pa.string()),  # its first characters
    ]
)


def messages_contract(
    directory: Path,
    *,
    minimum_rows: int,
    minimum_positive_fraction: float,
    maximum_positive_fraction: float,
) -> Contract:
    """Measure the messages of every split, every row, and say what is expected of them.

    The bounds of the positive class hold in every split. Raises InputError where a file is
    missing or broken.
    """
    paths = {split: directory / f"{split}.parquet" for split in SPLITS}
    survey = Survey(_CHECKS, rows=row_count(paths.values(), made_by=MADE_BY))
    kept = survey_splits(
        survey,
        {split: read_columns(path, COLUMNS, made_by=MADE_BY) for split, path in paths.items()},
        row=_row,
        keep=columns("id", "label", "cluster"),
    )
    rows = {split: len(ids) for split, ids in kept["id"].items()}
    positive = {split: _positive(labels) for split, labels in kept["label"].items()}
    separate = apart("message", kept["id"], kept["cluster"])
    return Contract(
        suite=SUITE,
        facts={
            "rows": survey.seen,
            **{f"{split}_rows": count for split, count in rows.items()},
            **{
                f"{split}_positive_fraction": round(positive[split] / max(1, rows[split]), 6)
                for split in SPLITS
            },
            **separate.facts,
            **survey.faults,
        },
        fact_rules=[
            at_least("rows", minimum_rows, "there are enough messages"),
            *(at_least(f"{split}_rows", 1, f"the split {split} is not empty") for split in SPLITS),
            *(
                between(
                    f"{split}_positive_fraction",
                    minimum_positive_fraction,
                    maximum_positive_fraction,
                    f"the classes of {split} are in balance",
                )
                for split in SPLITS
            ),
            *separate.rules,
            *(check.rule() for check in _CHECKS),
        ],
        sample=survey.sample(ROW),
        sample_rules=[
            *(not_null(name) for name in ("id", "text", "label", "cluster")),
            each("label", "be_in_set", "a label is 0 or 1", value_set=[0, 1]),
            each("characters", "be_between", "no text is empty", min_value=1),
        ],
        statistics={
            "labels": {
                "positive": sum(positive.values()),
                "negative": survey.seen - sum(positive.values()),
            }
        },
    )


_CHECKS = [
    Check(
        fact="missing_ids",
        mask=lambda row: is_blank(row.column("id")),
        meaning="every message has an id",
    ),
    Check(
        fact="empty_texts",
        mask=lambda row: is_blank(row.column("text")),
        meaning="no text is empty",
    ),
    Check(
        fact="unknown_labels",
        mask=lambda row: pc.invert(pc.is_in(row.column("label"), pa.array([0, 1], pa.int8()))),
        meaning="every label is 0 or 1",
    ),
    Check(
        fact="missing_clusters",
        mask=lambda row: is_blank(row.column("cluster")),
        meaning="every message belongs to a cluster of near-duplicates",
    ),
]


def _row(split: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    texts = batch.column("text")
    columns = {
        "split": pa.array([split] * len(batch), pa.string()),
        **{name: batch.column(name) for name in ("id", "label", "cluster")},
        "characters": pc.utf8_length(texts).cast(pa.int64()),
        "text": shown(texts),
    }
    return pa.record_batch([columns[name] for name in ROW.names], schema=ROW)


def _positive(labels: pa.Array) -> int:
    return total(pc.equal(labels.cast(pa.int8()), 1))
