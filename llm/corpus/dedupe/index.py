"""The documents numbered in the order of their ids, equal texts once; what is known of each.

Arrays lie in files that the system maps into memory, and takes out again as it needs room.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

_ID = np.dtype("S16")
_CHUNK_ROWS = 1 << 16


@dataclass(frozen=True)
class Scratch:
    """Arrays in files of one folder, which the caller removes."""

    directory: Path

    def array(self, name: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """A new array of zeros, in a file. Raises OSError where the disk has no room for it."""
        if 0 in shape:
            return np.zeros(shape, dtype=dtype)
        with (self.directory / name).open("wb") as file:
            size = math.prod(shape) * np.dtype(dtype).itemsize
            # Room that is lacking only when a page is written ends the process without a word.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
        return np.memmap(self.directory / name, dtype=dtype, mode="r+", shape=shape)

    def numbers(self, name: str, count: int) -> NDArray[np.int64]:
        """The numbers from 0 to count - 1, in a file."""
        array = self.array(name, (count,), np.int64)
        for start in range(0, count, _CHUNK_ROWS):
            stop = min(start + _CHUNK_ROWS, count)
            array[start:stop] = np.arange(start, stop)
        return array


def read_array(path: Path, dtype: Any) -> NDArray[Any]:
    """The numbers in a file, (n,), mapped into memory."""
    if not path.stat().st_size:
        return np.zeros(0, dtype=dtype)
    return np.memmap(path, dtype=dtype, mode="r")


@dataclass(frozen=True)
class Index:
    """What is known of each different text, in the order of ids.

    ids: (n,) 16 bytes. quality: (n,) float32. text_bytes: (n,) int64. copies: (n,) int64, the rows
    with this text. scratch: where these and all later arrays lie.
    """

    ids: NDArray[Any]
    quality: NDArray[np.float32]
    text_bytes: NDArray[np.int64]
    copies: NDArray[np.int64]
    scratch: Scratch


def pack_ids(ids: Iterable[str]) -> NDArray[Any]:
    """Ids of 32 hexadecimal digits as 16 bytes each."""
    return np.frombuffer(bytes.fromhex("".join(ids)), dtype=_ID)


def unpack_ids(ids: NDArray[Any]) -> list[str]:
    """The inverse of `pack_ids`."""
    digits = np.ascontiguousarray(ids).tobytes().hex()
    return [digits[start : start + 32] for start in range(0, len(digits), 32)]


def read_index(batches: Iterable[pa.RecordBatch], scratch: Scratch, *, rows: int) -> Index:
    """Number the documents. batches: columns id, quality and text, ordered by id; `rows` in all."""
    ids = scratch.array("ids", (rows,), _ID)
    quality = scratch.array("quality", (rows,), np.float32)
    sizes = scratch.array("text_bytes", (rows,), np.int64)
    copies = scratch.array("copies", (rows,), np.int64)
    count = 0
    for batch, numbers, first in numbered(batches):
        new = numbers[first]
        ids[new] = pack_ids(batch.column("id").to_pylist())[first]
        quality[new] = batch.column("quality").to_numpy(zero_copy_only=False)[first]
        sizes[new] = pc.binary_length(batch.column("text")).to_numpy()[first]
        np.add.at(copies, numbers, 1)
        count = int(numbers[-1]) + 1
    return Index(ids[:count], quality[:count], sizes[:count], copies[:count], scratch)


def numbered(
    batches: Iterable[pa.RecordBatch],
) -> Iterator[tuple[pa.RecordBatch, NDArray[np.int64], NDArray[np.bool_]]]:
    """Batches ordered by id, with each row's number, and whether it is the first of its id."""
    last, count = b"", 0
    for batch in batches:
        if not batch.num_rows:
            continue
        ids = pack_ids(batch.column("id").to_pylist())
        first = np.ones(len(ids), dtype=bool)
        first[1:] = ids[1:] != ids[:-1]
        first[0] = count == 0 or ids[0] != last
        numbers = count - 1 + np.cumsum(first)
        last, count = ids[-1], int(numbers[-1]) + 1
        yield batch, numbers, first
