"""The contract of token ids: inside the vocabulary, one end per document, splits apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import (
    Check,
    Contract,
    Survey,
    at_least,
    at_most,
    each,
    not_null,
    total,
)
from llm.validation.reading import Batches, apart, columns, survey_splits

SUITE = "tokens"
TRAIN = "train"  # the split whose statistics are watched
# One row per document, as the checks and the sample see it.
ROW = pa.schema(
    [
        ("split", pa.string()),
        ("id", pa.string()),
        ("source", pa.string()),
        ("cluster", pa.string()),
        ("n_bytes", pa.int64()),
        ("tokens", pa.int64()),  # ids, the end of text included
        ("largest_id", pa.int64()),
        ("last_id", pa.int64()),
        ("ends_of_text", pa.int64()),
    ]
)


def tokens_contract(
    splits: Mapping[str, Batches],
    *,
    manifests: Mapping[str, Mapping[str, Any]],
    vocab_size: int,
    end_of_text: int,
    minimum_tokens: Mapping[str, int],
) -> Contract:
    """Measure the shards of every split, every row, and say what is expected of them.

    splits: split → batches with the columns id, source, cluster, n_bytes and token_ids.
    manifests, minimum_tokens: per split. vocab_size, end_of_text: the tokenizer's.
    """
    checks = _checks(vocab_size, end_of_text)
    survey = Survey(checks, rows=sum(manifests[split]["documents"] for split in splits))
    used = np.zeros(vocab_size, dtype=bool)  # ids that stand in the split train

    def row(split: str, batch: pa.RecordBatch) -> pa.RecordBatch:
        if split == TRAIN:
            ids = batch.column("token_ids").flatten().to_numpy()
            used[ids[ids < vocab_size]] = True
        return _row(split, batch, end_of_text)

    kept = survey_splits(
        survey,
        splits,
        row=row,
        keep={**columns("id", "cluster", "n_bytes"), "tokens": _lengths},
    )
    counts = {
        split: {
            "documents": len(kept["id"][split]),
            "tokens": total(kept["tokens"][split]),
            "bytes": total(kept["n_bytes"][split]),
        }
        for split in splits
    }
    separate = apart("document", kept["id"], kept["cluster"])
    facts: dict[str, int | float] = {}
    for split, found in counts.items():
        facts[f"{split}_tokens"] = found["tokens"]
        facts[f"{split}_documents"] = found["documents"]
        facts[f"{split}_differences_from_manifest"] = sum(
            manifests[split][name] != count for name, count in found.items()
        )
    return Contract(
        suite=SUITE,
        facts={**facts, **separate.facts, **survey.faults},
        fact_rules=[
            *(
                at_least(f"{split}_tokens", minimum, f"the split {split} has enough tokens")
                for split, minimum in minimum_tokens.items()
            ),
            *(
                at_most(
                    f"{split}_differences_from_manifest",
                    0,
                    f"documents, tokens and bytes of {split} are those of its manifest",
                )
                for split in splits
            ),
            *separate.rules,
            *(check.rule() for check in checks),
        ],
        sample=survey.sample(ROW),
        sample_rules=[
            *(not_null(name) for name in ("id", "source", "cluster")),
            each(
                "largest_id",
                "be_between",
                "every token id is in the vocabulary",
                min_value=0,
                max_value=vocab_size - 1,
            ),
            each(
                "last_id",
                "be_in_set",
                "every document ends with the end of text",
                value_set=[end_of_text],
            ),
            each("ends_of_text", "be_in_set", "every document ends once", value_set=[1]),
        ],
        statistics={
            "tokens_per_document": _per_document(counts[TRAIN]),
            "vocabulary_used_fraction": round(float(np.mean(used)), 6),
        },
    )


def _checks(vocab_size: int, end_of_text: int) -> list[Check]:
    return [
        Check(
            fact="documents_outside_vocabulary",
            mask=lambda row: pc.greater_equal(row.column("largest_id"), vocab_size),
            meaning=f"every token id is below {vocab_size:,}",
        ),
        Check(
            fact="documents_without_end",
            mask=lambda row: pc.not_equal(row.column("last_id"), end_of_text),
            meaning="every document ends with the end of text",
        ),
        Check(
            fact="documents_with_inner_end",
            mask=lambda row: pc.greater(row.column("ends_of_text"), 1),
            meaning="no document holds the end of text before its end",
        ),
        Check(
            fact="empty_documents",
            mask=lambda row: pc.or_(
                pc.less(row.column("tokens"), 2), pc.less(row.column("n_bytes"), 1)
            ),
            meaning="every document has a token besides its end",
        ),
    ]


def _lengths(batch: pa.RecordBatch) -> pa.Array:
    return pc.list_value_length(batch["token_ids"]).cast(pa.int64())


def _per_document(counts: Mapping[str, int]) -> float:
    return round(counts["tokens"] / counts["documents"], 2) if counts["documents"] else 0.0


def _row(split: str, batch: pa.RecordBatch, end_of_text: int) -> pa.RecordBatch:
    lists = batch.column("token_ids")
    values = lists.flatten().to_numpy()
    lengths = lists.value_lengths().to_numpy().astype(np.int64)
    ends = np.cumsum(lengths)
    filled = lengths > 0
    starts = (ends - lengths)[filled]  # reduceat needs strictly growing positions
    largest = np.full(len(lengths), -1, dtype=np.int64)
    last = np.full(len(lengths), -1, dtype=np.int64)
    count = np.zeros(len(lengths), dtype=np.int64)
    if len(starts):
        largest[filled] = np.maximum.reduceat(values, starts)
        last[filled] = values[ends[filled] - 1]
        count[filled] = np.add.reduceat((values == end_of_text).astype(np.int64), starts)
    columns = {
        "split": pa.array([split] * len(batch), pa.string()),
        **{name: batch.column(name) for name in ("id", "source", "cluster", "n_bytes")},
        "tokens": pa.array(lengths),
        "largest_id": pa.array(largest),
        "last_id": pa.array(last),
        "ends_of_text": pa.array(count),
    }
    return pa.record_batch([columns[name] for name in ROW.names], schema=ROW)
