"""The contract of labelled messages: two classes in balance, no text or near-duplicate shared."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import (
    Contract,
    at_least,
    between,
    each,
    make_contract,
    not_null,
)
from llm.validation.reading import columns, files_of, survey_files
from llm.validation.repeats import apart
from llm.validation.survey import filled, one_of, shown, total

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
    survey, kept = survey_files(
        _CHECKS,
        files_of(directory, SPLITS, made_by=MADE_BY),
        COLUMNS,
        made_by=MADE_BY,
        row=_row,
        keep=columns("id", "label", "cluster"),
    )
    rows = {split: len(ids.values) for split, ids in kept["id"].items()}
    positive = {split: _positive(labels.values) for split, labels in kept["label"].items()}
    return make_contract(
        suite=SUITE,
        facts={
            "rows": survey.seen,
            **{f"{split}_rows": count for split, count in rows.items()},
            **{
                f"{split}_positive_fraction": round(positive[split] / max(1, rows[split]), 6)
                for split in SPLITS
            },
        },
        rules=[
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
        ],
        faults=[*apart("message", kept["id"], kept["cluster"]), *survey.faults()],
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
    filled("missing_ids", "id", "every message has an id"),
    filled("empty_texts", "text", "no text is empty"),
    one_of("unknown_labels", "label", (0, 1), "every label is 0 or 1"),
    filled("missing_clusters", "cluster", "every message belongs to a cluster of near-duplicates"),
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
