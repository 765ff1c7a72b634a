"""Turn the documents of both splits into shards of token ids."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydantic import Field

from llm.config import Section
from llm.tracking import Tracker


class Config(Section):
    """How token ids are stored."""

    shard_tokens: int = Field(
        description="Token ids from which a shard ends, at the next border of documents.",
        ge=1_000,
        le=2**30,
    )


def run(
    config: Config,
    *,
    train_documents: Path,
    validation_documents: Path,
    tokenizer: Path,
    train: Path,
    validation: Path,
    tracker: Tracker,
) -> dict[str, Any]:
    """Write the shards of both splits; return what each of them holds.

    Raises InputError where a split has no document, or an input is missing or broken.
    """
    from llm.corpus.documents import read_documents
    from llm.runtime import choose_threads
    from llm.tokens.shards import write_shards
    from llm.tokens.tokenizer import load

    speaker = load(tokenizer)
    metrics: dict[str, Any] = {"vocab_size": speaker.vocab_size}
    began, bytes_read = time.perf_counter(), 0
    for split, documents, shards in (
        ("train", train_documents, train),
        ("validation", validation_documents, validation),
    ):
        columns = ["id", "text", "source", "cluster"]
        counts = write_shards(
            read_documents(documents, made_by="split", columns=columns),
            shards,
            tokenizer=speaker,
            shard_tokens=config.shard_tokens,
            threads=choose_threads(),
        )
        bytes_read += counts.bytes
        print(f"{split}: {counts.tokens:,} tokens of {counts.documents:,} documents", flush=True)
        metrics[split] = counts.summary(speaker)
        metrics[f"{split}_tokens"] = counts.tokens
    metrics["bytes_per_token"] = metrics["train"]["bytes_per_token"]
    seconds = time.perf_counter() - began
    tracker.log_timings({"megabytes_per_second": round(bytes_read / seconds / 1e6, 3)})
    return metrics
