"""Folders of rows with content-hash ids, divided by the leading bits of the id.

A folder has 2**bits parts, and a row's id alone says in which it stands: one more document changes
one part, so that a cache keeps the others, and work on them is not done again.
"""

from __future__ import annotations

import bisect
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from llm.files import write_parquet

PART_BYTES = 16 * 2**20  # of a part, on average
ROW_BYTES = 200  # what a row weighs besides its text, about
_ROWS_AT_ONCE = 1024  # rows that wait as dictionaries
_RUN_BATCH_ROWS = 256  # rows of a sorted run that are in memory while runs are merged
_MOST_BITS = 20
_CHUNK_BYTES = 1 << 30  # of text in one array
_WRITERS = 2  # parts that are written at once
_ID_DIGITS = 32


def part_name(number: int) -> str:
    """The file name of one part of a folder."""
    return f"part-{number:05d}.parquet"


def part_bits(text_bytes: int, *, rows: int, part_bytes: int = PART_BYTES) -> int:
    """The least number of bits by which so many rows, with so much text in all, have parts of
    `part_bytes` at most, on average. Rows count besides their text, since whoever reads a part
    holds something for each: many tiny texts must not be one part."""
    size = text_bytes + ROW_BYTES * rows
    bits = 0
    while size > part_bytes << bits and bits < _MOST_BITS:
        bits += 1
    return bits


def text_bytes(table: pa.Table | pa.RecordBatch) -> int:
    """UTF-8 bytes of the column text."""
    return pc.sum(pc.binary_length(table.column("text"))).as_py() or 0


class PrefixWriter:
    """Writes tables, ordered by id, into the 2**bits parts of a folder; all parts get a file."""

    def __init__(self, directory: Path, schema: pa.Schema, *, bits: int) -> None:
        self.rows = 0
        self._directory = directory
        self._schema = schema
        self._borders = borders(bits)
        self._waiting: list[pa.Table] = []
        self._parts = 0

    def add(self, table: pa.Table) -> None:
        """Append rows; their ids are not below those already given."""
        self.rows += table.num_rows
        whole: list[_Part] = []
        while self._parts < len(self._borders) and table.num_rows:
            here = _first_from(table.column("id"), self._borders[self._parts])
            if here:
                self._waiting.append(table.slice(0, here))
            if here == table.num_rows:
                table = table.slice(here)
                break
            whole.append(self._take())
            table = table.slice(here)
        if table.num_rows:
            self._waiting.append(table)
        self._write(whole)

    def close(self) -> None:
        """Write what waits, and the parts without rows."""
        self._write([self._take() for _ in range(self._parts, len(self._borders) + 1)])

    def _take(self) -> _Part:
        """What waits, as the next part."""
        part = _Part(self._directory / part_name(self._parts), self._waiting)
        self._parts += 1
        self._waiting = []
        return part

    def _write(self, parts: Sequence[_Part]) -> None:
        """Write whole parts, some at a time: of one file all is compressed by one thread."""
        if parts:
            with ThreadPoolExecutor(min(len(parts), _WRITERS)) as pool:
                for _ in pool.map(lambda part: part.write(self._schema), parts):
                    pass


class _Part(NamedTuple):
    """A part that is whole, and its rows in order."""

    path: Path
    tables: Sequence[pa.Table]

    def write(self, schema: pa.Schema) -> None:
        tables = [table.cast(schema) for table in self.tables]
        table = pa.concat_tables(tables) if tables else schema.empty_table()
        write_parquet(table.combine_chunks(), self.path)


class SortingWriter:
    """Takes rows in any order; writes them ordered by id, source and raw_id, into parts.

    distinct: of rows of one id only the first is written; `left_out` holds the others
    without their texts.

    Memory holds `held_bytes` of rows, then one part and a little of each sorted run: past that
    size rows go to a sorted file under `scratch`, and all of these are merged at the end (an
    external merge sort: Knuth, The Art of Computer Programming, volume 3, section 5.4).
    `scratch` needs room for the text; it is removed at the end.
    """

    def __init__(
        self,
        directory: Path,
        schema: pa.Schema,
        *,
        scratch: Path,
        held_bytes: int,
        part_bytes: int = PART_BYTES,
        distinct: bool = False,
    ) -> None:
        self.rows = 0
        self.text_bytes = 0
        self.left_out: list[dict[str, Any]] = []
        self._distinct = distinct
        self._directory = directory
        self._schema = schema
        self._scratch = scratch
        self._most_bytes = held_bytes
        self._part_bytes = part_bytes
        self._loose: list[Mapping[str, Any]] = []
        self._loose_bytes = 0
        self._tables: list[pa.Table] = []
        self._held_bytes = 0
        self._runs: list[Path] = []
        shutil.rmtree(scratch, ignore_errors=True)

    def add(self, row: Mapping[str, Any]) -> None:
        """Take one row."""
        self._loose.append(row)
        self._loose_bytes += len(row["text"])
        if len(self._loose) >= _ROWS_AT_ONCE or self._loose_bytes >= self._most_bytes // 8:
            self._settle()

    def add_table(self, table: pa.Table) -> None:
        """Take the rows of a table of the folder's schema."""
        size = text_bytes(table)
        self._tables.append(table)
        self._held_bytes += size + ROW_BYTES * table.num_rows
        self.rows += table.num_rows
        self.text_bytes += size
        if self._held_bytes >= self._most_bytes:
            self._spill()

    def close(self) -> None:
        """Merge and write every row; remove the scratch files."""
        self._settle()
        bits = part_bits(self.text_bytes, rows=self.rows, part_bytes=self._part_bytes)
        writer = PrefixWriter(self._directory, self._schema, bits=bits)
        for table in self._merged(bits):  # equal ids never stand in two of these
            writer.add(self._first_of_equal(table) if self._distinct else table)
        writer.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _settle(self) -> None:
        rows, self._loose, self._loose_bytes = self._loose, [], 0
        if rows:
            self.add_table(pa.Table.from_pylist(rows, schema=self._schema))

    def _first_of_equal(self, table: pa.Table) -> pa.Table:
        ids = table.column("id").to_pylist()
        new = [place == 0 or ids[place] != ids[place - 1] for place in range(len(ids))]
        first = pa.array(new, pa.bool_())
        self.left_out += table.filter(pc.invert(first)).drop_columns("text").to_pylist()
        return table.filter(first)

    def _spill(self) -> None:
        self._scratch.mkdir(parents=True, exist_ok=True)
        path = self._scratch / f"run-{len(self._runs):05d}.arrow"
        table, self._tables, self._held_bytes = _sorted(self._tables, self._schema), [], 0
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, self._schema) as stream:
            stream.write_table(table, max_chunksize=_RUN_BATCH_ROWS)
        self._runs.append(path)

    def _merged(self, bits: int) -> Iterator[pa.Table]:
        if not self._runs:
            yield _sorted(self._tables, self._schema)
            return
        if self._tables:
            self._spill()
        runs = [_Run(path) for path in self._runs]
        try:
            for border in [*borders(bits), None]:
                tables = [table for run in runs for table in run.take(border)]
                yield _sorted(tables, self._schema)
        finally:
            for run in runs:
                run.close()


class _Run:
    """One sorted file, read from its front."""

    def __init__(self, path: Path) -> None:
        self._file = pa.OSFile(str(path), "rb")
        self._stream = pa.ipc.open_stream(self._file)
        self._rest: pa.Table | None = self._next()

    def take(self, border: str | None) -> list[pa.Table]:
        """The rows up to the first id that is not below `border`; all that are left for None."""
        taken = []
        while self._rest is not None:
            here = self._rest.num_rows
            if border is not None:
                here = _first_from(self._rest.column("id"), border)
            taken.append(self._rest.slice(0, here))
            if here < self._rest.num_rows:
                self._rest = self._rest.slice(here)
                break
            self._rest = self._next()
        return taken

    def close(self) -> None:
        self._stream.close()
        self._file.close()

    def _next(self) -> pa.Table | None:
        try:
            return pa.Table.from_batches([self._stream.read_next_batch()])
        except StopIteration:
            return None


def borders(bits: int) -> list[str]:
    """The lowest id, in hexadecimal digits, of every part but the first."""
    return [f"{number << (4 * _ID_DIGITS - bits):0{_ID_DIGITS}x}" for number in range(1, 1 << bits)]


def _first_from(ids: pa.ChunkedArray, border: str) -> int:
    """The position of the first id that is not below the border, of ids in order."""
    return bisect.bisect_left(range(len(ids)), border, key=lambda place: ids[place].as_py())


def _sorted(tables: Sequence[pa.Table], schema: pa.Schema) -> pa.Table:
    """The rows in order. Its chunks hold so much text each as offsets of 31 bits can reach."""
    table = pa.concat_tables(tables) if tables else schema.empty_table()
    order = pc.sort_indices(
        table, sort_keys=[(name, "ascending") for name in ("id", "source", "raw_id")]
    )
    if text_bytes(table) <= _CHUNK_BYTES:
        return table.take(order)
    place = schema.get_field_index("text")
    table = table.cast(schema.set(place, pa.field("text", pa.large_string()))).combine_chunks()
    ends = pc.cumulative_sum(pc.binary_length(table["text"]).take(order)).to_numpy()
    chunks, first = [], 0
    while first < len(order):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(ends.searchsorted(before + _CHUNK_BYTES, side="right")))
        chunks.append(table.take(order.slice(first, last - first)).cast(schema))
        first = last
    return pa.concat_tables(chunks)
