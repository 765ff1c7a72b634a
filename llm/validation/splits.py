"""The contract of splits: two sides that share no text and no cluster, each of its size.

A long document may stand on both sides in parts. Its parts' clusters carry a number
(`<id>#<number>`), so a shared cluster is a fault in either case; and so is a document that stands
somewhere whole and somewhere in parts, for a part repeats the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import (
    Contract,
    Fault,
    Rule,
    at_least,
    between,
    each,
    make_contract,
    not_null,
)
from llm.validation.reading import columns, parts_of, survey_files
from llm.validation.repeats import Column, apart, end_to_end, shared
from llm.validation.survey import Check, content_ids, filled, shown, total

SUITE = "splits"
MADE_BY = "split"
_STRINGS = ("id", "text", "source", "cluster", "raw_id")
COLUMNS = pa.schema([(name, pa.string()) for name in _STRINGS])
# One row per document, as the checks and the sample see it.
ROW = pa.schema(
    [
        ("split", pa.string()),
        *((name, pa.string()) for name in ("id", "source", "cluster", "raw_id")),
        ("characters", pa.int64()),
        ("hash", pa.string()),  # the id that the text has by its content
        ("text", pa.string()),  # its first characters
    ]
)
_PART = "#"


def splits_contract(
    directories: Mapping[str, Path],
    *,
    minimum_fraction: Mapping[str, float],
    maximum_fraction: Mapping[str, float],
) -> Contract:
    """Measure both sides, every row, and say what is expected of them.

    directories: by split. minimum_fraction, maximum_fraction: bounds of a split's share of all
    characters, by split. Raises InputError where a file is missing or broken.
    """
    survey, kept = survey_files(
        _CHECKS,
        {split: parts_of(folder, made_by=MADE_BY) for split, folder in directories.items()},
        COLUMNS,
        made_by=MADE_BY,
        row=_row,
        keep={**columns("id", "cluster"), "characters": _characters},
    )
    sizes = {split: total(column.values) for split, column in kept["characters"].items()}
    whole = max(1, sum(sizes.values()))
    return make_contract(
        suite=SUITE,
        facts={
            **{f"{split}_documents": len(ids.values) for split, ids in kept["id"].items()},
            **{f"{split}_fraction": round(size / whole, 6) for split, size in sizes.items()},
        },
        rules=_size_rules(directories, minimum_fraction, maximum_fraction),
        faults=[
            *apart("document", kept["id"], kept["cluster"]),
            _whole_and_in_parts(kept["cluster"].values()),
            *survey.faults(),
        ],
        sample=survey.sample(ROW),
        sample_rules=[
            *(not_null(name) for name in ("id", "text", "source", "cluster")),
            each("characters", "be_between", "no text is empty", min_value=1),
        ],
    )


def _size_rules(
    splits: Mapping[str, Path],
    minimum_fraction: Mapping[str, float],
    maximum_fraction: Mapping[str, float],
) -> list[Rule]:
    return [
        *(at_least(f"{split}_documents", 1, f"the split {split} is not empty") for split in splits),
        *(
            between(
                f"{split}_fraction",
                minimum_fraction.get(split),
                maximum_fraction.get(split),
                f"the split {split} has its share of all characters",
            )
            for split in sorted({*minimum_fraction, *maximum_fraction})
        ),
    ]


def _whole_and_in_parts(clusters: Iterable[Column]) -> Fault:
    """The fault that a document's cluster stands both without a part's number and with one."""
    every = end_to_end(clusters)
    in_parts = pc.match_substring(every.values, _PART)
    documents = pc.replace_substring_regex(every.values, f"{_PART}.*$", "")
    nothing = pa.nulls(len(documents), documents.type)
    return shared(
        "documents_whole_and_in_parts",
        [
            replace(every, values=pc.if_else(in_parts, nothing, documents)),
            replace(every, values=pc.if_else(in_parts, documents, nothing)),
        ],
        "no document stands both whole and in parts",
    )


_CHECKS = [
    filled("empty_texts", "text", "no text is empty"),
    filled("missing_clusters", "cluster", "every document belongs to a cluster of near-duplicates"),
    Check(  # so that no two ids stand for one text
        fact="ids_of_other_texts",
        column="id",
        mask=lambda row: pc.not_equal(row.column("id"), row.column("hash")),
        meaning="every id is the hash of its text",
    ),
]


def _characters(batch: pa.RecordBatch) -> pa.Array:
    return pc.fill_null(pc.utf8_length(batch["text"]).cast(pa.int64()), 0)


def _row(split: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    texts = batch.column("text")
    made = {
        "split": pa.array([split] * len(batch), pa.string()),
        **{name: batch.column(name) for name in ("id", "source", "cluster", "raw_id")},
        "characters": pc.utf8_length(texts).cast(pa.int64()),
        "hash": content_ids(texts),
        "text": shown(texts),
    }
    return pa.record_batch([made[name] for name in ROW.names], schema=ROW)
