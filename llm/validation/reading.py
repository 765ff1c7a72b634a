"""Parquet rows for a contract: checked files and columns, batch by batch, and what is kept."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
from pathlib import Path

import pyarrow as pa

from llm.errors import InputError
from llm.files import MANIFEST, open_parquet, read_manifest
from llm.validation.contract import Where
from llm.validation.repeats import Column
from llm.validation.survey import Check, Survey

_BATCH_ROWS = 512

Columns = Mapping[str, Callable[[pa.RecordBatch], pa.Array]]
Kept = dict[str, dict[str, Column]]  # by name, then by split


def survey_files(
    checks: list[Check],
    splits: Mapping[str, Sequence[Path]],
    schema: pa.Schema,
    *,
    made_by: str,
    row: Callable[[str, pa.RecordBatch], pa.RecordBatch],
    keep: Columns,
) -> tuple[Survey, Kept]:
    """Show every row of every split to a survey; return it, and, whole, what is kept by split.

    splits: the Parquet files of each. row: a split and its batch of the columns of `schema` → the
    rows that the survey sees. keep: name → a batch's array. Raises InputError where a file is
    missing or truncated, lacks a column, or holds other types.
    """
    sizes = {
        split: [_row_count(path, schema, made_by) for path in paths]
        for split, paths in splits.items()
    }
    survey = Survey(checks, rows=sum(map(sum, sizes.values())))
    kept: Kept = {name: {} for name in keep}
    for split, paths in splits.items():
        where = place_of(paths, sizes[split])
        parts: dict[str, list[pa.Array]] = {name: [] for name in keep}
        first = 0
        for batch in _batches(paths, schema, made_by):
            survey.add(row(split, batch), _from(first, where))
            first += len(batch)
            for name, take in keep.items():
                parts[name].append(take(batch))
        for name, arrays in parts.items():
            values = pa.concat_arrays(arrays) if arrays else pa.array([], pa.string())
            kept[name][split] = Column(values=values, where=where)
    return survey, kept


def place_of(paths: Sequence[Path], sizes: Sequence[int]) -> Where:
    """The number of a row of some files, end to end → its file and its number there, from 1."""
    ends = list(accumulate(sizes))

    def where(number: int) -> str:
        file = bisect.bisect_right(ends, number)
        return f"{paths[file]}, row {number - (ends[file] - sizes[file]) + 1:,}"

    return where


def _from(first: int, where: Where) -> Where:
    return lambda number: where(first + number)


def parts_of(directory: Path, *, made_by: str) -> list[Path]:
    """The Parquet files of a folder, in order, every byte checked against the folder's manifest.

    Raises InputError for the first file that differs, is missing, or is not in the manifest.
    """
    listed = {*read_manifest(directory, made_by=made_by, verify=True)["files"], MANIFEST}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.relative_to(directory).as_posix() not in listed:
            raise InputError(
                "A file stands there that its folder's manifest does not name.",
                where=path,
                expected=f"only what {directory / MANIFEST} lists",
                remedy=f"remove it, or make the folder again: dvc repro --force {made_by}",
            )
    parts = [name for name in listed if name.endswith(".parquet")]
    return [directory / name for name in sorted(parts, key=lambda name: (len(name), name))]


def files_of(directory: Path, splits: Sequence[str], *, made_by: str) -> dict[str, list[Path]]:
    """The one Parquet file of each split in a folder, checked as `parts_of` does."""
    parts_of(directory, made_by=made_by)
    return {split: [directory / f"{split}.parquet"] for split in splits}


def columns(*names: str) -> Columns:
    """What `survey_files` keeps: these columns as they are."""
    return {name: itemgetter(name) for name in names}


def _batches(paths: Sequence[Path], schema: pa.Schema, made_by: str) -> Iterator[pa.RecordBatch]:
    # What is missing is the survey's to find, whether or not the file promises that nothing is.
    nullable = pa.schema([column.with_nullable(True) for column in schema])
    for path in paths:
        with open_parquet(path, made_by=made_by) as parquet:
            yield from (
                batch.select(schema.names).cast(nullable)
                for batch in parquet.iter_batches(batch_size=_BATCH_ROWS, columns=schema.names)
            )


def _row_count(path: Path, schema: pa.Schema, made_by: str) -> int:
    """The rows of a Parquet file, by its footer, once its columns are those of the schema."""
    with open_parquet(path, made_by=made_by) as parquet:
        found = parquet.schema_arrow
        wrong = [
            (column, found.field(column.name).type if column.name in found.names else "missing")
            for column in schema
        ]
        wrong = [(column, kind) for column, kind in wrong if kind != column.type]
        if wrong:
            raise InputError(
                "A Parquet file lacks columns of its contract, or holds them in other types.",
                where=path,
                found=", ".join(f"{column.name}: {kind}" for column, kind in wrong),
                expected=", ".join(f"{column.name}: {column.type}" for column, _ in wrong),
                remedy=f"make it again: dvc repro --force {made_by}",
            )
        return int(parquet.metadata.num_rows)
