"""The contract of splits: two sides that share no text and no cluster, each of its size.

A long document may stand on both sides in parts. Its parts' clusters carry a number
(`<id>#<number>`), so a shared cluster is a fault in either case; and so is a document that stands
somewhere whole and somewhere in parts, for a part repeats the whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import (
    Check,
    Contract,
    Rule,
    at_least,
    at_most,
    between,
    each,
    filled,
    joined,
    not_null,
    shown,
    total,
)
from llm.validation.reading import apart, columns, parts_of, survey_files

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
    sizes = {split: total(values) for split, values in kept["characters"].items()}
    separate = apart("document", kept["id"], kept["cluster"])
    whole = max(1, sum(sizes.values()))
    return Contract(
        suite=SUITE,
        facts={
            **{f"{split}_documents": len(ids) for split, ids in kept["id"].items()},
            **{f"{split}_fraction": round(size / whole, 6) for split, size in sizes.items()},
            **separate.facts,
            "documents_whole_and_in_parts": _whole_and_in_parts(
                joined(kept["cluster"].values()).drop_null()
            ),
            **survey.faults,
        },
        fact_rules=[
            *_size_rules(directories, minimum_fraction, maximum_fraction),
            *separate.rules,
            at_most(
                "documents_whole_and_in_parts", 0, "no document stands both whole and in parts"
            ),
            *(check.rule() for check in _CHECKS),
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


def _whole_and_in_parts(clusters: pa.Array) -> int:
    """How many documents' clusters stand both without a part's number and with one."""
    names = clusters.unique()
    parts = names.filter(pc.match_substring(names, _PART))
    documents = pc.replace_substring_regex(parts, f"{_PART}.*$", "").unique()
    return int(pc.sum(pc.is_in(documents, names)).as_py() or 0)


_CHECKS = [
    filled("empty_texts", "text", "no text is empty"),
    filled("missing_clusters", "cluster", "every document belongs to a cluster of near-duplicates"),
    Check(  # so that no two ids stand for one text
        fact="ids_of_other_texts",
        mask=lambda row: pc.not_equal(row.column("id"), row.column("hash")),
        meaning="every id is the hash of its text",
    ),
]


def _characters(batch: pa.RecordBatch) -> pa.Array:
    return pc.fill_null(pc.utf8_length(batch["text"]).cast(pa.int64()), 0)


def _hash(text: str | None) -> str | None:
    """The id of a text, as llm.corpus.documents defines it; counted anew here, as a check must."""
    return None if text is None else hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def _row(split: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    texts = batch.column("text")
    made = {
        "split": pa.array([split] * len(batch), pa.string()),
        **{name: batch.column(name) for name in ("id", "source", "cluster", "raw_id")},
        "characters": pc.utf8_length(texts).cast(pa.int64()),
        "hash": pa.array([_hash(text) for text in texts.to_pylist()], pa.string()),
        "text": shown(texts),
    }
    return pa.record_batch([made[name] for name in ROW.names], schema=ROW)
