"""Which of the real books' files are one book: dedupe's clusters against a hand-made truth."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.corpora import mirror
from benchmarks.house import House
from benchmarks.measure import Row, row

# By hand: the files that hold one and the same book, whatever its edition and encoding.
EDITIONS: tuple[frozenset[str], ...] = (
    frozenset({"1342-0.txt", "1342.txt", "pandp10.txt"}),  # Pride and Prejudice
    frozenset({"1661-8.txt", "1661.txt", "advsh12.txt"}),  # The Adventures of Sherlock Holmes
    frozenset({"972.txt", "dvldc10.txt"}),  # The Devil's Dictionary
    frozenset({"16215-8.txt", "16215.txt"}),  # Jack Sheppard
    frozenset({"15122-8.txt"}),  # The Little Colonel's Hero
    frozenset({"14263-8.txt"}),  # Katrine
    frozenset({"18304-8.txt"}),  # American Adventures
    frozenset({"3261.txt"}),  # News from Nowhere
)
Pairs = set[frozenset[str]]


def rows(work: Path) -> list[Row]:
    """Three rows under the profile books: pairs found of the true pairs, true pairs of those found,
    and books that come out; none where LLM_MIRROR is not set."""
    if mirror() is None:
        return []
    house = House(work / "editions", profile="books")
    house.run("download", "clean", "dedupe")
    found = pairs_of(clusters_of(house))
    true = pairs_of(EDITIONS)
    measures = {
        "recall of pairs": len(found & true) / len(true),
        "precision of pairs": len(found & true) / len(found) if found else 0.0,
    }
    kept = kept_of(house)
    found_once = sum(len(files & kept) == 1 for files in EDITIONS)
    made = [(name, "fraction", value, 1.0) for name, value in measures.items()]
    made.append(("books that come out once", "books", found_once, len(EDITIONS)))
    return [
        row(
            f"editions of the real books: {name}",
            unit=unit,
            ours=ours,
            peer=true_value,
            peer_name="truth by hand",
            at_least=1.0,
        )
        for name, unit, ours, true_value in made
    ]


def pairs_of(groups: Iterable[Iterable[str]]) -> Pairs:
    """Every pair of names that stand in one group."""
    return {frozenset(pair) for group in groups for pair in combinations(sorted(group), 2)}


def clusters_of(house: House) -> list[set[str]]:
    """The files of each cluster, as the stage dedupe wrote down what became of each document."""
    groups: dict[str, set[str]] = {}
    for member in _members(house):
        groups.setdefault(member["cluster"], set()).add(member["raw_id"])
    return list(groups.values())


def kept_of(house: House) -> set[str]:
    """The files whose document stayed."""
    return {member["raw_id"] for member in _members(house) if member["kept"]}


def _members(house: House) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for path in sorted(house.data("documents/clusters").glob("*.parquet")):
        yield from pq.read_table(path, columns=["cluster", "raw_id", "kept"]).to_pylist()
