"""Token ids in Parquet shards: one row per document, its borders kept, counted and checked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from llm.errors import InputError
from llm.files import new_directory, open_parquet, read_manifest, write_manifest, write_parquet
from llm.progress import Progress
from llm.tokens.counts import Counts
from llm.tokens.encoding import encode, in_order
from llm.tokens.tokenizer import Tokenizer

MADE_BY = "tokenize"
# Ids are too many for a dictionary. With their low and high bytes apart, zstd makes them smaller
# by a tenth, in half the time.
ENCODINGS = {"token_ids.list.element": "BYTE_STREAM_SPLIT"}


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
    watch: Callable[[pa.Table], None] | None = None,
    quiet: bool = False,
) -> Counts:
    """Tokenise documents, in order, into shards of at least `shard_tokens` ids but the last.

    documents: batches with the columns id, source, cluster and text. A document never stands in
    two shards. The bytes written depend on documents, tokenizer and `shard_tokens` only. Memory
    holds two or three shards, more from eight threads on. watch: called with all rows, in order,
    some at a time. quiet: no progress. Raises InputError where there is no document, or the
    tokenizer loses text.
    """
    schema = token_schema(tokenizer.vocab_size)
    with ThreadPoolExecutor(threads) as encoders:
        encoded = encode(documents, tokenizer, schema, pool=encoders, ahead=4 * threads)
        return write_rows(
            encoded if watch is None else _watched(encoded, watch),
            directory,
            tokenizer=tokenizer,
            shard_tokens=shard_tokens,
            threads=threads,
            quiet=quiet,
        )


def write_rows(
    tables: Iterable[pa.Table],
    directory: Path,
    *,
    tokenizer: Tokenizer,
    shard_tokens: int,
    threads: int,
    quiet: bool = False,
) -> Counts:
    """Write rows of `token_schema` as the shards that `write_shards` describes."""
    counts = Counts(tokenizer.vocab_size)
    with (
        new_directory(directory) as folder,
        (
            nullcontext() if quiet else Progress(f"tokenize {directory.name}", unit="documents")
        ) as progress,
        # Writing takes about a fifth of the time of encoding, on threads of its own.
        ThreadPoolExecutor(-(-threads // 4)) as writers,
    ):
        paths = (folder / f"part-{number:05d}.parquet" for number in itertools.count())
        work = (
            (_write_shard, table, path, tokenizer.vocab_size)
            for table, path in zip(_shards(tables, shard_tokens), paths, strict=False)
        )
        for counted in in_order(work, pool=writers, ahead=-(-threads // 4)):
            counts.include(counted)
            if progress is not None:
                progress.advance(counted.documents)
        if not counts.documents:
            raise nothing_to_tokenise(directory)
        _check_nothing_lost(counts, tokenizer, directory)
        write_facts(folder, counts, tokenizer)
    return counts


def nothing_to_tokenise(directory: Path) -> InputError:
    """The error of a split without documents."""
    return InputError(
        "There is no document to tokenise.",
        where=directory,
        expected="at least one document in every split",
        remedy="add documents, or loosen the filters of the section clean of params.yaml",
    )


def write_facts(folder: Path, counts: Counts, tokenizer: Tokenizer) -> None:
    """Write the manifest of a folder of shards, its last file."""
    write_manifest(
        folder,
        vocab_size=tokenizer.vocab_size,
        dtype=token_dtype(tokenizer.vocab_size).name,
        tokens=counts.tokens,
        documents=counts.documents,
        bytes=counts.bytes,
        tokenizer=tokenizer.fingerprint,
    )


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
    fill_tokens(directory, token_ids, starts)
    return token_ids, starts


def fill_tokens(directory: Path, token_ids: NDArray[Any], starts: NDArray[np.int64]) -> None:
    """Write all token ids, (tokens,), and document starts, (documents,), into arrays of that size.

    Raises InputError where the shards hold more or fewer.
    """
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


def _write_shard(table: pa.Table, path: Path, vocab_size: int) -> Counts:
    """Write one shard and count it; equal rows give equal bytes, however they were chunked."""
    table = table.combine_chunks()
    write_parquet(table, path, encodings=ENCODINGS)
    counts = Counts(vocab_size)
    counts.count(table)
    return counts


def _watched(tables: Iterable[pa.Table], watch: Callable[[pa.Table], None]) -> Iterator[pa.Table]:
    for table in tables:
        watch(table)
        yield table


def _shards(tables: Iterable[pa.Table], shard_tokens: int) -> Iterator[pa.Table]:
    """The rows of `tables`, cut behind each row with which a shard reaches `shard_tokens` ids."""
    waiting: list[pa.Table] = []
    size = 0
    for table in tables:
        while len(table):
            lengths = pc.list_value_length(table.column("token_ids")).to_numpy()
            ends = size + np.cumsum(lengths, dtype=np.int64)
            rows = int(np.searchsorted(ends, shard_tokens)) + 1
            waiting.append(table.slice(0, rows))
            table = table.slice(rows)
            size = int(ends[-1])
            if rows <= len(ends):
                yield pa.concat_tables(waiting)
                waiting, size = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def _check_nothing_lost(counts: Counts, tokenizer: Tokenizer, directory: Path) -> None:
    """Raise InputError unless the ids stand for as many bytes as the texts have."""
    kept = int(counts.occurrences @ tokenizer.token_lengths)
    if kept != counts.bytes:
        raise InputError(
            "The tokenizer loses text: its pattern leaves characters out.",
            where=directory,
            found=f"tokens of {kept:,} bytes",
            expected=f"tokens of all {counts.bytes:,} bytes of the documents",
            remedy="mend train_tokenizer.pattern so that its matches cover every text",
        )
