"""The contract of token ids: inside the vocabulary, one end per document, splits apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    duplicates,
    each,
    joined,
    not_null,
    shared,
)

SUITE = "tokens"
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
    splits: Mapping[str, Iterable[pa.RecordBatch]],
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
    facts: dict[str, int | float] = {}
    ids: dict[str, list[pa.Array]] = {split: [] for split in splits}
    clusters: dict[str, list[pa.Array]] = {split: [] for split in splits}
    for split, batches in splits.items():
        documents = tokens = n_bytes = 0
        for batch in batches:
            row = _row(split, batch, end_of_text)
            survey.add(row)
            ids[split].append(row.column("id"))
            clusters[split].append(row.column("cluster"))
            documents += len(row)
            tokens += pc.sum(row.column("tokens")).as_py() or 0
            n_bytes += pc.sum(row.column("n_bytes")).as_py() or 0
        manifest = manifests[split]
        facts[f"{split}_tokens"] = tokens
        facts[f"{split}_documents"] = documents
        facts[f"{split}_differences_from_manifest"] = sum(
            manifest[name] != count
            for name, count in (("documents", documents), ("tokens", tokens), ("bytes", n_bytes))
        )
    split_ids = {split: joined(parts) for split, parts in ids.items()}
    facts["duplicate_ids"] = sum(duplicates(values) for values in split_ids.values())
    facts["ids_in_two_splits"] = shared(split_ids.values())
    facts["clusters_in_two_splits"] = shared(joined(parts) for parts in clusters.values())
    return Contract(
        suite=SUITE,
        facts={**facts, **survey.faults},
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
            at_most("duplicate_ids", 0, "no document stands twice in a split"),
            at_most("ids_in_two_splits", 0, "no document stands in two splits"),
            at_most("clusters_in_two_splits", 0, "no near-duplicates stand in two splits"),
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
