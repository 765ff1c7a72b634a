"""Keep one of each cluster of exact and near duplicates, and name the cluster."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from pydantic import Field

from llm.config import Section


class Config(Section):
    """When two documents count as one."""

    ngram_words: int = Field(ge=1, le=50, description="words in a row that are compared")
    permutations: int = Field(
        ge=16, le=1024, description="hashes per MinHash signature; more estimate more exactly"
    )
    similarity: float = Field(
        gt=0.0, le=1.0, description="least Jaccard similarity of the word n-grams of two documents"
    )
    seed: int = Field(ge=0, le=2**32 - 1, description="seed of the hashes")


def run(config: Config, *, documents: Path, raw: Path, unique: Path) -> dict[str, Any]:
    """Write one document per cluster, the longest and then the one with the lowest id.

    Returns counts of exact and near duplicates and of clusters, the greatest clusters' sizes, and,
    where `raw` says what was planted, recall and precision (see llm.corpus.planted.score).
    """
    from llm.corpus.dedup import clusters_of, find_near_pairs, survivors
    from llm.corpus.documents import DOCUMENT_SCHEMA, PartWriter, read_rows
    from llm.corpus.planted import read_planted, score
    from llm.files import new_directory, read_manifest, write_manifest

    read_manifest(documents, made_by="clean")
    parts = sorted(documents.glob("part-*.parquet"))
    planted = read_planted(raw)
    left: dict[str, int] = {}
    facts: list[tuple[str, str, int]] = []
    # Reading the columns first names a truncated part in our words, not the engine's.
    for row in read_rows(documents, made_by="clean", columns=["id", "raw_id", "text"]):
        facts.append((row["id"], row["raw_id"], len(row["text"])))
        if row["raw_id"] in planted:
            marks = planted[row["raw_id"]].marks
            left[row["raw_id"]] = sum(mark in row["text"] for mark in marks)
    lengths = {name: length for name, _, length in facts}
    print(f"dedupe: {len(facts):,} documents, {len(lengths):,} different texts", flush=True)
    pairs = find_near_pairs(
        parts,
        ngram_words=config.ngram_words,
        permutations=config.permutations,
        similarity=config.similarity,
        seed=config.seed,
    )
    clusters = clusters_of(pairs)
    best = survivors(clusters, lengths)
    kept: set[str] = set()
    with new_directory(unique) as folder:
        writer = PartWriter(folder, DOCUMENT_SCHEMA)
        last = ""
        for row in read_rows(documents, made_by="clean"):  # ordered by id: exact ones are adjacent
            name: str = row["id"]
            cluster = clusters.get(name, name)
            if name != last and best.get(cluster, name) == name:
                writer.add({**row, "cluster": cluster})
                kept.add(row["raw_id"])
            last = name
        writer.close()
        write_manifest(folder, documents=writer.rows)
    sizes = Counter(clusters.get(name, name) for name, _, _ in facts)
    metrics: dict[str, Any] = {
        "documents_in": len(facts),
        "documents_kept": writer.rows,
        "exact_duplicates": len(facts) - len(lengths),
        "near_duplicates": len(lengths) - writer.rows,
        "clusters_of_several": sum(1 for size in sizes.values() if size > 1),
        "largest_cluster": max(sizes.values(), default=0),
        "duplicate_fraction": round(1 - writer.rows / len(facts), 6) if facts else 0.0,
    }
    if planted:
        clean = {raw_id: clusters.get(name, name) for name, raw_id, _ in facts}
        metrics["planted"] = score(planted, clean=clean, unique=kept, left=left)
    return metrics
