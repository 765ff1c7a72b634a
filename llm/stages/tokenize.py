"""Turn the documents of both splits into shards of token ids."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, model_validator

from llm.config import Section
from llm.tracking import Tracker

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from llm.corpus.mixture import Inventory
    from llm.tokens.counts import Counts
    from llm.tokens.parts import Written
    from llm.tokens.tokenizer import Tokenizer


class Mixture(Section):
    """In which shares the sources of the training documents are read."""

    weights: dict[str, Annotated[float, Field(gt=0)]] | None = Field(
        description="Weight of every source, of any sum; null: each document once."
    )
    tokens: int | None = Field(
        description="Tokens of one pass over the mixture; null: as many as the documents hold.",
        ge=1_000,
    )
    maximum_passes: float | None = Field(
        description="Passes over a source in one pass over the mixture, above which the run stops; "
        "null: no limit. Up to four epochs of repeated text are almost as good as new text "
        "(Muennighoff et al. 2023).",
        gt=0,
    )
    seed: int = Field(
        description="Seed of the choice of the documents that are read once more than others.",
        ge=0,
    )

    @model_validator(mode="after")
    def _check(self) -> Mixture:
        if self.weights is None and self.tokens is not None:
            raise ValueError("tokens is given without weights")
        return self


class Config(Section):
    """How token ids are stored, and which documents more than once."""

    shard_tokens: int = Field(
        description="Token ids from which a shard ends, at the next border of documents.",
        ge=1_000,
        le=2**30,
    )
    mixture: Mixture = Field(description="Shares of the sources in the training tokens.")


def run(
    config: Config,
    *,
    train_documents: Path,
    validation_documents: Path,
    tokenizer: Path,
    train: Path,
    validation: Path,
    tracker: Tracker,
    validated: Path | None = None,
    cache: Path | None = None,
) -> dict[str, Any]:
    """Write the shards of both splits, those that train as the mixture says; return what they hold.

    Among the metrics `sources` is the mixture's table, see llm.corpus.mixture.plan. validated: the
    result of validate_splits. cache: where the shards of each part of the documents are remembered,
    so that a killed run goes on and a new document costs its part alone. Threads: LLM_THREADS, or
    the processors of a Ray cluster, see llm.corpus.cluster. Raises InputError where a split has no
    document, an input is missing or broken, or the weights are not those of the sources.
    """
    from llm.corpus.cluster import where_asked
    from llm.corpus.documents import require_passed
    from llm.corpus.mixture import Inventory, plan
    from llm.runtime import choose_threads
    from llm.tokens.encoders import chosen
    from llm.tokens.parts import forget, write_parts
    from llm.tokens.tokenizer import load
    from llm.work_cache import open_cache

    if validated:
        require_passed(validated, made_by="validate_splits")
    speaker = load(tokenizer)
    weights = config.mixture.weights
    inventory = Inventory(None if weights is None else config.mixture.seed)
    known = open_cache(
        cache,
        config.shard_tokens,
        speaker.fingerprint,
        chosen(),  # else who turns to tiktoken in doubt would be given the other's ids
        code="llm/tokens/parts.py",
    )
    write = partial(
        write_parts,
        tokenizer=speaker,
        folder=tokenizer,
        shard_tokens=config.shard_tokens,
        threads=choose_threads(),
        cache=known,
    )
    speaker.documents.prepare()
    # From here on nothing but work: the libraries are loaded.
    began = time.perf_counter()
    aside = train.with_name(f".{train.name}.unmixed")
    unmixed = train if weights is None else aside
    try:
        with where_asked():
            trained = _encode(write, train_documents, unmixed, inventory)
            held_out = _encode(write, validation_documents, validation)
        counts = trained.counts
        bytes_read = counts.bytes + held_out.counts.bytes
        mixture = plan(
            inventory,
            weights,
            tokens=config.mixture.tokens,
            maximum_passes=config.mixture.maximum_passes,
        )
        if weights is not None:
            counts = _mix(config, unmixed, train, speaker, mixture.copies)
    finally:
        shutil.rmtree(aside, ignore_errors=True)  # a killed run may have left one, too
    seconds = time.perf_counter() - began
    forget(known, but={*trained.keys, *held_out.keys})
    metrics: dict[str, Any] = {"vocab_size": speaker.vocab_size, "sources": mixture.table}
    for split, counted in (("train", counts), ("validation", held_out.counts)):
        print(f"{split}: {counted.tokens:,} tokens of {counted.documents:,} documents", flush=True)
        metrics[split] = counted.summary(speaker)
        metrics[f"{split}_tokens"] = counted.tokens
    metrics["bytes_per_token"] = metrics["train"]["bytes_per_token"]
    tracker.log_timings(
        {
            "megabytes_per_second": round(bytes_read / seconds / 1e6, 3),
            "units": len(trained.keys) + len(held_out.keys),
            "units_cached": trained.remembered + held_out.remembered,
        }
    )
    return metrics


def _encode(
    write: Callable[..., Written],
    documents: Path,
    shards: Path,
    inventory: Inventory | None = None,
) -> Written:
    """Tokenise documents into shards; enter them into the inventory. write: `write_parts`."""

    def enter(rows: pa.Table) -> None:
        assert inventory is not None
        ids = (name.as_py() for name in rows["id"])
        inventory.add(ids, rows["source"].to_pylist(), rows["tokens"].to_numpy())

    return write(documents, shards, watch=None if inventory is None else enter)


def _mix(
    config: Config, unmixed: Path, shards: Path, speaker: Tokenizer, copies: NDArray[Any]
) -> Counts:
    from llm.runtime import choose_threads
    from llm.tokens.mixing import mixed_rows
    from llm.tokens.writing import write_rows

    return write_rows(
        mixed_rows(unmixed, copies),
        shards,
        tokenizer=speaker,
        shard_tokens=config.shard_tokens,
        threads=choose_threads(),
    )
