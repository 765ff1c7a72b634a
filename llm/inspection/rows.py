"""Rows of an artefact's Parquet files, chosen by the values of columns, a few at a time."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llm.errors import ConfigError
from llm.files import open_parquet
from llm.inspection.artefacts import MADE_BY, Artefact
from llm.inspection.plain import short

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_ROWS = 256


def read(
    artefact: Artefact, *, only: Mapping[str, str], columns: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the rows whose columns have the values of `only`, compared as text, in order.

    columns: the ones to read, None for all. Raises ConfigError for a column that is not there.
    """
    wanted = _names(artefact, only, columns)
    for batch in _batches(artefact, wanted):
        for name, value in only.items():
            batch = batch.filter(_equal(batch.column(name), value))
        yield from batch.to_pylist()


def _equal(values: pa.Array, value: str) -> pa.Array:
    """Which values are `value`, as text."""
    import pyarrow as pa

    if pa.types.is_string(values.type):
        import pyarrow.compute as pc

        return pc.fill_null(pc.equal(values, value), False)
    return pa.array([str(one) == value for one in values.to_pylist()], pa.bool_())


def count(artefact: Artefact, names: Sequence[str]) -> tuple[int, dict[str, Counter[str]]]:
    """The number of rows, and how often each value of some columns stands there."""
    import pyarrow.compute as pc

    rows = 0
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    for batch in _batches(artefact, list(names)):
        rows += len(batch)
        for name in names:
            for entry in pc.value_counts(batch.column(name)).to_pylist():
                counts[name][short(entry["values"])] += entry["counts"]
    return rows, counts


def _names(
    artefact: Artefact, only: Mapping[str, str], columns: Sequence[str] | None
) -> list[str] | None:
    assert artefact.schema is not None, "a Parquet artefact"
    known = artefact.schema.names
    for name in only:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise ConfigError(
                "There is no such column.",
                where=artefact.path,
                found=f"--only {name}=...",
                expected=f"one of {', '.join(known)}",
                remedy=f"did you mean {close[0]!r}?" if close else "name one of these columns",
            )
    return None if columns is None else list(dict.fromkeys([*columns, *only]))


def _batches(artefact: Artefact, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    for part in artefact.parts:
        with open_parquet(part, made_by=MADE_BY) as parquet:
            if columns == []:  # Arrow gives no rows without columns
                columns = parquet.schema_arrow.names[:1]
            yield from parquet.iter_batches(batch_size=_BATCH_ROWS, columns=columns)
