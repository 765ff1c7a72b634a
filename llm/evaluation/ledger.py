"""The licence ledger of the report: what came under which licence, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Row = dict[str, Any]


def licence_rows(stages: Mapping[str, Any]) -> list[Row]:
    """One row per source and licence, from the metrics of download, clean and tokenize.

    files, bytes: as brought, under the licence of the source; 0 where only single records bring
    it. The counts of cleaning, see llm.corpus.licences, are None for what is no corpus. tokens:
    those of the source in the training split, under all its licences; only in its first row.
    """
    rows: dict[tuple[str, str], Row] = {}
    for brought in stages.get("download", {}).get("by_source", []):
        source, licence = brought["name"], brought["licence"]
        rows[source, licence] = _row(source, licence) | {
            name: brought[name] for name in ("files", "bytes")
        }
    for counts in stages.get("clean", {}).get("licence_ledger", []):
        source, licence = counts["source"], counts["licence"]
        rows.setdefault((source, licence), _row(source, licence)).update(counts)
    tokens = {row["source"]: row["tokens"] for row in stages.get("tokenize", {}).get("sources", [])}
    for _, row in sorted(rows.items()):
        row["tokens"] = tokens.pop(row["source"], None)
    return [row for _, row in sorted(rows.items())]


def _row(source: str, licence: str) -> Row:
    counts = ("documents_kept", "documents_dropped", "documents_forbidden")
    characters = ("characters_kept", "characters_dropped")
    return {
        "source": source,
        "licence": licence,
        "files": 0,
        "bytes": 0,
        **dict.fromkeys((*counts, *characters)),
    }
