"""Bring every source's raw files to data/raw, verified, with their licences."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from llm.config import Section
from llm.corpus.sources.members import ArchiveLimits
from llm.corpus.sources.settings import KINDS, Source

_ROWS_SHOWN = 100  # files named among the metrics: a corpus may have a million


class Config(Section):
    """Sources, and how patient downloads are."""

    retries: int = Field(ge=0, le=20, description="further tries per address after the first")
    timeout_seconds: int = Field(
        ge=1, le=3600, description="longest silence of a connection before it counts as broken"
    )
    backoff_seconds: float = Field(
        ge=0, le=60, description="first wait before a further try, at most; doubles with each"
    )
    archives: ArchiveLimits = Field(
        default_factory=ArchiveLimits, description="how large an archive's content may become"
    )
    sources: list[Source] = Field(min_length=1, description="where the raw data comes from")

    @model_validator(mode="after")
    def _names_and_corpus(self) -> Config:
        names = [source.name for source in self.sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"sources with the same name: {', '.join(twice)}")
        if not any(source.holds == "corpus" for source in self.sources):
            raise ValueError("no source holds a corpus")
        return self


def run(
    config: Config,
    *,
    corpus: Path,
    messages: Path,
    instructions: Path,
    vocabulary: Path,
    weights: Path,
    evaluations: Path,
    partial: Path,
) -> dict[str, Any]:
    """Fill the six raw folders; `partial` keeps unfinished downloads between runs.

    Returns files and bytes, in all, per kind, per licence and per source, and the first hundred
    rows of the ledger; the whole of it stands in the folders' manifests.
    """
    from llm.corpus.sources.fetch import Fetcher
    from llm.corpus.sources.gathering import Gatherer, collect
    from llm.corpus.sources.remote import Store
    from llm.corpus.synthetic.instructions import write_instructions
    from llm.corpus.synthetic.messages import write_messages
    from llm.corpus.synthetic.stories import write_stories

    folders = (corpus, messages, instructions, vocabulary, weights, evaluations)
    directories = dict(zip(KINDS, folders, strict=True))
    fetcher = Fetcher(
        partial=partial,
        retries=config.retries,
        timeout_seconds=config.timeout_seconds,
        backoff_seconds=config.backoff_seconds,
        mirror=os.environ.get("LLM_MIRROR") or None,
    )
    store = Store(
        partial=partial,
        retries=config.retries,
        timeout_seconds=config.timeout_seconds,
        backoff_seconds=config.backoff_seconds,
    )
    generators = {
        "stories": write_stories,
        "messages": write_messages,
        "instructions": write_instructions,
    }
    gatherer = Gatherer(fetcher, store, generators, config.archives)
    ledger = collect(config.sources, directories, gatherer=gatherer)
    gatherer.clear()
    holds = {source.name: source.holds for source in config.sources}
    licences = sorted({row["licence"] for row in ledger})
    return {
        "sources": ledger[:_ROWS_SHOWN],
        "by_source": [
            {
                "name": source.name,
                "licence": source.licence,
                "language": source.language,
                **_sum(row for row in ledger if row["name"] == source.name),
            }
            for source in sorted(config.sources, key=lambda source: source.name)
        ],
        "files": len(ledger),
        "bytes": sum(row["bytes"] for row in ledger),
        "by_kind": {
            kind: _sum(row for row in ledger if holds[row["name"]] == kind) for kind in KINDS
        },
        "by_licence": {
            licence: _sum(row for row in ledger if row["licence"] == licence)
            for licence in licences
        },
    }


def _sum(rows: Any) -> dict[str, int]:
    sizes = [row["bytes"] for row in rows]
    return {"files": len(sizes), "bytes": sum(sizes)}
