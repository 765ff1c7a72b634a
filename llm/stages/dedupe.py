"""Keep one of each cluster of exact and near duplicates, and name the cluster."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from llm.config import Section

if TYPE_CHECKING:
    from llm.corpus.dedup import Clusters
    from llm.corpus.index import Index
    from llm.corpus.planted import Observed

_MADE_BY = "clean"
_MEMBER_BYTES = 128  # a row of the clusters, about


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


def run(
    config: Config, *, documents: Path, raw: Path, unique: Path, clusters: Path
) -> dict[str, Any]:
    """Write one document per cluster, the best by quality and then the one with the lowest id, and
    to `clusters` what became of each.

    Returns counts of exact, normalised (equal words) and near duplicates and of clusters, the
    greatest cluster's size, the probability curve of the search, and, where `raw` says what was
    planted, recall and precision (see llm.corpus.planted.score). Memory: LLM_MEMORY.
    """
    import shutil

    from llm.corpus.dedup import UNIQUE, find_clusters
    from llm.corpus.documents import read_documents, row_count
    from llm.corpus.index import Scratch, read_index
    from llm.corpus.planted import Observed, read_planted
    from llm.corpus.signatures import Signing, choose_bands
    from llm.files import new_directory, read_manifest, write_manifest
    from llm.memory import memory_bytes

    read_manifest(documents, made_by=_MADE_BY)
    rows = row_count(documents, made_by=_MADE_BY)
    seen = Observed(read_planted(raw))
    with new_directory(unique) as folder, new_directory(clusters) as members:
        place = folder / ".scratch"
        place.mkdir()
        try:
            # Reading here first names a truncated part in our words, not the engine's.
            columns = ["id", "quality", "raw_id", "text"]
            batches = seen.watch(read_documents(documents, made_by=_MADE_BY, columns=columns))
            index = read_index(batches, Scratch(place), rows=rows)
            print(f"dedupe: {rows:,} documents, {len(index.ids):,} different texts", flush=True)
            found = find_clusters(
                index,
                sorted(documents.glob("part-*.parquet")),
                signing=Signing(config.ngram_words, config.permutations, config.seed),
                similarity=config.similarity,
                memory_bytes=memory_bytes(),
            )
            counts = _write(documents, index, found, folder, members, seen)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        write_manifest(folder, documents=counts[UNIQUE])
        write_manifest(members, documents=rows)
    metrics = _metrics(counts, index, found)
    metrics["candidate_probability"] = choose_bands(config.permutations, config.similarity).curve()
    if seen.planted:
        metrics["planted"] = seen.score()
    return metrics


def _write(
    documents: Path, index: Index, found: Clusters, unique: Path, clusters: Path, seen: Observed
) -> Counter[int]:
    """Write who stays, and what became of each; return documents per kind."""
    import numpy as np
    import pyarrow as pa

    from llm.corpus.dedup import EXACT, KINDS
    from llm.corpus.documents import CLUSTER_SCHEMA, DOCUMENT_SCHEMA, read_documents
    from llm.corpus.index import numbered, unpack_ids
    from llm.corpus.parts import PrefixWriter, part_bits

    counts: Counter[int] = Counter()
    kept_bytes = int(index.text_bytes[found.kept].sum())
    survivors = PrefixWriter(unique, DOCUMENT_SCHEMA, bits=part_bits(kept_bytes))
    members_bytes = int(index.copies.sum()) * _MEMBER_BYTES
    members = PrefixWriter(clusters, CLUSTER_SCHEMA, bits=part_bits(members_bytes))
    for batch, numbers, first in numbered(read_documents(documents, made_by=_MADE_BY)):
        kept = pa.array(first & found.kept[numbers])
        kinds = np.where(first, found.kind[numbers], EXACT)
        columns = dict(zip(batch.schema.names, batch.columns, strict=True)) | {
            "cluster": pa.array(unpack_ids(index.ids[found.cluster[numbers]])),
            "kind": pa.array([KINDS[kind] for kind in kinds]),
            "kept": kept,
        }
        survivors.add(_table(columns, DOCUMENT_SCHEMA).filter(kept))
        members.add(_table(columns, CLUSTER_SCHEMA))
        counts.update(kinds.tolist())
        seen.decide(columns["raw_id"], columns["cluster"], kept)
    survivors.close()
    members.close()
    return counts


def _table(columns: dict[str, Any], schema: Any) -> Any:
    import pyarrow as pa

    return pa.table([columns[name] for name in schema.names], schema=schema)


def _metrics(counts: Counter[int], index: Index, found: Clusters) -> dict[str, Any]:
    import numpy as np

    from llm.corpus.dedup import EXACT, NEAR, NORMALISED, UNIQUE

    rows = counts.total()
    sizes = np.bincount(found.cluster, weights=index.copies, minlength=1).astype(np.int64)
    return {
        "documents_in": rows,
        "documents_kept": counts[UNIQUE],
        "exact_duplicates": counts[EXACT],
        "normalised_duplicates": counts[NORMALISED],
        "near_duplicates": counts[NEAR],
        "clusters_of_several": int(np.count_nonzero(sizes > 1)),
        "largest_cluster": int(sizes.max()),
        "duplicate_fraction": round(1 - counts[UNIQUE] / rows, 6) if rows else 0.0,
    }
