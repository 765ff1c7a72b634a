"""Parquet: rows of the columns needed, one at a time, whatever the size of the row groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.corpus.reading.formats import RECORD_BYTES, Item, broken_file
from llm.corpus.reading.tables import OWN_FIELDS, no_column, own_fields
from llm.errors import InputError

if TYPE_CHECKING:
    import pyarrow.parquet as pq

SPAN_BYTES = 4 * 1024 * 1024  # row groups are read together up to about this size
_BATCH_BYTES = 4 * 1024 * 1024
_MOST_ROWS = 16  # at once: a dictionary can make each as long as the whole group
# A dictionary packs equal texts to nearly nothing.
_HARMLESS_BYTES = 256 * 1024 * 1024
_MOST_UNPACKED = 20


@dataclass
class RowSpan:
    """Row groups of a Parquet file that are read together. size: bytes of their values, packed by
    dictionary at most."""

    groups: list[int] = field(default_factory=list)
    size: int = 0


def row_spans(path: Path) -> list[RowSpan]:
    """The row groups of a Parquet file, put together to spans of about 4 MiB; a larger group is one
    of its own."""
    with _open(path) as parquet:
        facts = parquet.metadata
        spans = [RowSpan()]
        for number in range(facts.num_row_groups):
            if spans[-1].size >= SPAN_BYTES:
                spans.append(RowSpan())
            spans[-1].groups.append(number)
            spans[-1].size += facts.row_group(number).total_byte_size
        return spans


def read_rows(path: Path, *, text_field: str, span: int | None = None) -> Iterator[Item]:
    """Rows of a Parquet file, or of one span of its row groups; place ":ROW" counted from 1.

    Memory holds a few pages of the columns read. Raises InputError where the file is damaged
    (page checksums are checked where it has them), lacks `text_field` as a column of text, or packs
    the same long texts so often that a row group unpacks to over 256 MiB and 20 times its size.
    """
    import pyarrow as pa

    groups = row_spans(path)[span].groups if span is not None else None
    with _open(path) as parquet:
        _check_column(path, parquet, text_field)
        present = set(parquet.schema_arrow.names)
        columns = [text_field, *(name for name in OWN_FIELDS if name in present - {text_field})]
        facts = parquet.metadata
        sizes = [facts.row_group(number).num_rows for number in range(facts.num_row_groups)]
        starts = list(accumulate(sizes, initial=0))
        for group in range(facts.num_row_groups) if groups is None else groups:
            row = starts[group]
            left = max(_HARMLESS_BYTES, _MOST_UNPACKED * facts.row_group(group).total_byte_size)
            try:
                for batch in parquet.iter_batches(
                    batch_size=_batch_rows(facts.row_group(group)),
                    row_groups=[group],
                    columns=columns,
                ):
                    cells = [_cells(batch.column(name)) for name in columns]
                    for values in zip(*cells, strict=True):
                        row += 1
                        left -= len(values[0] or "")
                        if left < 0:
                            raise _bomb(path, group, facts.row_group(group).total_byte_size)
                        yield _row_item(f":{row}", dict(zip(columns, values, strict=True)))
                if row != starts[group + 1]:
                    raise broken_file(
                        path,
                        f"{row - starts[group]} rows in row group {group}",
                        expected=f"{sizes[group]} rows",
                    )
            except (pa.ArrowException, OSError) as error:
                raise broken_file(
                    path,
                    f"row group {group}, after row {row}: {str(error).splitlines()[0]}",
                    expected="readable row groups",
                ) from error


def _open(path: Path) -> pq.ParquetFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        parquet = pq.ParquetFile(
            path, pre_buffer=False, buffer_size=1 << 20, page_checksum_verification=True
        )
        facts, _ = parquet.metadata, parquet.schema_arrow.names
        rows = sum(facts.row_group(number).num_rows for number in range(facts.num_row_groups))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        found = str(error).splitlines()[0]
        raise broken_file(path, found, expected="a whole Parquet file") from error
    if rows != facts.num_rows:
        parquet.close()
        raise broken_file(path, f"{rows} rows in its groups", expected=f"{facts.num_rows} rows")
    return parquet


def _check_column(path: Path, parquet: pq.ParquetFile, text_field: str) -> None:
    import pyarrow.types as pt

    schema = parquet.schema_arrow
    if schema.names.count(text_field) != 1:
        raise no_column(path, schema.names, text_field)
    kind = schema.field(text_field).type
    kind = kind.value_type if pt.is_dictionary(kind) else kind
    if not (_is_text(kind) or pt.is_binary(kind) or pt.is_large_binary(kind)):
        raise no_column(path, [f"{field.name}: {field.type}" for field in schema], text_field)


def _is_text(kind: Any) -> bool:
    import pyarrow.types as pt

    return pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind)


def _batch_rows(group: Any) -> int:
    mean = max(1, group.total_byte_size // max(1, group.num_rows))
    return max(1, min(_MOST_ROWS, _BATCH_BYTES // mean))


def _bomb(path: Path, group: int, size: int) -> InputError:
    return InputError(
        "A Parquet file unpacks to far more than it holds.",
        where=path,
        found=f"over {max(_HARMLESS_BYTES, _MOST_UNPACKED * size)} bytes of text in row group "
        f"{group}, from {size} bytes",
        expected=f"at most {_MOST_UNPACKED} times the bytes of a row group, or 256 MiB",
        remedy="write each text once, or the file anew with smaller row groups",
    )


def _cells(column: Any) -> list[Any]:
    """The values of a column; text that is not UTF-8, as writers do not check it, as bytes."""
    import pyarrow as pa
    import pyarrow.types as pt

    if pt.is_dictionary(column.type):
        values = _cells(column.dictionary)  # equal texts stay one
        return [None if place is None else values[place] for place in column.indices.to_pylist()]
    if not _is_text(column.type):
        return column.to_pylist()
    return [
        None if value is None else _utf8_or_bytes(value)
        for value in column.cast(pa.large_binary()).to_pylist()
    ]


def _utf8_or_bytes(value: bytes) -> str | bytes:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value


def _row_item(place: str, values: Mapping[str, Any]) -> Item:
    text = next(iter(values.values()))  # the text's column comes first
    if text is None:
        return Item(place, None, fault="broken_record")
    if len(text) > RECORD_BYTES:
        return Item(place, None, fault="too_large")
    return Item(place, text, own_fields(values))
