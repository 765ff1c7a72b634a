"""How short a tokenizer makes text, per language and per source, with GPT-2's beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from llm.tokens.published import from_published
from llm.tokens.tokenizer import Tokenizer
from llm.tokens.vocabularies import GPT2_FILES

SAMPLE_BYTES = 4_000_000  # of text: enough for three figures, little time
COUNTS = ("documents", "bytes", "words", "tokens", "gpt2_tokens")


def compression(
    documents: Iterable[pa.RecordBatch],
    tokenizer: Tokenizer,
    *,
    vocabulary: Path,
    threads: int,
    sample_bytes: int = SAMPLE_BYTES,
) -> dict[str, Any]:
    """Bytes per token, and tokens per word (fertility, Rust et al. 2021), of a sample of documents.

    documents: batches with the columns text, language and source. They stand in the order of their
    content's hash, so the first of them are a fair sample: it ends with the batch that reaches
    `sample_bytes`. vocabulary: the folder where GPT-2's verified files may stand; without them its
    figures are None and `gpt2_missing` says why. A word is what white space surrounds, so the
    fertility of a language written without spaces means little.

    Returns by_language and by_source, name → figures, and the sample's size. Raises InputError
    where GPT-2's files are not OpenAI's.
    """
    has_gpt2 = all((vocabulary / name).is_file() for name in GPT2_FILES)
    gpt2 = from_published("gpt2", vocabulary) if has_gpt2 else None
    groups: dict[str, dict[str, dict[str, int]]] = {"language": {}, "source": {}}
    total = 0
    for batch in documents:
        texts = batch.column("text").to_pylist()
        counts = {
            "documents": [1] * len(texts),
            "bytes": [len(text.encode("utf-8")) for text in texts],
            "words": [len(text.split()) for text in texts],
            "tokens": _lengths(tokenizer, texts, threads),
            "gpt2_tokens": _lengths(gpt2, texts, threads) if gpt2 else [0] * len(texts),
        }
        for column, sums in groups.items():
            for row, name in enumerate(batch.column(column).to_pylist()):
                group = sums.setdefault(name, dict.fromkeys(COUNTS, 0))
                for count, values in counts.items():
                    group[count] += values[row]
        total += sum(counts["bytes"])
        if total >= sample_bytes:
            break
    return {
        "sample_bytes": total,
        "gpt2_missing": None if gpt2 else "no source holds GPT-2's vocab.bpe and encoder.json",
        **{
            f"by_{column}": {name: _figures(group) for name, group in sorted(sums.items())}
            for column, sums in groups.items()
        },
    }


def _lengths(tokenizer: Tokenizer, texts: list[str], threads: int) -> list[int]:
    return [len(ids) for ids in tokenizer.encode_batch(texts, threads=threads)]


def _figures(group: dict[str, int]) -> dict[str, int | float | None]:
    return {
        "documents": group["documents"],
        "bytes": group["bytes"],
        "bytes_per_token": _ratio(group["bytes"], group["tokens"]),
        "tokens_per_word": _ratio(group["tokens"], group["words"]),
        "gpt2_bytes_per_token": _ratio(group["bytes"], group["gpt2_tokens"]),
        "gpt2_tokens_per_word": (
            _ratio(group["gpt2_tokens"], group["words"]) if group["gpt2_tokens"] else None
        ),
    }


def _ratio(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
