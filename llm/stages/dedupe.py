"""Keep one of each cluster of exact and near duplicates, and name the cluster."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from llm.config import Section
from llm.tracking import Tracker

if TYPE_CHECKING:
    import pyarrow as pa

    from llm.corpus.dedupe.clusters import Clusters
    from llm.corpus.dedupe.index import Index
    from llm.corpus.planted import Observed

_MADE_BY = "clean"


class Pieces(Section):
    """When a piece of a document counts as said before."""

    minimum_words: int = Field(ge=1, description="shorter pieces may repeat")
    minimum_document_words: int = Field(
        ge=1, description="a document that lost a piece and has fewer words left is dropped"
    )


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
    paragraphs: Pieces | None = Field(
        description="drop paragraphs, set off by empty lines, whose words stand in a document of "
        "lower id already; null: keep them"
    )
    lines: Pieces | None = Field(
        description="the same for lines, after paragraphs; null: keep them"
    )


def run(
    config: Config,
    *,
    documents: Path,
    raw: Path,
    unique: Path,
    clusters: Path,
    cache: Path | None = None,
    tracker: Tracker | None = None,
) -> dict[str, Any]:
    """Write one document per cluster, the best by quality and then the one with the lowest id,
    without paragraphs or lines said before where that is asked for; and to `clusters` what became
    of each document. Of copies of one text the first by source and raw_id stays, with its licence.

    cache: signatures of before, by id (see llm.corpus.dedupe.signed); without it all are made.
    Returns counts of exact, normalised (equal words) and near duplicates, of clusters and of pieces
    dropped, the greatest cluster's size, the probability curve of the search, and, where `raw` says
    what was planted, recall and precision (see llm.corpus.planted.score). Memory: LLM_MEMORY.
    """
    from llm.arrow import spare_pandas
    from llm.corpus.cluster import where_asked
    from llm.corpus.dedupe.clusters import find_clusters
    from llm.corpus.dedupe.index import Scratch, read_index
    from llm.corpus.dedupe.signatures import Signing, choose_bands
    from llm.corpus.dedupe.signed import open_signer
    from llm.corpus.documents import read_documents, row_count
    from llm.corpus.planted import Observed, read_planted
    from llm.files import new_directory, read_manifest, write_manifest
    from llm.memory import memory_bytes

    spare_pandas()
    read_manifest(documents, made_by=_MADE_BY)
    rows = row_count(documents, made_by=_MADE_BY)
    seen = Observed(read_planted(raw))
    with new_directory(unique) as folder, new_directory(clusters) as members:
        place = folder / ".work"
        place.mkdir()
        try:
            # Reading here first names a truncated part in our words, not the engine's.
            columns = ["id", "quality", "raw_id", "text"]
            batches = seen.watch(read_documents(documents, made_by=_MADE_BY, columns=columns))
            index = read_index(batches, Scratch(place), rows=rows)
            print(f"dedupe: {rows:,} documents, {len(index.ids):,} different texts", flush=True)
            parts = sorted(documents.resolve().glob("part-*.parquet"))
            signing = Signing(config.ngram_words, config.permutations, config.seed)
            signer = open_signer(cache, signing, parts=len(parts), scratch=place)
            with where_asked():
                found = find_clusters(
                    index,
                    parts,
                    signing=signing,
                    similarity=config.similarity,
                    memory_bytes=memory_bytes(),
                    signer=signer,
                )
                pieces = _write_unique(config, documents, index, found, folder, place)
            counts = _write_clusters(documents, index, found, members, seen)
        finally:
            shutil.rmtree(place, ignore_errors=True)
        write_manifest(folder, documents=counts["kept"])
        write_manifest(members, documents=rows)
    signer.finish()
    if tracker is not None:
        tracker.log_timings({"units": signer.documents, "units_cached": signer.known})
    metrics = _metrics(counts, index, found) | pieces
    metrics["candidate_probability"] = choose_bands(config.permutations, config.similarity).curve()
    if seen.planted:
        metrics["planted"] = seen.score()
    return metrics


def _write_unique(
    config: Config, documents: Path, index: Index, found: Clusters, folder: Path, place: Path
) -> dict[str, dict[str, int]]:
    """Write who stays, without pieces that repeat; return counts per kind of piece.

    Of clusters whose document became too short nobody stays: `found` is told.
    """
    from llm.corpus.dedupe.clusters import drop_clusters
    from llm.corpus.dedupe.index import Scratch
    from llm.corpus.dedupe.repeats import SEPARATORS, Repeats, drop_repeats
    from llm.memory import memory_bytes

    counts = {}
    wanted = [name for name in SEPARATORS if getattr(config, name) is not None]
    homes = [*(place / name for name in wanted), folder]  # each reads the one before it
    for home in homes[:-1]:
        home.mkdir()
    _write_survivors(documents, index, found, homes[0])
    for name, source, target in zip(wanted, homes[:-1], homes[1:], strict=True):
        settings = Repeats(SEPARATORS[name], **getattr(config, name).model_dump())
        outcome = drop_repeats(
            source, target, settings, scratch=Scratch(source), memory_bytes=memory_bytes()
        )
        drop_clusters(index, found, outcome.dropped)
        shutil.rmtree(source)
        counts[name] = dict(outcome.counts)
    return counts


def _write_survivors(documents: Path, index: Index, found: Clusters, folder: Path) -> None:
    import pyarrow as pa

    from llm.corpus.dedupe.index import numbered, unpack_ids
    from llm.corpus.documents import DOCUMENT_SCHEMA, read_documents
    from llm.corpus.parts import PrefixWriter, part_bits

    kept_bytes, kept_rows = int(index.text_bytes[found.kept].sum()), int(found.kept.sum())
    writer = PrefixWriter(folder, DOCUMENT_SCHEMA, bits=part_bits(kept_bytes, rows=kept_rows))
    for batch, numbers, first in numbered(read_documents(documents, made_by=_MADE_BY)):
        names = unpack_ids(index.ids[found.cluster[numbers]])
        kept = pa.array(first & found.kept[numbers])
        writer.add(_table(batch, DOCUMENT_SCHEMA, cluster=pa.array(names)).filter(kept))
    writer.close()


def _write_clusters(
    documents: Path, index: Index, found: Clusters, folder: Path, seen: Observed
) -> Counter[str]:
    """Write what became of each document; return how many of each kind, and how many stay."""
    import numpy as np
    import pyarrow as pa

    from llm.corpus.dedupe.clusters import EXACT, KINDS
    from llm.corpus.dedupe.index import numbered, unpack_ids
    from llm.corpus.documents import CLUSTER_SCHEMA, read_documents
    from llm.corpus.parts import PrefixWriter, part_bits

    counts: Counter[str] = Counter()
    bits = part_bits(0, rows=int(index.copies.sum()))
    writer = PrefixWriter(folder, CLUSTER_SCHEMA, bits=bits)
    columns = ["id", "raw_id", "source"]
    batches = read_documents(documents, made_by=_MADE_BY, columns=columns)
    for batch, numbers, first in numbered(batches):
        kept = pa.array(first & found.kept[numbers])
        kinds = [KINDS[kind] for kind in np.where(first, found.kind[numbers], EXACT)]
        names = pa.array(unpack_ids(index.ids[found.cluster[numbers]]))
        writer.add(_table(batch, CLUSTER_SCHEMA, cluster=names, kind=pa.array(kinds), kept=kept))
        counts.update(kinds)
        counts["kept"] += kept.true_count
        seen.decide(batch.column("raw_id"), names, kept)
    writer.close()
    return counts


def _table(batch: pa.RecordBatch, schema: pa.Schema, **columns: pa.Array) -> pa.Table:
    """The columns of a schema, some of them new."""
    import pyarrow as pa

    found = dict(zip(batch.schema.names, batch.columns, strict=True)) | columns
    return pa.table([found[name] for name in schema.names], schema=schema)


def _metrics(counts: Counter[str], index: Index, found: Clusters) -> dict[str, Any]:
    import numpy as np

    sizes = np.bincount(found.cluster, weights=index.copies, minlength=1).astype(np.int64)
    rows = int(index.copies.sum())
    return {
        "documents_in": rows,
        "documents_kept": counts["kept"],
        "exact_duplicates": counts["exact"],
        "normalised_duplicates": counts["normalised"],
        "near_duplicates": counts["near"],
        "clusters_of_several": int(np.count_nonzero(sizes > 1)),
        "largest_cluster": int(sizes.max()),
        "duplicate_fraction": round(1 - counts["unique"] / rows, 6) if rows else 0.0,
    }
