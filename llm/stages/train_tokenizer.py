"""Train a byte-level BPE on the training documents, or take a published one from verified files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from llm.config import Section


class Config(Section):
    """Which tokenizer the pipeline speaks."""

    kind: Literal["train", "gpt2", "cl100k", "o200k"] = Field(
        description="train: learned from the training documents. The others: OpenAI's "
        "vocabularies, from the verified files of a source that holds vocabulary."
    )
    vocab_size: int | None = Field(
        description="Token ids, special tokens included; null for a published vocabulary, whose "
        "size is known.",
        ge=257,
        le=1_000_000,
    )
    pattern: str | None = Field(
        None,
        description="How text falls into words: gpt2, cl100k (numbers in threes), o200k, or a "
        "regular expression that covers every text. null: gpt2 for kind train, else its own.",
    )
    maximum_bytes: int | None = Field(
        None,
        description="Bytes of text, as UTF-8, from which on no further document is learned from; "
        "documents stand in the order of a hash, so the first ones are a fair sample. Memory grows "
        "with the distinct words. null: all are read.",
        ge=1,
    )
    special_tokens: list[str] = Field(
        default_factory=list,
        description="More special tokens than the end of text, such as <|user|>; their ids come "
        "last.",
    )

    @model_validator(mode="after")
    def _check(self) -> Config:
        from llm.tokens.patterns import PATTERNS, check_pattern
        from llm.tokens.vocabularies import PUBLISHED, VOCAB_SIZES, check_special_tokens

        check_special_tokens(self.special_tokens)
        if self.kind == "train":
            if self.vocab_size is None:
                raise ValueError("kind train needs a vocab_size; found null")
            if self.vocab_size < 257 + len(self.special_tokens):
                raise ValueError("vocab_size leaves no id for each byte beside special_tokens")
            if self.pattern is not None and self.pattern not in PATTERNS:
                check_pattern(self.pattern)
            return self
        if self.pattern is not None:
            raise ValueError(f"kind {self.kind} has a pattern of its own; set pattern to null")
        known = PUBLISHED[self.kind].special_tokens if self.kind in PUBLISHED else {}
        if double := [name for name in self.special_tokens if name in known]:
            raise ValueError(f"{double[0]} is a special token of {self.kind} already")
        size = VOCAB_SIZES[self.kind] + len(self.special_tokens)
        if self.vocab_size not in (None, size):
            raise ValueError(
                f"kind {self.kind} has vocab_size {size} (or null); found {self.vocab_size}"
            )
        return self


def run(
    config: Config,
    *,
    documents: Path,
    vocabulary: Path,
    tokenizer: Path,
    validated: Path | None = None,
) -> dict[str, Any]:
    """Write the tokenizer's folder; return its size, its fingerprint and how it compresses text.

    documents: the training split. vocabulary: the published files, for the kinds that need them,
    and, where GPT-2's stand there, to compare with. validated: the result of validate_splits.
    Raises InputError where the text is too little for the vocabulary, a file is not OpenAI's, or
    the documents are not what their manifest says.
    """
    from llm.corpus.documents import read_verified, require_passed
    from llm.runtime import choose_threads
    from llm.tokens.compression import compression
    from llm.tokens.patterns import PATTERNS
    from llm.tokens.published import from_published
    from llm.tokens.tokenizer import train

    if validated:
        require_passed(validated, made_by="validate_splits")
    seen = {"documents": 0, "bytes": 0}
    if config.kind == "train":
        assert config.vocab_size is not None  # the settings are checked
        pattern = config.pattern or "gpt2"
        made = train(
            _texts(documents, seen, config.maximum_bytes),
            vocab_size=config.vocab_size,
            pattern=PATTERNS.get(pattern, pattern),
            special_tokens=config.special_tokens,
        )
    else:
        made = from_published(config.kind, vocabulary).extended(config.special_tokens)
    made.save(tokenizer)
    print(f"A tokenizer of {made.vocab_size:,} tokens, fingerprint {made.fingerprint}.", flush=True)
    return {
        "kind": config.kind,
        "vocab_size": made.vocab_size,
        "fingerprint": made.fingerprint,
        "pattern": made.pattern,
        "special_tokens": made.special_tokens,
        "training_documents": seen["documents"],
        "training_bytes": seen["bytes"],
        "longest_tokens": made.longest_tokens(10),
        "compression": compression(
            read_verified(documents, made_by="split", columns=["text", "language", "source"]),
            made,
            vocabulary=vocabulary,
            threads=choose_threads(),
        ),
    }


def _texts(documents: Path, seen: dict[str, int], maximum_bytes: int | None) -> Iterator[str]:
    """The documents' texts, counted as they pass; the last one reaches `maximum_bytes`."""
    from llm.corpus.documents import read_verified
    from llm.progress import Progress

    with Progress("train_tokenizer", unit="documents") as progress:
        for batch in read_verified(documents, made_by="split", columns=["text"]):
            for text in batch.column("text").to_pylist():
                if maximum_bytes is not None and seen["bytes"] >= maximum_bytes:
                    return
                seen["documents"] += 1
                seen["bytes"] += len(text.encode("utf-8"))
                yield text
            progress.advance(len(batch))
