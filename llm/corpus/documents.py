"""The document: its columns, its content-hash id, and Parquet folders ordered by that id."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from llm.corpus.parts import PART_BYTES, ROW_BYTES, SortingWriter, part_name
from llm.errors import InputError
from llm.files import (
    MANIFEST,
    not_as_recorded,
    open_parquet,
    read_json,
    read_manifest,
    require,
    sha256_of,
    write_parquet,
)
from llm.memory import memory_bytes

Row = dict[str, Any]

# What a synthetic corpus says about its own dirt; never a document.
PLANTED = "planted.jsonl"
_SORT_FRACTION = 1 / 8  # of LLM_MEMORY: rows held before they go to the disk to be sorted
_BATCH_ROWS = 512

DOCUMENT_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # content hash of the text, see document_id
        ("text", pa.string()),  # Unicode NFC, paragraphs set off by empty lines
        ("source", pa.string()),  # name of the source in params.yaml
        ("licence", pa.string()),  # SPDX name or words, from the source
        ("language", pa.string()),  # ISO 639-1 code, as identified
        ("language_score", pa.float32()),  # probability of that language, 0 to 1
        ("quality", pa.float32()),  # 0 to 1, higher is better, see llm.corpus.filtering.quality
        ("cluster", pa.string()),  # lowest id among the near-duplicates; "" before dedupe
        ("raw_id", pa.string()),  # id in the raw source: file name, or the record's own id
    ]
)
REJECT_SCHEMA = pa.schema(
    [
        ("raw_id", pa.string()),
        ("source", pa.string()),
        ("licence", pa.string()),
        ("reason", pa.string()),  # the first, see llm.corpus.filtering.reasons
        ("measured", pa.float64()),  # what the rule looked at; null where it is no number
        ("limit", pa.float64()),  # what it was held against
        ("found", pa.string()),  # what numbers cannot say: the language, the phrase
        ("also", pa.string()),  # further reasons, each of which would have dropped it
        ("characters", pa.int64()),  # of the raw text, as far as it could be read
        ("text", pa.string()),  # the first 2,000 characters
    ]
)
# All documents that came into dedupe; see llm.corpus.dedupe.clusters for kinds.
CLUSTER_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # as in the cleaned documents
        ("raw_id", pa.string()),
        ("source", pa.string()),
        ("cluster", pa.string()),  # lowest id of the cluster
        ("kind", pa.string()),  # unique (it stays), exact, normalised or near
        ("kept", pa.bool_()),
    ]
)


def document_id(text: str) -> str:
    """The id of a text: the first 32 hexadecimal digits of its SHA-256 as UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def read_documents(
    directory: Path, *, made_by: str, columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a folder in order, in batches of bounded size.

    Raises InputError where the folder is missing, or a part is truncated or of another schema.
    """
    for path in part_paths(directory, made_by=made_by):
        yield from read_part(path, made_by=made_by, columns=columns)


def read_verified(
    directory: Path, *, made_by: str, columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """The rows that `read_documents` yields, of a folder with a manifest: each file is compared
    with its SHA-256 before it is read."""
    for path, entry in recorded_parts(directory, made_by=made_by).items():
        if sha256_of(path) != entry["sha256"]:
            raise not_as_recorded(path, entry, made_by=made_by)
        yield from read_part(path, made_by=made_by, columns=columns)


def recorded_parts(directory: Path, *, made_by: str) -> dict[Path, dict[str, Any]]:
    """The files of a folder of documents, in order, with their entries in its manifest.

    Raises InputError where one is missing, has another size, or is not in the manifest.
    """
    files = read_manifest(directory, made_by=made_by)["files"]
    paths = part_paths(directory, made_by=made_by)
    if unknown := [path for path in paths if path.name not in files]:
        raise InputError(
            "A file stands among the documents that their manifest does not name.",
            where=unknown[0],
            expected=f"the {len(files)} files of {directory / MANIFEST}",
            remedy=f"remove it, or make the folder again: dvc repro --force {made_by}",
        )
    return {path: files[path.name] for path in paths}


def part_paths(directory: Path, *, made_by: str) -> list[Path]:
    """The files of a folder of documents, in order; InputError where it is missing."""
    return sorted(require(directory, made_by=made_by).glob("part-*.parquet"))


def read_part(
    path: Path, *, made_by: str, columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one file of documents, as `read_documents`."""
    with open_parquet(path, schema=DOCUMENT_SCHEMA, made_by=made_by) as parquet:
        yield from parquet.iter_batches(batch_size=_BATCH_ROWS, columns=columns)


def row_count(directory: Path, *, made_by: str) -> int:
    """How many rows a folder of documents holds, as its parts say."""
    require(directory, made_by=made_by)
    count = 0
    for path in sorted(directory.glob("part-*.parquet")):
        with open_parquet(path, schema=DOCUMENT_SCHEMA, made_by=made_by) as parquet:
            count += parquet.metadata.num_rows
    return count


def read_rows(directory: Path, *, made_by: str, columns: list[str] | None = None) -> Iterator[Row]:
    """Yield the rows of a folder in order, as dictionaries."""
    for batch in read_documents(directory, made_by=made_by, columns=columns):
        yield from batch.to_pylist()


class PartWriter:
    """Writes rows, in the order given, into part-00000.parquet and so on.

    A part ends where its rows reach `part_bytes`, so equal rows give equal files.
    """

    def __init__(self, directory: Path, schema: pa.Schema, *, part_bytes: int = PART_BYTES) -> None:
        self.rows = 0
        self.text_bytes = 0
        self._directory = directory
        self._schema = schema
        self._part_bytes = part_bytes
        self._waiting: list[Mapping[str, Any]] = []
        self._waiting_bytes = 0
        self._parts = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Append one row."""
        size = len(row["text"].encode("utf-8"))
        self._waiting.append(row)
        self._waiting_bytes += size + ROW_BYTES
        self.rows += 1
        self.text_bytes += size
        if self._waiting_bytes >= self._part_bytes:
            self._flush()

    def close(self) -> None:
        """Write what waits; a folder without rows still gets one empty part."""
        if self._waiting or not self._parts:
            self._flush()

    def _flush(self) -> None:
        table = pa.Table.from_pylist(self._waiting, schema=self._schema)
        write_parquet(table, self._directory / part_name(self._parts))
        self._parts += 1
        self._waiting, self._waiting_bytes = [], 0


@contextlib.contextmanager
def sorted_documents(
    directory: Path,
    *,
    held_bytes: int | None = None,
    part_bytes: int = PART_BYTES,
    distinct: bool = False,
) -> Iterator[SortingWriter]:
    """A writer of documents in any order into `directory`, closed on success; what it keeps on
    disk while it sorts is removed in any case.

    held_bytes: rows held in memory; an eighth of LLM_MEMORY where None. distinct: one row per id.
    """
    scratch = directory / ".scratch"
    if held_bytes is None:
        held_bytes = int(memory_bytes() * _SORT_FRACTION)
    try:
        writer = SortingWriter(
            directory,
            DOCUMENT_SCHEMA,
            scratch=scratch,
            held_bytes=held_bytes,
            part_bytes=part_bytes,
            distinct=distinct,
        )
        yield writer
        writer.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def require_passed(validated: Path, *, made_by: str) -> None:
    """Raise InputError unless the gate's result at `validated` says success."""
    if read_json(validated, made_by=made_by).get("success") is not True:
        raise InputError(
            "The data did not pass its gate.",
            where=validated,
            expected='"success": true',
            remedy=f"run the gate and mend what it names: dvc repro --force {made_by}",
        )
