"""The contract of token ids: inside the vocabulary, one end per document, splits apart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from llm.files import MANIFEST
from llm.validation.contract import (
    Case,
    Contract,
    Fault,
    at_least,
    each,
    make_contract,
    not_null,
)
from llm.validation.reading import columns, parts_of, survey_files
from llm.validation.repeats import apart
from llm.validation.survey import Check, filled, total

SUITE = "tokens"
MADE_BY = "tokenize"
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
        ("token_bytes", pa.int64()),  # bytes that they stand for
        ("largest_id", pa.int64()),
        ("last_id", pa.int64()),
        ("ends_of_text", pa.int64()),
    ]
)


def tokens_contract(
    directories: Mapping[str, Path],
    schema: pa.Schema,
    *,
    manifests: Mapping[str, Mapping[str, Any]],
    token_lengths: NDArray[np.int64],
    end_of_text: int,
    minimum_tokens: Mapping[str, int],
) -> Contract:
    """Measure the shards of every split, every row, and say what is expected of them.

    directories, manifests, minimum_tokens: by split. schema: of the shards; the columns id, source,
    cluster, n_bytes and token_ids. token_lengths, (vocab_size,): bytes of each token, of the end of
    text 0. Raises InputError where a file is missing or broken.
    """
    vocab_size = len(token_lengths)
    used = np.zeros(vocab_size, dtype=bool)  # ids that stand in the split train

    def row(split: str, batch: pa.RecordBatch) -> pa.RecordBatch:
        if split == TRAIN:
            ids = batch.column("token_ids").flatten().to_numpy()
            used[ids[ids < vocab_size]] = True
        return _row(split, batch, end_of_text, token_lengths)

    survey, kept = survey_files(
        _checks(vocab_size, end_of_text),
        {split: parts_of(folder, made_by=MADE_BY) for split, folder in directories.items()},
        schema,
        made_by=MADE_BY,
        row=row,
        keep={**columns("id", "cluster", "n_bytes"), "tokens": _lengths},
    )
    counts = {
        split: {
            "documents": len(kept["id"][split].values),
            "tokens": total(kept["tokens"][split].values),
            "bytes": total(kept["n_bytes"][split].values),
            "vocab_size": vocab_size,
        }
        for split in directories
    }
    return make_contract(
        suite=SUITE,
        facts={
            f"{split}_{name}": counts[split][name]
            for split in directories
            for name in ("tokens", "documents")
        },
        rules=[
            at_least(f"{split}_tokens", minimum, f"the split {split} has enough tokens")
            for split, minimum in minimum_tokens.items()
        ],
        faults=[
            *(
                _differences(split, directories[split], manifests[split], counts[split])
                for split in directories
            ),
            *apart("document", kept["id"], kept["cluster"]),
            *survey.faults(),
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


def _differences(
    split: str, directory: Path, manifest: Mapping[str, Any], counts: Mapping[str, int]
) -> Fault:
    """The fault that a manifest counts other than the shards hold."""
    cases = [
        Case(where=str(directory / MANIFEST), found=f"{name} {manifest[name]!r}, counted {count}")
        for name, count in counts.items()
        if manifest[name] != count
    ]
    return Fault(
        fact=f"{split}_differences_from_manifest",
        count=len(cases),
        meaning=f"documents, tokens, bytes and vocabulary of {split} are those of its manifest",
        cases=cases,
    )


def _checks(vocab_size: int, end_of_text: int) -> list[Check]:
    return [
        filled("missing_ids", "id", "every document has an id"),
        filled("missing_clusters", "cluster", "every document belongs to a cluster"),
        Check(
            fact="documents_outside_vocabulary",
            column="largest_id",
            mask=lambda row: pc.greater_equal(row.column("largest_id"), vocab_size),
            meaning=f"every token id is below {vocab_size:,}",
        ),
        Check(
            fact="documents_without_end",
            column="last_id",
            mask=lambda row: pc.not_equal(row.column("last_id"), end_of_text),
            meaning="every document ends with the end of text",
        ),
        Check(
            fact="documents_with_inner_end",
            column="ends_of_text",
            mask=lambda row: pc.greater(row.column("ends_of_text"), 1),
            meaning="no document holds the end of text before its end",
        ),
        Check(
            fact="empty_documents",
            column="tokens",
            mask=lambda row: pc.or_(
                pc.less(row.column("tokens"), 2), pc.less(row.column("n_bytes"), 1)
            ),
            meaning="every document has a token besides its end",
        ),
        Check(
            fact="documents_of_other_bytes",
            column="token_bytes",
            mask=lambda row: pc.not_equal(row.column("token_bytes"), row.column("n_bytes")),
            meaning="the token ids of every document stand for as many bytes as its text has",
        ),
    ]


def _lengths(batch: pa.RecordBatch) -> pa.Array:
    return pc.fill_null(pc.list_value_length(batch["token_ids"]).cast(pa.int64()), 0)


def _per_document(counts: Mapping[str, int]) -> float:
    return round(counts["tokens"] / counts["documents"], 2) if counts["documents"] else 0.0


def _row(
    split: str, batch: pa.RecordBatch, end_of_text: int, token_lengths: NDArray[np.int64]
) -> pa.RecordBatch:
    lists = batch.column("token_ids")
    values = lists.flatten().to_numpy()
    lengths = _lengths(batch).to_numpy()
    ends = np.cumsum(lengths)
    filled = lengths > 0
    starts = (ends - lengths)[filled]  # reduceat needs strictly growing positions
    largest, last, count, spelt = (np.full(len(lengths), none) for none in (-1, -1, 0, 0))
    if len(starts):
        known = values < len(token_lengths)
        bytes_of = np.where(known, token_lengths[np.where(known, values, 0)], 0)
        largest[filled] = np.maximum.reduceat(values, starts)
        last[filled] = values[ends[filled] - 1]
        count[filled] = np.add.reduceat((values == end_of_text).astype(np.int64), starts)
        spelt[filled] = np.add.reduceat(bytes_of, starts)
    columns = {
        "split": pa.array([split] * len(batch), pa.string()),
        **{name: batch.column(name) for name in ("id", "source", "cluster", "n_bytes")},
        "tokens": pa.array(lengths),
        "token_bytes": pa.array(spelt),
        "largest_id": pa.array(largest),
        "last_id": pa.array(last),
        "ends_of_text": pa.array(count),
    }
    return pa.record_batch([columns[name] for name in ROW.names], schema=ROW)
