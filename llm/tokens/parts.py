"""Shards of one part of the documents at a time, remembered, so that a killed run goes on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm.corpus.documents import read_part, recorded_parts
from llm.errors import InputError
from llm.files import new_directory, not_as_recorded, open_parquet, read_manifest, sha256_of
from llm.progress import Progress
from llm.tokens.counts import Counts
from llm.tokens.encoding import in_order
from llm.tokens.shards import MADE_BY, read_batches, read_facts, shard_names
from llm.tokens.tokenizer import Tokenizer
from llm.tokens.writing import nothing_to_tokenise, write_facts, write_shards
from llm.work_cache import WorkCache

_MADE_BY = "split"
_COLUMNS = ["id", "text", "source", "cluster"]
# Parts under way: while one ends, with threads idle, the next is encoded.
_AT_ONCE = 2


@dataclass
class Written:
    """What became of a folder of documents. keys: of its parts, by content; remembered: how many
    of these were taken from the cache."""

    counts: Counts
    keys: list[str] = field(default_factory=list)
    remembered: int = 0


@dataclass(frozen=True)
class _Part:
    """The shards of one part. rows: tables of id, source and tokens."""

    key: str
    counts: Counts
    rows: list[pa.Table]
    remembered: bool


def write_parts(
    documents: Path,
    directory: Path,
    *,
    tokenizer: Tokenizer,
    shard_tokens: int,
    threads: int,
    cache: WorkCache,
    watch: Callable[[pa.Table], None] | None = None,
) -> Written:
    """Tokenise the parts of a folder of documents, in order, each as `write_shards` does.

    A shard ends where its part ends, so that a part's shards depend on that part alone: they stay
    in the cache's folder under the part's SHA-256, and the next run takes them from there. watch:
    called with tables of id, source and tokens (how many), in order. Raises InputError as
    `write_shards` does, and where a part is not what the documents' manifest says.
    """
    home = cache.folder or directory.with_name(f".{directory.name}.parts")
    if cache.folder is None:  # a killed run left it, perhaps by another tokenizer
        shutil.rmtree(home, ignore_errors=True)
    recorded = recorded_parts(documents, made_by=_MADE_BY)

    def encode(part: Path) -> _Part:
        digest = sha256_of(part)
        if digest != recorded[part]["sha256"]:
            raise not_as_recorded(part, recorded[part], made_by=_MADE_BY)
        key = digest[:32]
        known = _remembered(home / key, key, tokenizer)
        if known is not None:
            return known
        rows: list[pa.Table] = []
        counts = write_shards(
            read_part(part, made_by=_MADE_BY, columns=_COLUMNS),
            home / key,
            tokenizer=tokenizer,
            shard_tokens=shard_tokens,
            threads=threads,
            watch=lambda table: rows.append(_facts(table)),
            quiet=True,
        )
        return _Part(key, counts, rows, remembered=False)

    parts = [part for part in recorded if _has_rows(part)]
    written = Written(Counts(tokenizer.vocab_size))
    try:
        with (
            new_directory(directory) as folder,
            ThreadPoolExecutor(_AT_ONCE) as pool,
            Progress(f"tokenize {directory.name}", unit="documents") as progress,
        ):
            shards = 0
            work = ((encode, part) for part in parts)
            for part in in_order(work, pool=pool, ahead=_AT_ONCE - 1):
                made = read_manifest(home / part.key, made_by=MADE_BY)
                for name in shard_names(made):
                    _link(home / part.key / name, folder / f"part-{shards:05d}.parquet")
                    shards += 1
                if watch is not None:
                    for table in part.rows:
                        watch(table)
                written.counts.include(part.counts)
                written.keys.append(part.key)
                written.remembered += part.remembered
                progress.advance(part.counts.documents)
            if not shards:
                raise nothing_to_tokenise(directory)
            write_facts(folder, written.counts, tokenizer)
    finally:
        if cache.folder is None:
            shutil.rmtree(home, ignore_errors=True)
    return written


def forget(cache: WorkCache, *, but: set[str]) -> None:
    """Remove the shards of all parts but these, and those of other settings or code."""
    if cache.folder is None:
        return
    for place in cache.folder.iterdir():
        if place.name not in but:
            shutil.rmtree(place)
    cache.forget_others()


def _has_rows(part: Path) -> bool:
    with open_parquet(part, made_by=_MADE_BY) as parquet:
        return bool(parquet.metadata.num_rows)


def _remembered(place: Path, key: str, tokenizer: Tokenizer) -> _Part | None:
    """The shards of a part; None where they are not there, or not whole and unaltered."""
    if not place.is_dir():
        return None
    counts = Counts(tokenizer.vocab_size)
    rows: list[pa.Table] = []
    try:
        facts = read_facts(place, tokenizer=tokenizer)
        for batch in read_batches(place, facts=facts):
            table = pa.Table.from_batches([batch])
            rows.append(_facts(table))
            counts.count(table)
    except InputError:
        print(f"Remembered shards are damaged, and made anew: {place}", flush=True)
        return None
    return _Part(key, counts, rows, remembered=True)


def _facts(table: pa.Table) -> pa.Table:
    lengths = pc.list_value_length(table["token_ids"])
    return pa.table({"id": table["id"], "source": table["source"], "tokens": lengths})


def _link(shard: Path, place: Path) -> None:
    """The same bytes at another place, without a copy where the file system can."""
    try:
        os.link(shard, place)
    except OSError:
        shutil.copyfile(shard, place)
