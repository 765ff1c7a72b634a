"""Components, groups and pairs, against the plainest way to find them."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.dedupe.unions import Unions, best_of_group, equal_groups, pairs_of_groups


def plain_components(count: int, pairs: list[tuple[int, int]]) -> list[int]:
    """The lowest number that chains of pairs reach from each."""
    lowest = list(range(count))
    for _ in range(count):
        for one, two in pairs:
            lowest[one] = lowest[two] = min(lowest[one], lowest[two])
    return lowest


@settings(deadline=None)  # the first call imports
@given(
    st.integers(1, 14).flatmap(
        lambda n: st.tuples(
            st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)))
        )
    ),
    st.integers(1, 5),
)
def test_components(case, at_once):
    count, pairs = case
    unions = Unions(np.arange(count))
    for start in range(0, len(pairs), at_once):
        piece = np.array(pairs[start : start + at_once], dtype=np.int64)
        unions.join(piece[:, 0], piece[:, 1])
    assert unions.settle(chunk=3).tolist() == plain_components(count, pairs)


def test_a_long_chain_in_a_bad_order():
    unions = Unions(np.arange(1_000))
    unions.join(np.arange(999, 0, -1), np.arange(998, -1, -1))
    assert set(unions.settle().tolist()) == {0}


@settings(deadline=None)  # the first call imports
@given(st.lists(st.integers(0, 6), max_size=60), st.sampled_from([50, 500, 10**6]))
def test_groups_of_equal_keys(small, memory):
    keys = np.array([key * (2**64 // 7) for key in small], dtype=np.uint64)  # all over the range
    rows = np.arange(len(keys)) * 2 + 5
    expected = defaultdict(list)
    for value, name in zip(small, rows.tolist(), strict=True):
        expected[value].append(name)
    found = []
    for members, group in equal_groups(keys, rows, memory_bytes=memory):
        for _, part in itertools.groupby(
            zip(members.tolist(), group.tolist(), strict=True), key=lambda member: member[1]
        ):
            found.append([name for name, _ in part])
    assert found == [names for _, names in sorted(expected.items()) if len(names) > 1]


def test_the_highest_key_is_not_forgotten():
    keys = np.array([2**64 - 1, 0, 2**64 - 1], dtype=np.uint64)
    for memory in (1, 10**6):
        (found,) = equal_groups(keys, np.arange(3), memory_bytes=memory)
        assert found[0].tolist() == [0, 2]


def all_pairs(rows, group):
    return {
        (one, other)
        for ones, others in pairs_of_groups(rows, group)
        for one, other in zip(ones.tolist(), others.tolist(), strict=True)
        if one != other
    }


def test_small_groups_are_paired_in_full():
    rows = np.array([3, 5, 9, 1, 2, *range(20, 52)])
    group = np.array([0, 0, 0, 4, 4, *[7] * 32])
    expected = {(3, 5), (3, 9), (5, 9), (1, 2), *itertools.combinations(range(20, 52), 2)}
    assert all_pairs(rows, group) == expected


def test_large_groups_are_paired_with_the_first_and_neighbours():
    rows, group = np.arange(43), np.array([0, 0, *[1] * 40, 1])
    members = range(2, 43)
    expected = {(0, 1), *((2, n) for n in members if n > 2), *itertools.pairwise(members)}
    assert all_pairs(rows, group) == expected


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]])
def test_the_best_is_of_highest_quality_then_lowest_number(order):
    labels = np.array([7, 7, 7, 2, 2])[order]
    rows = np.array([1, 2, 3, 8, 9])[order]
    quality = np.array([0.1, 0.9, 0.9, np.nan, 0.0], dtype=np.float32)[order]
    best = best_of_group(labels, rows, quality)
    assert dict(zip(rows.tolist(), best.tolist(), strict=True)) == {1: 2, 2: 2, 3: 2, 8: 9, 9: 9}
