"""Writing token ids as Parquet shards: tokenised, cut at borders of documents, counted, checked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm.errors import InputError
from llm.files import new_directory, write_manifest, write_parquet
from llm.progress import Progress
from llm.tokens.counts import Counts
from llm.tokens.encoding import encode, in_order
from llm.tokens.shards import token_dtype, token_schema
from llm.tokens.tokenizer import Tokenizer

# Ids are too many for a dictionary. With their low and high bytes apart, zstd makes them smaller
# by a tenth, in half the time.
ENCODINGS = {"token_ids.list.element": "BYTE_STREAM_SPLIT"}


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
