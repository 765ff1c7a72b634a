"""Token ids in Parquet shards: one row per document, its borders kept, counted and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from llm.errors import InputError
from llm.files import MANIFEST, open_parquet, read_manifest
from llm.tokens.tokenizer import Tokenizer

MADE_BY = "tokenize"
_FACTS = {"vocab_size", "dtype", "tokens", "documents", "bytes", "tokenizer"}  # of a manifest


def token_dtype(vocab_size: int) -> np.dtype[Any]:
    """The smallest of uint16 and uint32 that holds every id."""
    return np.dtype(np.uint16 if vocab_size <= 2**16 else np.uint32)


def token_schema(vocab_size: int) -> pa.Schema:
    """The schema of a shard.

    id, source, cluster: as in the document. n_bytes: UTF-8 bytes of its text. token_ids: its ids,
    the last one the end of text.
    """
    ids = pa.field("element", pa.from_numpy_dtype(token_dtype(vocab_size)), nullable=False)
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("cluster", pa.string(), nullable=False),
            pa.field("n_bytes", pa.int64(), nullable=False),
            pa.field("token_ids", pa.list_(ids), nullable=False),
        ]
    )


def read_facts(directory: Path, *, tokenizer: Tokenizer | None = None) -> dict[str, Any]:
    """The manifest of a folder of shards, every byte of the shards checked against it.

    Raises InputError where a file differs, and where `tokenizer` is not the one that made them.
    """
    manifest = read_manifest(directory, made_by=MADE_BY, verify=True)
    if unsaid := sorted(_FACTS - manifest.keys()):
        raise InputError(
            "A manifest of token shards does not say all that it should.",
            where=directory / MANIFEST,
            found=f"no {', '.join(unsaid)}",
            expected=", ".join(sorted(_FACTS)),
            remedy=f"make them again: dvc repro --force {MADE_BY}",
        )
    if tokenizer is not None and manifest["tokenizer"] != tokenizer.fingerprint:
        raise InputError(
            "The token ids were made by another tokenizer.",
            where=directory,
            found=f"ids of tokenizer {manifest['tokenizer']}",
            expected=f"ids of tokenizer {tokenizer.fingerprint}",
            remedy=f"make them again: dvc repro {MADE_BY}",
        )
    return manifest


def shard_names(facts: Mapping[str, Any]) -> list[str]:
    """The files of a folder of shards, in order, also of more than part-99999.parquet."""
    return sorted(facts["files"], key=lambda name: (len(name), name))


def read_batches(
    directory: Path, *, facts: Mapping[str, Any] | None = None, batch_rows: int = 1_000
) -> Iterator[pa.RecordBatch]:
    """Rows of `token_schema`, in order, a bounded number at a time.

    facts: of `read_facts`, where every byte has been checked already; None: they are read here.
    """
    facts = facts or read_facts(directory)
    schema = token_schema(facts["vocab_size"])
    for name in shard_names(facts):
        with open_parquet(directory / name, schema=schema, made_by=MADE_BY) as shard:
            yield from shard.iter_batches(batch_size=batch_rows)


def read_tokens(
    directory: Path, *, tokenizer: Tokenizer | None = None
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """All token ids, end to end, and where each document starts.

    Returns token_ids (tokens,), uint16 or uint32 as the manifest says, and document_starts
    (documents,), positions in token_ids. Memory: the result and one batch. Raises InputError
    where the shards hold other counts than their manifest, or another tokenizer made them.
    """
    facts = read_facts(directory, tokenizer=tokenizer)
    token_ids = np.empty(facts["tokens"], dtype=token_dtype(facts["vocab_size"]))
    starts = fill_tokens(directory, facts, token_ids)
    return token_ids, starts


def fill_tokens(
    directory: Path, facts: Mapping[str, Any], token_ids: NDArray[Any]
) -> NDArray[np.int64]:
    """Write all token ids into an array, (tokens,); return each document's start, (documents,).

    facts: of `read_facts`. Raises InputError where the shards hold more or fewer than it says.
    """
    starts = np.empty(facts["documents"], dtype=np.int64)
    position = document = 0
    for batch in read_batches(directory, facts=facts):
        lists = batch.column("token_ids")
        values, lengths = lists.flatten().to_numpy(), lists.value_lengths().to_numpy()
        end, last = position + len(values), document + len(lengths)
        if end > len(token_ids) or last > len(starts):
            position, document = end, last
            break
        token_ids[position:end] = values
        starts[document:last] = position + np.cumsum(lengths, dtype=np.int64) - lengths
        position, document = end, last
    if position != len(token_ids) or document != len(starts):
        raise InputError(
            "Shards hold another number of tokens or documents than their manifest says.",
            where=directory,
            found=f"{position:,} tokens, {document:,} documents",
            expected=f"{len(token_ids):,} tokens, {len(starts):,} documents",
            remedy=f"make them again: dvc repro --force {MADE_BY}",
        )
    return starts
