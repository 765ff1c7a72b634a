"""How well cleaning and deduping did, where a synthetic corpus says what was planted in it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from llm.corpus.documents import PLANTED
from llm.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

DUPLICATES = ("exact_duplicate", "near_duplicate")


class Planted(NamedTuple):
    """What one document is: its kind of dirt ("clean" for none), the raw id it was made of, and
    the strings that a repair removes."""

    kind: str
    of: str | None
    marks: tuple[str, ...]


class Observed:
    """What became of the planted documents, gathered while a stage reads and writes.

    Gathers nothing where nothing was planted.
    """

    def __init__(self, planted: Mapping[str, Planted]) -> None:
        self.planted = planted
        self._left: dict[str, int] = {}
        self._cluster: dict[str, str] = {}
        self._kept: set[str] = set()

    def watch(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Hand on batches with the columns raw_id and text, and count the marks that are left."""
        for batch in batches:
            if self.planted:
                for place, raw_id in enumerate(batch.column("raw_id").to_pylist()):
                    if raw_id in self.planted and (marks := self.planted[raw_id].marks):
                        text = batch.column("text")[place].as_py()
                        self._left[raw_id] = sum(mark in text for mark in marks)
            yield batch

    def decide(self, raw_ids: pa.Array, clusters: pa.Array, kept: pa.Array) -> None:
        """Note the cluster of each document, and whether it stays."""
        if self.planted:
            names = raw_ids.to_pylist()
            self._cluster.update(zip(names, clusters.to_pylist(), strict=True))
            self._kept.update(raw_ids.filter(kept).to_pylist())

    def score(self) -> dict[str, Any]:
        """See the function `score`."""
        return score(self.planted, clean=self._cluster, unique=self._kept, left=self._left)


def read_planted(raw: Path) -> dict[str, Planted]:
    """What was planted, by raw id.

    Empty where the folder holds no planted.jsonl. Raises InputError for a broken line.
    """
    planted: dict[str, Planted] = {}
    for path in sorted(raw.rglob(PLANTED)):
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                try:
                    row = json.loads(line)
                    repairable = row.get("expected") == "repair"
                    # White space alone stands in every text.
                    marks = [m for m in row.get("marks", ()) if repairable and m.strip()]
                    planted[str(row["id"])] = Planted(row["planted"], row.get("of"), tuple(marks))
                except (ValueError, KeyError, AttributeError) as error:
                    raise InputError(
                        "A line of what was planted cannot be read.",
                        where=f"{path}, line {number}",
                        found=line[:100].rstrip(),
                        expected='{"id": ..., "planted": ..., "of": ...}',
                        remedy="make it again: dvc repro --force download",
                    ) from error
    return planted


def score(
    planted: Mapping[str, Planted],
    *,
    clean: Mapping[str, str],
    unique: Collection[str],
    left: Mapping[str, int],
) -> dict[str, Any]:
    """Score cleaning and deduping against what was planted.

    clean: cluster by raw id, of the cleaned documents. unique: the raw ids that deduping kept.
    left: marks that still stand in a cleaned document, by raw id. Returns
    - kept_fraction: per kind, the fraction of its documents that stand in the cleaned ones;
    - repaired_fraction: per kind with marks, the fraction of marks that are gone from these;
    - recall: per kind of duplicate, the fraction found, of those whose family (the documents made
      of one another) has another member among the cleaned ones;
    - precision: the fraction of removed documents whose cluster holds another of their family.
    """
    family = {raw_id: _root(raw_id, planted) for raw_id in planted}
    result: dict[str, Any] = {"kept_fraction": {}, "repaired_fraction": {}, "recall": {}}
    for kind in sorted({what.kind for what in planted.values()}):
        ids = [raw_id for raw_id, what in planted.items() if what.kind == kind]
        kept = [raw_id for raw_id in ids if raw_id in clean]
        result["kept_fraction"][kind] = _fraction(len(kept), len(ids))
        marks = sum(len(planted[raw_id].marks) for raw_id in kept)
        if marks:
            gone = marks - sum(left.get(raw_id, 0) for raw_id in kept)
            result["repaired_fraction"][kind] = _fraction(gone, marks)
    members: dict[str, list[str]] = {}
    for raw_id in clean:
        members.setdefault(family.get(raw_id, raw_id), []).append(raw_id)
    for kind in DUPLICATES:
        pairs = [p for p in _pairs(planted, clean, family, members) if planted[p[0]].kind == kind]
        found = sum(clean[one] == clean[two] for one, two in pairs)
        result["recall"][kind] = _fraction(found, len(pairs))
    removed = [raw_id for raw_id in clean if raw_id not in unique]
    right = sum(
        any(
            clean[other] == clean[raw_id]
            for other in members[family.get(raw_id, raw_id)]
            if other != raw_id
        )
        for raw_id in removed
    )
    result["precision"] = _fraction(right, len(removed))
    return result


def _pairs(
    planted: Mapping[str, Planted],
    clean: Mapping[str, str],
    family: Mapping[str, str],
    members: Mapping[str, list[str]],
) -> Iterator[tuple[str, str]]:
    """Every planted duplicate with its original, or with its family's first where that is gone."""
    for raw_id, what in planted.items():
        if what.kind not in DUPLICATES or raw_id not in clean:
            continue
        others = [other for other in members[family[raw_id]] if other != raw_id]
        if what.of is not None and what.of in clean:
            yield raw_id, what.of
        elif others:
            yield raw_id, min(others)


def _root(raw_id: str, planted: Mapping[str, Planted]) -> str:
    seen = {raw_id}
    while raw_id in planted and (original := planted[raw_id].of) and original not in seen:
        raw_id = original
        seen.add(raw_id)
    return raw_id


def _fraction(part: int, whole: int) -> float | None:
    return round(part / whole, 6) if whole else None
