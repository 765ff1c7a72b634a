"""The document: its columns, its content-hash id, and Parquet folders ordered by that id."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from llm.errors import InputError
from llm.files import open_parquet, read_json, require, write_parquet

Row = dict[str, Any]

# What a synthetic corpus says about its own dirt; never a document.
PLANTED = "planted.jsonl"
PART_BYTES = 128 * 1024 * 1024  # text per Parquet file
_SPILL_BYTES = 128 * 1024 * 1024  # text held in memory before it goes to the scratch files
_BATCH_ROWS = 512

DOCUMENT_SCHEMA = pa.schema(
    [
        ("id", pa.string()),  # content hash of the text, see document_id
        ("text", pa.string()),  # Unicode NFC, paragraphs set off by empty lines
        ("source", pa.string()),  # name of the source in params.yaml
        ("licence", pa.string()),  # SPDX name or words, from the source
        ("language", pa.string()),  # ISO 639-1 code, as identified
        ("language_score", pa.float32()),  # probability of that language, 0 to 1
        ("quality", pa.float32()),  # 0 to 1, higher is better, see llm.corpus.quality
        ("cluster", pa.string()),  # lowest id among the near-duplicates; "" before dedupe
        ("raw_id", pa.string()),  # id in the raw source: file name, or the record's own id
    ]
)
REJECT_SCHEMA = pa.schema(
    [
        ("raw_id", pa.string()),
        ("source", pa.string()),
        ("reason", pa.string()),
        ("text", pa.string()),  # the first 2,000 characters
    ]
)


def document_id(text: str) -> str:
    """The id of a text: the first 32 hexadecimal digits of its SHA-256 as UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:32]


def part_name(number: int) -> str:
    """The file name of one part of a folder of documents."""
    return f"part-{number:05d}.parquet"


def read_documents(
    directory: Path, *, made_by: str, columns: list[str] | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a folder in order, in batches of bounded size.

    Raises InputError where the folder is missing, or a part is truncated or of another schema.
    """
    require(directory, made_by=made_by)
    for path in sorted(directory.glob("part-*.parquet")):
        with open_parquet(path, schema=DOCUMENT_SCHEMA, made_by=made_by) as parquet:
            yield from parquet.iter_batches(batch_size=_BATCH_ROWS, columns=columns)


def read_rows(directory: Path, *, made_by: str, columns: list[str] | None = None) -> Iterator[Row]:
    """Yield the rows of a folder in order, as dictionaries."""
    for batch in read_documents(directory, made_by=made_by, columns=columns):
        yield from batch.to_pylist()


class PartWriter:
    """Writes rows, in the order given, into part-00000.parquet and so on.

    A part ends where its text reaches `part_bytes`, so equal rows give equal files.
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
        self._waiting_bytes += size
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


class SortedWriter:
    """Takes document rows in any order and writes them ordered by id, then source and raw_id.

    Memory stays bounded: past 128 MiB of text, rows go to 256 scratch files by the first two
    digits of their id, and each is sorted on its own. `scratch` must be on a disk with room for
    the text; it is removed at the end.
    """

    def __init__(self, directory: Path, *, scratch: Path, spill_bytes: int = _SPILL_BYTES) -> None:
        self._parts = PartWriter(directory, DOCUMENT_SCHEMA)
        self._scratch = scratch
        self._spill_bytes = spill_bytes
        self._buckets: dict[str, list[Row]] = {}
        self._bytes = 0
        self._streams: dict[str, tuple[Any, Any]] = {}
        shutil.rmtree(scratch, ignore_errors=True)

    def add(self, row: Row) -> None:
        """Take one row."""
        self._buckets.setdefault(row["id"][:2], []).append(row)
        self._bytes += len(row["text"]) + 200
        if self._bytes >= self._spill_bytes:
            self._spill()

    def close(self) -> None:
        """Sort and write every row; remove the scratch files."""
        for stream, file in self._streams.values():
            stream.close()
            file.close()
        for bucket in sorted(self._buckets.keys() | self._streams.keys()):
            rows = self._read_back(bucket) + self._buckets.pop(bucket, [])
            rows.sort(key=lambda row: (row["id"], row["source"], row["raw_id"]))
            for row in rows:
                self._parts.add(row)
        self._parts.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _spill(self) -> None:
        self._scratch.mkdir(parents=True, exist_ok=True)
        for bucket, rows in self._buckets.items():
            if bucket not in self._streams:
                file = pa.OSFile(str(self._scratch / f"{bucket}.arrow"), "wb")
                self._streams[bucket] = (pa.ipc.new_stream(file, DOCUMENT_SCHEMA), file)
            batch = pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA)
            self._streams[bucket][0].write_batch(batch)
        self._buckets, self._bytes = {}, 0

    def _read_back(self, bucket: str) -> list[Row]:
        if bucket not in self._streams:
            return []
        path = self._scratch / f"{bucket}.arrow"
        with pa.OSFile(str(path), "rb") as file, pa.ipc.open_stream(file) as stream:
            rows: list[Row] = stream.read_all().to_pylist()
        path.unlink()
        return rows


@contextlib.contextmanager
def sorted_documents(directory: Path, *, spill_bytes: int = _SPILL_BYTES) -> Iterator[SortedWriter]:
    """A SortedWriter into `directory`, closed on success; its scratch is removed in any case."""
    scratch = directory / ".scratch"
    try:
        writer = SortedWriter(directory, scratch=scratch, spill_bytes=spill_bytes)
        yield writer
        writer.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def require_passed(validated: Path, *, made_by: str) -> None:
    """Raise InputError unless the gate's result at `validated` says success."""
    if read_json(validated, made_by=made_by).get("success") is not True:
        raise InputError(
            "The documents did not pass their gate.",
            where=validated,
            expected='"success": true',
            remedy=f"run the gate and mend what it names: dvc repro --force {made_by}",
        )
