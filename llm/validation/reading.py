"""Parquet rows for a contract: checked columns, batch by batch, and what is kept of every split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import pyarrow as pa

from llm.errors import InputError
from llm.files import open_parquet, require
from llm.validation.contract import Check, Rule, Survey, at_most, duplicates, joined, shared

Batches = Iterable[pa.RecordBatch]
Columns = Mapping[str, Callable[[pa.RecordBatch], pa.Array]]
Kept = dict[str, dict[str, pa.Array]]  # by name, then by split


def survey_splits(
    survey: Survey,
    splits: Mapping[str, Batches],
    *,
    row: Callable[[str, pa.RecordBatch], pa.RecordBatch],
    keep: Columns,
) -> Kept:
    """Show every row of every split to the survey; return, whole, what is kept of each split.

    row: a split and its batch → the rows that the survey sees. keep: name → a batch's array.
    """
    kept: Kept = {name: {} for name in keep}
    for split, batches in splits.items():
        parts: dict[str, list[pa.Array]] = {name: [] for name in keep}
        for batch in batches:
            survey.add(row(split, batch))
            for name, take in keep.items():
                parts[name].append(take(batch))
        for name, arrays in parts.items():
            kept[name][split] = joined(arrays)
    return kept


def survey_files(
    checks: list[Check],
    splits: Mapping[str, Sequence[Path]],
    schema: pa.Schema,
    *,
    made_by: str,
    row: Callable[[str, pa.RecordBatch], pa.RecordBatch],
    keep: Columns,
) -> tuple[Survey, Kept]:
    """A survey of Parquet files by split, and what `survey_splits` keeps of them."""
    rows = sum(row_count(paths, made_by=made_by) for paths in splits.values())
    survey = Survey(checks, rows=rows)
    batches = {
        split: read_columns(paths, schema, made_by=made_by) for split, paths in splits.items()
    }
    return survey, survey_splits(survey, batches, row=row, keep=keep)


def parts_of(directory: Path, *, made_by: str) -> list[Path]:
    """The Parquet files of a folder of documents, in order; InputError where there is no folder."""
    return sorted(require(directory, made_by=made_by).glob("part-*.parquet"))


def columns(*names: str) -> Columns:
    """What `survey_splits` keeps: these columns as they are."""
    return {name: itemgetter(name) for name in names}


@dataclass(frozen=True, kw_only=True)
class Apart:
    """Facts and rules that say: the splits share nothing. noun: what a row is called."""

    facts: dict[str, int]
    rules: list[Rule]


def apart(noun: str, ids: Mapping[str, pa.Array], clusters: Mapping[str, pa.Array]) -> Apart:
    """What holds of any splits: no id twice in one or in two, no cluster in two."""
    return Apart(
        facts={
            "duplicate_ids": sum(duplicates(values) for values in ids.values()),
            "ids_in_two_splits": shared(ids.values()),
            "clusters_in_two_splits": shared(clusters.values()),
        },
        rules=[
            at_most("duplicate_ids", 0, f"no {noun} stands twice in a split"),
            at_most("ids_in_two_splits", 0, f"no {noun} stands in two splits"),
            at_most("clusters_in_two_splits", 0, "no near-duplicates stand in two splits"),
        ],
    )


def row_count(paths: Iterable[Path], *, made_by: str) -> int:
    """The number of rows of Parquet files, from their footers."""
    count = 0
    for path in paths:
        with open_parquet(path, made_by=made_by) as parquet:
            count += parquet.metadata.num_rows
    return count


def read_columns(
    paths: Iterable[Path], schema: pa.Schema, *, made_by: str, batch_rows: int = 512
) -> Iterator[pa.RecordBatch]:
    """The columns of `schema` of Parquet files, batch by batch.

    Raises InputError where a file is missing or truncated, lacks a column, or holds other types.
    """
    for path in paths:
        yield from _read_columns(path, schema, made_by=made_by, batch_rows=batch_rows)


def _read_columns(
    path: Path, schema: pa.Schema, *, made_by: str, batch_rows: int
) -> Iterator[pa.RecordBatch]:
    with open_parquet(path, made_by=made_by) as parquet:
        missing = [name for name in schema.names if name not in parquet.schema_arrow.names]
        if missing:
            raise _wrong_columns(path, parquet.schema_arrow, schema, made_by)
        for batch in parquet.iter_batches(batch_size=batch_rows, columns=schema.names):
            try:
                yield batch.select(schema.names).cast(schema)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                raise _wrong_columns(path, parquet.schema_arrow, schema, made_by) from error


def _wrong_columns(path: Path, found: pa.Schema, schema: pa.Schema, made_by: str) -> InputError:
    return InputError(
        "A Parquet file lacks columns of its contract, or holds them in other types.",
        where=path,
        found=", ".join(f"{column.name}: {column.type}" for column in found),
        expected=", ".join(f"{column.name}: {column.type}" for column in schema),
        remedy=f"make it again: dvc repro --force {made_by}",
    )
