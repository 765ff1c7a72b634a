"""Shards of one part of the documents at a time, remembered, so that a killed run goes on."""

from __future__ import annotations

import functools
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from llm.corpus import cluster
from llm.corpus.documents import read_part, recorded_parts
from llm.errors import InputError
from llm.files import new_directory, not_as_recorded, open_parquet, read_manifest, sha256_of
from llm.progress import Progress
from llm.tokens.counts import Counts
from llm.tokens.encoding import in_order
from llm.tokens.shards import MADE_BY, read_batches, read_facts, shard_names
from llm.tokens.tokenizer import Tokenizer, load
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


@dataclass(frozen=True)
class _PartEncoder:
    """Writes the shards of one part to a folder of `home`, or finds them there; picklable."""

    home: Path
    shard_tokens: int
    threads: int

    def __call__(self, part: Path, recorded: Mapping[str, Any], tokenizer: Tokenizer) -> _Part:
        digest = sha256_of(part)
        if digest != recorded["sha256"]:
            raise not_as_recorded(part, recorded, made_by=_MADE_BY)
        key = digest[:32]
        known = _remembered(self.home / key, key, tokenizer)
        if known is not None:
            return known
        rows: list[pa.Table] = []
        # A name of its own: a node that is taken for dead may still be at work on this part.
        own = self.home / f".{key}.{secrets.token_hex(4)}"
        counts = write_shards(
            read_part(part, made_by=_MADE_BY, columns=_COLUMNS),
            own,
            tokenizer=tokenizer,
            shard_tokens=self.shard_tokens,
            threads=self.threads,
            watch=lambda table: rows.append(_facts(table)),
            quiet=True,
        )
        try:
            os.replace(own, self.home / key)
        except OSError:  # another was first; its bytes are the same
            shutil.rmtree(own)
        return _Part(key, counts, rows, remembered=False)


def write_parts(
    documents: Path,
    directory: Path,
    *,
    tokenizer: Tokenizer,
    folder: Path,
    shard_tokens: int,
    threads: int,
    cache: WorkCache,
    watch: Callable[[pa.Table], None] | None = None,
) -> Written:
    """Tokenise the parts of a folder of documents, in order, each as `write_shards` does.

    A shard ends where its part ends, so that a part's shards depend on that part alone: they stay
    in the cache's folder under the part's SHA-256, and the next run takes them from there. folder:
    where the tokenizer stands, for the nodes of a Ray cluster, which share the parts where
    DAFT_RUNNER=ray asks for it. watch: called with tables of id, source and tokens (how many), in
    order. Raises InputError as `write_shards` does, and where a part is not what the documents'
    manifest says.
    """
    # Absolute: processes on other machines start in other folders.
    home = cache.folder or directory.resolve().with_name(f".{directory.name}.parts")
    if cache.folder is None:  # a killed run left it, perhaps by another tokenizer
        shutil.rmtree(home, ignore_errors=True)
    recorded = recorded_parts(documents.resolve(), made_by=_MADE_BY)
    parts = [(part, row) for part, row in recorded.items() if _has_rows(part)]
    written = Written(Counts(tokenizer.vocab_size))
    try:
        with (
            new_directory(directory) as place,
            _encoded(parts, _PartEncoder(home, shard_tokens, threads), tokenizer, folder) as found,
            Progress(f"tokenize {directory.name}", unit="documents") as progress,
        ):
            shards = 0
            for part in found:
                made = read_manifest(home / part.key, made_by=MADE_BY)
                for name in shard_names(made):
                    _link(home / part.key / name, place / f"part-{shards:05d}.parquet")
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
            write_facts(place, written.counts, tokenizer)
    finally:
        if cache.folder is None:
            shutil.rmtree(home, ignore_errors=True)
    return written


@contextmanager
def _encoded(
    parts: Sequence[tuple[Path, Mapping[str, Any]]],
    encode: _PartEncoder,
    tokenizer: Tokenizer,
    folder: Path,
) -> Iterator[Iterator[_Part]]:
    """Every part, in order: on this machine by threads, each part on all of them; on a cluster a
    part for each processor."""
    if cluster.is_wanted():
        alone = replace(encode, threads=1)
        work = functools.partial(_on_node, alone, folder.resolve(), tokenizer.fingerprint)
        with closing(cluster.ordered_map(work, parts)) as found:
            yield found
        return
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        calls = ((encode, part, row, tokenizer) for part, row in parts)
        yield in_order(calls, pool=pool, ahead=_AT_ONCE - 1)


def _on_node(
    encode: _PartEncoder, folder: Path, fingerprint: str, part: tuple[Path, Mapping[str, Any]]
) -> _Part:
    return encode(*part, _tokenizer(folder, fingerprint))


@functools.lru_cache(maxsize=1)
def _tokenizer(folder: Path, fingerprint: str) -> Tokenizer:
    """A node's own, loaded once in each process. Raises InputError where it is another one."""
    found = load(folder)
    if found.fingerprint != fingerprint:
        raise InputError(
            "A node of the cluster sees another tokenizer.",
            where=folder,
            found=found.fingerprint,
            expected=fingerprint,
            remedy="let every node see the same data folder, then start the command again",
        )
    return found


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
    """The shards of a part; None where they are not there, or not whole and unaltered: these are
    removed."""
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
        shutil.rmtree(place, ignore_errors=True)
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
