"""Paragraphs or lines that stand in many documents: the first occurrence stays, others go.

Pages of one site share their notices and menus, and differ in all the rest: no two of them are
near-duplicates. C4 drops spans of three sentences that came before (Raffel et al. 2020, section
2.2), CCNet paragraphs by hash (Wenzek et al. 2020, section 3.1). Here a piece counts by its
normalised words, see llm.corpus.dedupe.signatures, and the first in the order of ids stays.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from llm.corpus.dedupe.index import Scratch
from llm.corpus.dedupe.signatures import hash_words
from llm.corpus.dedupe.unions import equal_groups
from llm.corpus.documents import document_id, read_documents, sorted_documents
from llm.corpus.parts import text_bytes

SEPARATORS = {"paragraphs": "\n\n", "lines": "\n"}

_HASHED_FRACTION, _SORTED_FRACTION = 1 / 16, 1 / 4  # of the memory
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Repeats:
    """Which pieces go. separator: what stands between pieces. minimum_words: shorter pieces may
    repeat. minimum_document_words: a document that lost a piece and has fewer left goes whole."""

    separator: str
    minimum_words: int
    minimum_document_words: int


@dataclass
class Outcome:
    """What was done. dropped: clusters of the documents that went whole."""

    counts: Counter[str] = field(default_factory=Counter)
    dropped: list[str] = field(default_factory=list)


def drop_repeats(
    documents: Path, into: Path, settings: Repeats, *, scratch: Scratch, memory_bytes: int
) -> Outcome:
    """Write every document without the pieces that stood in an earlier one, or earlier in itself.

    documents: a folder in the order of ids. into: an empty folder. A changed text has another id,
    and keeps its cluster and what else is known of it. Where texts have become equal the first
    stays. Two pieces with one hash of 64 bits count as equal. Memory: in files 17 bytes per piece,
    see llm.corpus.dedupe.index, and what is hashed and sorted at once.
    Counts pieces, repeated ones, documents changed, too short, and become equal.
    """
    repeated = _find(_read(documents), settings, scratch, memory_bytes)
    outcome = Outcome()
    outcome.counts.update(pieces=len(repeated), repeated=int(np.count_nonzero(repeated)))
    outcome.counts.update(documents_changed=0, documents_too_short=0, documents_become_equal=0)
    with sorted_documents(into, distinct=True) as writer:
        for batch, flags in _with_flags(documents, repeated, settings.separator):
            touched = np.array([again.any() for again in flags], dtype=bool)
            writer.add_table(pa.Table.from_batches([batch.filter(pa.array(~touched))]))
            changed = batch.filter(pa.array(touched)).to_pylist()
            for row, place in zip(changed, np.flatnonzero(touched), strict=True):
                text = _shortened(row["text"], flags[place], settings)
                if text:
                    outcome.counts["documents_changed"] += 1
                    writer.add({**row, "id": document_id(text), "text": text})
                else:
                    outcome.counts["documents_too_short"] += 1
                    outcome.dropped.append(row["cluster"])
    outcome.counts["documents_become_equal"] = len(writer.left_out)
    outcome.dropped += [row["cluster"] for row in writer.left_out]
    return outcome


def _read(documents: Path) -> Iterator[pa.RecordBatch]:
    return read_documents(documents, made_by="dedupe")


def _with_flags(
    documents: Path, repeated: NDArray[np.bool_], separator: str
) -> Iterator[tuple[pa.RecordBatch, list[NDArray[np.bool_]]]]:
    """Batches, and per document whether each of its pieces goes."""
    end = 0
    for batch in _read(documents):
        lengths = pc.list_value_length(_split(batch, separator)).to_pylist()
        flags = []
        for length in lengths:
            flags.append(repeated[end : end + length])
            end += length
        yield batch, flags


def _shortened(text: str, again: NDArray[np.bool_], settings: Repeats) -> str:
    """The text without the pieces that go; empty where too little is left."""
    pieces = text.split(settings.separator)
    left = [piece for piece, goes in zip(pieces, again, strict=True) if not goes]
    text = _BLANK_LINES.sub("\n\n", settings.separator.join(left)).strip()
    return text if len(text.split()) >= settings.minimum_document_words else ""


def _find(
    batches: Iterable[pa.RecordBatch], settings: Repeats, scratch: Scratch, memory_bytes: int
) -> NDArray[np.bool_]:
    """For every piece of all documents, in order, whether it goes."""
    keys_path = scratch.directory / "piece-keys"
    places_path = scratch.directory / "piece-places"
    count = kept = 0
    with keys_path.open("wb") as keys, places_path.open("wb") as places:
        for group in _grouped(batches, int(memory_bytes * _HASHED_FRACTION)):
            pieces = pc.list_flatten(_split(group, settings.separator))
            words, hashes = hash_words(pieces)
            long = np.flatnonzero(words >= settings.minimum_words)
            hashes[long].astype(np.uint64).tofile(keys)
            (long + count).astype(np.int64).tofile(places)
            count, kept = count + len(words), kept + len(long)
    repeated = scratch.array("pieces-repeated", (count,), np.bool_)
    if kept:
        rows = np.memmap(places_path, dtype=np.int64, mode="r")
        values = np.memmap(keys_path, dtype=np.uint64, mode="r")
        sorting = int(memory_bytes * _SORTED_FRACTION)
        for members, group_of in equal_groups(values, rows, memory_bytes=sorting):
            later = np.flatnonzero(group_of[1:] == group_of[:-1]) + 1
            repeated[members[later]] = True
    return repeated


def _grouped(batches: Iterable[pa.RecordBatch], most_bytes: int) -> Iterator[pa.Table]:
    """Batches joined to tables of about so much text."""
    waiting: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        waiting.append(batch)
        size += text_bytes(batch)
        if size >= most_bytes:
            yield pa.Table.from_batches(waiting)
            waiting, size = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def _split(rows: pa.Table | pa.RecordBatch, separator: str) -> Any:
    return pc.split_pattern(rows.column("text"), separator)
