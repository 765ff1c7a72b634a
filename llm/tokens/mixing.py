"""Rows of token shards as often as a mixture says, the copies of a document far apart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from llm.tokens.shards import read_batches, read_facts


def mixed_rows(directory: Path, copies: NDArray[Any]) -> Iterator[pa.Table]:
    """The rows of a folder of shards, row n of them copies[n] times, (documents,).

    In rounds: first every document that stands there at all, then those that stand there twice,
    and so on, since a document right behind itself would teach to copy; it stands so only where a
    source has no other. The id of a second copy
    ends in +1, of a third in +2. The shards are read once per round; memory holds a batch.
    """
    facts = read_facts(directory)
    for number in range(int(copies.max(initial=0))):
        position = 0
        for batch in read_batches(directory, facts=facts):
            wanted = copies[position : position + len(batch)] > number
            position += len(batch)
            if not wanted.any():
                continue
            rows = pa.Table.from_batches([batch]).filter(pa.array(wanted))
            if number:
                ids = pc.binary_join_element_wise(rows.column("id"), f"+{number}", "")
                rows = rows.set_column(0, rows.schema.field("id"), ids)
            yield rows
