"""Signatures remembered by document id: a text that was signed once is not signed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from llm.corpus.dedupe.signatures import Signing, sign
from llm.work_cache import Entry, WorkCache, key_of, open_cache

_TABLE = "signed"


@dataclass
class Signer:
    """Signs parts as `llm.corpus.dedupe.signatures.sign` does, but only the ids it does not know.

    parts: how many the whole folder has. An id is a hash of its text, and its leading bits say in
    which part it stands: so an entry holds one part's signatures, and serves as long as the folder
    has as many parts. scratch: where new documents of a known part are put, for the engine to
    read. documents, known: different ids so far, and those that were not signed again.
    """

    cache: WorkCache
    parts: int
    scratch: Path
    documents: int = 0
    known: int = 0
    _used: list[str] = field(default_factory=list)

    def __call__(self, parts: Sequence[Path], signing: Signing) -> pa.Table:
        """The table of `sign`, one row for each different id."""
        found = [(part, *self._known(part)) for part in parts]
        tables = [table for _, _, table in found if table is not None]
        new = [path for part, ids, table in found for path in self._unsigned(part, ids, table)]
        if not new and tables:
            return pa.concat_tables(tables)
        fresh = _distinct(sign(new or parts, signing))
        for part, ids, table in found:
            if table is None or len(table) < len(ids):
                more = [fresh.filter(_among(fresh["id"], ids))]
                whole = pa.concat_tables(more if table is None else [table, *more])
                self.cache.put(self._key(part), Entry({_TABLE: whole}))
        return pa.concat_tables([*tables, fresh])

    def finish(self) -> None:
        """Forget the parts that are no more; at the end of a run that succeeded."""
        self.cache.prune(self._used)

    def _known(self, part: Path) -> tuple[pa.Array, pa.Table | None]:
        """The different ids of a part, and the signatures that are known of them."""
        ids = pc.unique(pq.read_table(part, columns=["id"])["id"])
        entry = self.cache.get(self._key(part))
        self._used.append(self._key(part))
        self.documents += len(ids)
        if entry is None:
            return ids, None
        table = entry.tables[_TABLE]
        table = table.filter(_among(table["id"], ids))
        self.known += len(table)
        return ids, table

    def _unsigned(self, part: Path, ids: pa.Array, known: pa.Table | None) -> list[Path]:
        """The Parquet file with the documents of a part that are not known yet, or none."""
        if known is None or not len(known):
            return [part] if len(ids) else []
        if len(known) == len(ids):
            return []
        rows = pq.read_table(part, columns=["id", "text"])
        rows = rows.filter(pc.invert(_among(rows["id"], known["id"].combine_chunks())))
        place = self.scratch.resolve() / f"new-{part.name}"
        pq.write_table(rows, place)
        return [place]

    def _key(self, part: Path) -> str:
        return key_of(part.name, self.parts)


def open_signer(root: Path | None, signing: Signing, *, parts: int, scratch: Path) -> Signer:
    """A signer that remembers below `root`; with None, nothing."""
    cache = open_cache(root, asdict(signing), code="llm/corpus/dedupe/signatures.py")
    return Signer(cache, parts, scratch)


def _among(ids: pa.ChunkedArray, others: pa.Array) -> pa.ChunkedArray:
    """Which of the ids stand among others, whichever kind of text both are."""
    return pc.is_in(ids, others.cast(ids.type))


def _distinct(table: pa.Table) -> pa.Table:
    """The rows in the order of their ids, one for each."""
    table = table.sort_by("id")
    ids = table["id"].combine_chunks()
    if len(ids) < 2:
        return table
    return table.filter(pa.concat_arrays([pa.array([True]), pc.not_equal(ids[1:], ids[:-1])]))
