"""Connected components of numbered things, and equal keys among them, by whole arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]

_LARGEST_FULL_GROUP = 32  # things of one group that are paired all with all
_SORT_BYTES = 48  # of memory per thing while keys are sorted: key, row, order, and copies


class Unions:
    """Disjoint sets of the numbers 0 to n - 1, named by their lowest (union-find: Tarjan 1975).

    parents: as many numbers, of which each points at one of its set that is not above it; kept and
    changed in place, so that it may lie in a file.
    """

    def __init__(self, parents: Rows) -> None:
        self.parents = parents

    def roots(self, rows: Rows) -> Rows:
        """The lowest of each one's set."""
        found = self.parents[rows]
        while True:
            above = self.parents[found]
            if np.array_equal(above, found):
                self.parents[rows] = found  # the way is shorter the next time
                return found
            found = above

    def join(self, one: Rows, other: Rows) -> None:
        """Unite the sets of one[k] and other[k], for every k."""
        while len(one):
            one, other = self.roots(one), self.roots(other)
            apart = one != other
            one, other = one[apart], other[apart]
            # Of several sets that a root would join, the lowest wins; the others come round again.
            np.minimum.at(self.parents, np.maximum(one, other), np.minimum(one, other))

    def settle(self, chunk: int = 1 << 20) -> Rows:
        """The lowest of every set, by number: `parents` itself, with all ways made short."""
        for start in range(0, len(self.parents), chunk):
            self.roots(np.arange(start, min(start + chunk, len(self.parents))))
        return self.parents


def equal_groups(
    keys: NDArray[np.uint64], rows: Rows, *, memory_bytes: int
) -> Iterator[tuple[Rows, Rows]]:
    """Rows with equal keys, a bounded number at a time: those of one range of keys.

    keys: of rows, in ascending order of rows; may lie in a file. Yields rows, equal ones side by
    side and ascending, and for each the number of its group; rows alone of their key are left out.
    """
    ranges = 1 + len(rows) * _SORT_BYTES // memory_bytes
    edges = [number * 2**64 // ranges for number in range(ranges)]
    for low, high in zip(edges, [*edges[1:], 2**64], strict=True):
        inside = (keys >= np.uint64(low)) & (keys <= np.uint64(high - 1))
        chosen, values = rows[inside], np.asarray(keys[inside])
        order = np.argsort(values, kind="stable")
        chosen, values = chosen[order], values[order]
        new = np.ones(len(values), dtype=bool)
        new[1:] = values[1:] != values[:-1]
        group = np.cumsum(new) - 1
        several = np.bincount(group)[group] > 1 if len(group) else new
        if several.any():
            yield chosen[several], group[several]


def pairs_of_groups(rows: Rows, group: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of rows of one group, as arrays; what `equal_groups` yields goes in.

    Of a group of more than 32 each is paired with the first and its neighbours alone: all pairs
    of a large group would be too many, and its sets are joined by few.
    """
    _, starts, numbers, sizes = np.unique(
        group, return_index=True, return_inverse=True, return_counts=True
    )
    full = sizes[numbers] <= _LARGEST_FULL_GROUP
    for distance in range(1, min(_LARGEST_FULL_GROUP, len(rows))):
        near = numbers[distance:] == numbers[:-distance]
        if distance > 1:
            near &= full[distance:]
        if not near.any():
            return
        yield rows[:-distance][near], rows[distance:][near]
        if distance == 1:
            crowd = np.flatnonzero(~full)
            yield rows[starts[numbers[crowd]]], rows[crowd]


def best_of_group(labels: NDArray[Any], rows: Rows, quality: NDArray[np.float32]) -> Rows:
    """For each row the best of its label: the highest quality, then the lowest row.

    labels, quality: by position in `rows`. A quality that is no number counts as the lowest.
    """
    worth = np.nan_to_num(quality.astype(np.float64), nan=-np.inf)
    order = np.lexsort((rows, -worth, labels))
    ordered = labels[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = ordered[1:] != ordered[:-1]
    best = np.empty(len(order), dtype=np.int64)
    best[order] = rows[order[np.flatnonzero(new)]][np.cumsum(new) - 1]
    return best
