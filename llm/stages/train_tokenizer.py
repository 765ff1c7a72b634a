"""Train a byte-level BPE on the training documents, or take GPT-2's from verified files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from llm.config import Section

_GPT2_VOCAB_SIZE = 50_257


class Config(Section):
    """Which tokenizer the pipeline speaks."""

    kind: Literal["train", "gpt2"] = Field(
        description="train: learned from the training documents. gpt2: OpenAI's vocabulary."
    )
    vocab_size: int | None = Field(
        description="Token ids, the end of text included; null for gpt2, which has 50,257.",
        ge=257,
        le=1_000_000,
    )

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.kind == "train" and self.vocab_size is None:
            raise ValueError("kind train needs a vocab_size; found null")
        if self.kind == "gpt2" and self.vocab_size not in (None, _GPT2_VOCAB_SIZE):
            raise ValueError(
                f"kind gpt2 has vocab_size {_GPT2_VOCAB_SIZE} (or null); found {self.vocab_size}"
            )
        return self


def run(config: Config, *, documents: Path, vocabulary: Path, tokenizer: Path) -> dict[str, Any]:
    """Write the tokenizer's folder; return its size, its fingerprint and the text it learned from.

    documents: read for kind train only. vocabulary: vocab.bpe and encoder.json, for kind gpt2.
    Raises InputError where the text is too little for the vocabulary, or a file is not OpenAI's.
    """
    from llm.tokens.tokenizer import Tokenizer, from_gpt2, train

    made: Tokenizer
    seen = {"documents": 0, "bytes": 0}
    if config.kind == "gpt2":
        made = from_gpt2(vocabulary)
    else:
        assert config.vocab_size is not None  # the settings are checked
        made = train(_texts(documents, seen), vocab_size=config.vocab_size)
    made.save(tokenizer)
    print(f"A tokenizer of {made.vocab_size:,} tokens, fingerprint {made.fingerprint}.", flush=True)
    return {
        "kind": config.kind,
        "vocab_size": made.vocab_size,
        "fingerprint": made.fingerprint,
        "pattern": made.pattern,
        "training_documents": seen["documents"],
        "training_bytes": seen["bytes"],
        "longest_tokens": made.longest_tokens(10),
    }


def _texts(documents: Path, seen: dict[str, int]) -> Iterator[str]:
    """The documents' texts, counted as they pass."""
    from llm.corpus.documents import read_documents
    from llm.progress import Progress

    with Progress("train_tokenizer", unit="documents") as progress:
        for batch in read_documents(documents, made_by="split", columns=["text"]):
            for text in batch.column("text").to_pylist():
                seen["documents"] += 1
                seen["bytes"] += len(text.encode("utf-8"))
                yield text
            progress.advance(len(batch))
