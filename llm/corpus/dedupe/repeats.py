"""Paragraphs or lines that stand in many documents: the first occurrence stays, others go.

Pages of one site share their notices and menus, and differ in all the rest: no two of them are
near-duplicates. C4 drops spans of three sentences that came before (Raffel et al. 2020, section
2.2), CCNet paragraphs by hash (Wenzek et al. 2020, section 3.1). Here a piece counts by its
normalised words, see llm.corpus.dedupe.signatures, and the first in the order of ids stays.
"""

from __future__ import annotations

import contextlib
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

from llm.corpus.dedupe.index import Scratch, read_array
from llm.corpus.dedupe.signatures import hash_words
from llm.corpus.dedupe.unions import Rows, equal_groups
from llm.corpus.documents import document_id, read_documents, sorted_documents
from llm.corpus.parts import text_bytes

SEPARATORS = {"paragraphs": "\n\n", "lines": "\n"}

_HASHED_FRACTION, _SORTED_FRACTION = 1 / 16, 1 / 4  # of the memory
_CHUNK_DOCUMENTS, _CHUNK_PIECES = 1 << 14, 1 << 18
_BLANK_LINES = re.compile(r"\n{3,}")


@dataclass(frozen=True)
class Repeats:
    """Which pieces go. separator: what stands between pieces. minimum_words: shorter pieces may
    repeat. minimum_document_words: a document that lost a piece and has fewer left goes whole.
    Words as signatures count them, so that a Chinese character is one."""

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
    stays. A document that goes whole, being too short, is none of those that hold a piece first:
    what it alone held before them stays in the next. Two pieces with one hash of 64 bits count as
    equal. Memory: in files up to 38 bytes per piece and 8 per document, see
    llm.corpus.dedupe.index, and what is hashed and sorted at once.
    Counts pieces, repeated ones, documents changed, too short, and become equal.
    """
    sorting = int(memory_bytes * _SORTED_FRACTION)
    pieces = _hash_pieces(_read(documents), settings, scratch, memory_bytes)
    repeated, too_short = _find(pieces, settings, scratch, sorting)
    outcome = Outcome()
    outcome.counts.update(pieces=len(repeated), repeated=int(np.count_nonzero(repeated)))
    outcome.counts.update(documents_changed=0, documents_too_short=0, documents_become_equal=0)
    with sorted_documents(into, distinct=True) as writer:
        end = 0
        for batch, flags in _with_flags(documents, repeated, settings.separator):
            short = too_short[end : end + len(batch)]
            end += len(batch)
            gone = batch.filter(pa.array(short)).column("cluster").to_pylist()
            outcome.counts["documents_too_short"] += len(gone)
            outcome.dropped += gone
            touched = np.array([again.any() for again in flags], dtype=bool)
            writer.add_table(pa.Table.from_batches([batch.filter(pa.array(~touched & ~short))]))
            changed = batch.filter(pa.array(touched & ~short)).to_pylist()
            for row, place in zip(changed, np.flatnonzero(touched & ~short), strict=True):
                text = _shortened(row["text"], flags[place], settings.separator)
                outcome.counts["documents_changed"] += 1
                writer.add({**row, "id": document_id(text), "text": text})
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


def _shortened(text: str, again: NDArray[np.bool_], separator: str) -> str:
    """The text without the pieces that go."""
    pieces = text.split(separator)
    left = [piece for piece, goes in zip(pieces, again, strict=True) if not goes]
    return _BLANK_LINES.sub("\n\n", separator.join(left)).strip()


@dataclass(frozen=True)
class _Pieces:
    """The pieces of all documents, in order, in files.

    words: (pieces,) of each. keys, places: (long ones,) hashes of those that must not repeat, and
    their numbers, ascending. ends: (documents,) pieces up to the end of each.
    """

    words: NDArray[np.int32]
    keys: NDArray[np.uint64]
    places: NDArray[np.int64]
    ends: NDArray[np.int64]


def _hash_pieces(
    batches: Iterable[pa.RecordBatch], settings: Repeats, scratch: Scratch, memory_bytes: int
) -> _Pieces:
    kinds = {"words": np.int32, "keys": np.uint64, "places": np.int64, "ends": np.int64}
    paths = {name: scratch.directory / f"piece-{name}" for name in kinds}
    count = 0
    with contextlib.ExitStack() as stack:
        files = {name: stack.enter_context(path.open("wb")) for name, path in paths.items()}

        def append(**values: NDArray[Any]) -> None:
            for name, some in values.items():
                some.astype(kinds[name]).tofile(files[name])

        for group in _grouped(batches, int(memory_bytes * _HASHED_FRACTION)):
            pieces = _split(group, settings.separator)
            words, hashes = hash_words(pc.list_flatten(pieces))
            long = np.flatnonzero(words >= settings.minimum_words)
            ends = count + np.cumsum(pc.list_value_length(pieces).to_numpy())
            append(words=words, keys=hashes[long], places=long + count, ends=ends)
            count += len(words)
    return _Pieces(**{name: read_array(path, kinds[name]) for name, path in paths.items()})


def _find(
    pieces: _Pieces, settings: Repeats, scratch: Scratch, sorting: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each piece goes, and whether each document is too short and goes whole.

    Without those documents others keep more, so that none of these becomes too short.
    """
    repeated = scratch.array("pieces-repeated", pieces.words.shape, np.bool_)
    _mark(repeated, pieces.keys, pieces.places, sorting)
    too_short = scratch.array("documents-too-short", pieces.ends.shape, np.bool_)
    gone = scratch.array("pieces-gone", pieces.words.shape, np.bool_)
    for start in range(0, len(too_short), _CHUNK_DOCUMENTS):
        documents = slice(start, start + _CHUNK_DOCUMENTS)
        ends = pieces.ends[documents]
        first = int(pieces.ends[start - 1]) if start else 0
        here = slice(first, int(ends[-1]))
        begins = np.concatenate([[0], ends[:-1] - first])
        goes = repeated[here]
        left = np.add.reduceat(np.where(goes, 0, pieces.words[here]), begins)
        lost = np.logical_or.reduceat(goes, begins)
        too_short[documents] = short = lost & (left < settings.minimum_document_words)
        gone[here] = np.repeat(short, np.diff(begins, append=int(ends[-1]) - first))
    if too_short.any():
        np.logical_and(repeated, gone, out=repeated)
        _mark(repeated, *_staying(pieces, gone, scratch), sorting)
    return repeated, too_short


def _staying(
    pieces: _Pieces, gone: NDArray[np.bool_], scratch: Scratch
) -> tuple[NDArray[np.uint64], Rows]:
    """Keys and places of the pieces in documents that stay, in files."""
    paths = [scratch.directory / f"staying-{name}" for name in ("keys", "places")]
    with paths[0].open("wb") as keys, paths[1].open("wb") as places:
        for start in range(0, len(pieces.places), _CHUNK_PIECES):
            some = slice(start, start + _CHUNK_PIECES)
            stays = ~gone[pieces.places[some]]
            pieces.keys[some][stays].tofile(keys)
            pieces.places[some][stays].tofile(places)
    return read_array(paths[0], np.uint64), read_array(paths[1], np.int64)


def _mark(
    repeated: NDArray[np.bool_], keys: NDArray[np.uint64], places: Rows, sorting: int
) -> None:
    """Set True for every piece whose key an earlier one has."""
    for members, group_of in equal_groups(keys, places, memory_bytes=sorting):
        later = np.flatnonzero(group_of[1:] == group_of[:-1]) + 1
        repeated[members[later]] = True


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
