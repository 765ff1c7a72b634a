"""Token ids in Parquet shards: one row per document, its borders kept, counted and checked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from llm.errors import InputError
from llm.files import new_directory, open_parquet, read_manifest, write_manifest, write_parquet
from llm.progress import Progress
from llm.tokens.counts import Counts
from llm.tokens.tokenizer import Tokenizer

Row = dict[str, Any]

MADE_BY = "tokenize"
BATCH_CHARACTERS = 4_000_000  # encoded at once: enough for all threads, little memory


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


def write_shards(
    documents: Iterable[pa.RecordBatch],
    directory: Path,
    *,
    tokenizer: Tokenizer,
    shard_tokens: int,
    threads: int,
) -> Counts:
    """Tokenise documents, in order, into shards of at least `shard_tokens` ids but the last.

    documents: batches with the columns id, source, cluster and text. Memory holds one shard.
    A document never stands in two shards. The bytes written depend on documents, tokenizer and
    `shard_tokens` only. Raises InputError where there is no document.
    """
    counts = Counts(tokenizer.vocab_size)
    schema = token_schema(tokenizer.vocab_size)
    encoded = _encode(documents, tokenizer, threads)
    with (
        new_directory(directory) as folder,
        Progress(f"tokenize {directory.name}", unit="documents") as progress,
    ):
        for number, shard in enumerate(_shards(encoded, shard_tokens)):
            table = _table(shard, schema)
            write_parquet(table, folder / f"part-{number:05d}.parquet")
            lists = table.column("token_ids").combine_chunks()
            counts.add(
                lists.flatten().to_numpy(),
                lists.value_lengths().to_numpy().astype(np.int64),
                sum(row["n_bytes"] for row in shard),
            )
            progress.advance(len(shard))
        if not counts.documents:
            raise InputError(
                "There is no document to tokenise.",
                where=directory,
                expected="at least one document in every split",
                remedy="add documents, or loosen the filters of the section clean of params.yaml",
            )
        write_manifest(
            folder,
            vocab_size=tokenizer.vocab_size,
            dtype=token_dtype(tokenizer.vocab_size).name,
            tokens=counts.tokens,
            documents=counts.documents,
            bytes=counts.bytes,
            tokenizer=tokenizer.fingerprint,
        )
    return counts


def read_facts(directory: Path, *, tokenizer: Tokenizer | None = None) -> dict[str, Any]:
    """The manifest of a folder of shards, every byte of the shards checked against it.

    Raises InputError where a file differs, and where `tokenizer` is not the one that made them.
    """
    manifest = read_manifest(directory, made_by=MADE_BY, verify=True)
    if tokenizer is not None and manifest["tokenizer"] != tokenizer.fingerprint:
        raise InputError(
            "The token ids were made by another tokenizer.",
            where=directory,
            found=f"ids of tokenizer {manifest['tokenizer']}",
            expected=f"ids of tokenizer {tokenizer.fingerprint}",
            remedy=f"make them again: dvc repro {MADE_BY}",
        )
    return manifest


def read_batches(directory: Path, *, batch_rows: int = 1_000) -> Iterator[pa.RecordBatch]:
    """Rows of `token_schema`, in order, a bounded number at a time."""
    manifest = read_facts(directory)
    schema = token_schema(manifest["vocab_size"])
    for name in sorted(manifest["files"]):
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
    manifest = read_facts(directory, tokenizer=tokenizer)
    token_ids = np.empty(manifest["tokens"], dtype=manifest["dtype"])
    starts = np.empty(manifest["documents"], dtype=np.int64)
    position = document = 0
    for batch in read_batches(directory):
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
    return token_ids, starts


def _encode(
    documents: Iterable[pa.RecordBatch], tokenizer: Tokenizer, threads: int
) -> Iterator[Row]:
    """Rows of the shards, about BATCH_CHARACTERS of text encoded at a time."""
    dtype = token_dtype(tokenizer.vocab_size)
    for rows in _chunks(documents):
        texts = [row["text"] for row in rows]
        for row, ids in zip(rows, tokenizer.encode_batch(texts, threads=threads), strict=True):
            yield {
                "id": row["id"],
                "source": row["source"],
                "cluster": row["cluster"],
                "n_bytes": len(row["text"].encode("utf-8")),
                "token_ids": np.array([*ids, tokenizer.end_of_text], dtype=dtype),
            }


def _chunks(documents: Iterable[pa.RecordBatch]) -> Iterator[list[Row]]:
    rows: list[Row] = []
    size = 0
    for batch in documents:
        for row in batch.select(["id", "source", "cluster", "text"]).to_pylist():
            rows.append(row)
            size += len(row["text"])
            if size >= BATCH_CHARACTERS:
                yield rows
                rows, size = [], 0
    if rows:
        yield rows


def _shards(rows: Iterable[Row], shard_tokens: int) -> Iterator[list[Row]]:
    shard: list[Row] = []
    size = 0
    for row in rows:
        shard.append(row)
        size += len(row["token_ids"])
        if size >= shard_tokens:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    lengths = [len(row["token_ids"]) for row in rows]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    columns = [
        pa.ListArray.from_arrays(
            pa.array(offsets),
            pa.array(np.concatenate([row["token_ids"] for row in rows])),
            type=field.type,
        )
        if field.name == "token_ids"
        else pa.array([row[field.name] for row in rows], field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
