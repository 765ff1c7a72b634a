"""Recall and precision on planted near-duplicates, against datasketch at equal settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.equal import DEDUPE, NGRAM_WORDS, PERMUTATIONS, SEED, SIMILARITY
from benchmarks.house import ROOT, House
from benchmarks.measure import Row, row, run_measured, version
from llm.files import read_json, write_json

SCALE = 1.0
_MEASURES = (("recall of near-duplicates", "recall"), ("precision", "precision"))


def rows(work: Path, *, scale: float = SCALE) -> list[Row]:
    """Two rows: both find duplicates among the same cleaned stories, and llm.corpus.planted scores
    both by what was planted."""
    house = House(work / "duplicates", changes={"dedupe": DEDUPE})
    house.fill_from_url(f"synthetic://stories?seed=1&scale={scale:g}")
    house.run("clean", "dedupe")
    ours = figures(house.metrics("dedupe")["planted"])
    theirs = figures(_score(house, _datasketch(house)))
    return [
        row(
            f"planted duplicates, scale {scale:g}: {name}",
            unit="fraction",
            ours=ours[key],
            peer=theirs[key],
            peer_name=f"datasketch {version('datasketch')}",
            at_least=1.0,
        )
        for name, key in _MEASURES
    ]


def figures(planted: dict[str, Any]) -> dict[str, float]:
    """Recall of near-duplicates and precision out of a score."""
    return {"recall": planted["recall"]["near_duplicate"], "precision": planted["precision"]}


def _datasketch(house: House) -> list[tuple[str, str]]:
    from llm.corpus.dedupe.signatures import choose_bands

    bands = choose_bands(PERMUTATIONS, SIMILARITY)
    settings, result = house.folder / "datasketch.json", house.folder / "pairs.json"
    write_json(
        settings,
        {
            "documents": str(house.data("documents/clean")),
            "ngram_words": NGRAM_WORDS,
            "permutations": PERMUTATIONS,
            "bands": bands.bands,
            "rows": bands.rows,
            "similarity": SIMILARITY,
            "seed": SEED,
            "result": str(result),
        },
    )
    run_measured(
        [sys.executable, "-m", "benchmarks.peers.datasketch_lsh", settings],
        cwd=ROOT,
        log=house.folder / "logs" / "datasketch.log",
        environment={},
    )
    return [tuple(pair) for pair in read_json(result, made_by="datasketch")]


def _score(house: House, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """What our own score says of the pairs: one document per cluster stays, the lowest id."""
    from llm.corpus.documents import read_rows
    from llm.corpus.planted import read_planted, score

    cluster = clusters(pairs)
    found: dict[str, str] = {}
    unique: dict[str, str] = {}
    columns = ["id", "raw_id"]
    for document in read_rows(house.data("documents/clean"), made_by="clean", columns=columns):
        name: str = cluster.get(document["id"]) or document["id"]
        found[document["raw_id"]] = name
        unique.setdefault(name, document["raw_id"])
    return score(
        read_planted(house.data("raw/corpus")), clean=found, unique=set(unique.values()), left={}
    )


def clusters(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The lowest id that chains of pairs reach, for every id of a pair."""
    lowest: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for pair in pairs:
        groups = {lowest.get(name, name) for name in pair}
        joined = sorted({name for group in groups for name in members.pop(group, [group])})
        members[joined[0]] = joined
        lowest.update(dict.fromkeys(joined, joined[0]))
    return lowest
