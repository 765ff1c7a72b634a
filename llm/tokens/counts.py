"""What a split of token ids holds, counted while it is written: sizes, lengths, used vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from llm.tokens.tokenizer import Tokenizer

if TYPE_CHECKING:
    import pyarrow as pa

QUANTILES = {"minimum": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "maximum": 1.0}


class Counts:
    """Running counts of documents, their text bytes and their token ids.

    occurrences: times each id stands there, int64 (V,), ends of text included.
    """

    def __init__(self, vocab_size: int) -> None:
        self.occurrences: NDArray[np.int64] = np.zeros(vocab_size, dtype=np.int64)
        self.tokens = 0
        self.bytes = 0
        self._lengths: list[NDArray[np.int64]] = []

    @property
    def documents(self) -> int:
        """Number of documents."""
        return sum(map(len, self._lengths))

    @property
    def document_tokens(self) -> NDArray[np.int64]:
        """Ids per document, its end of text included, int64 (documents,)."""
        return np.concatenate([np.zeros(0, dtype=np.int64), *self._lengths])

    def add(self, token_ids: NDArray[Any], lengths: NDArray[np.int64], n_bytes: int) -> None:
        """Count the ids (tokens,) of documents of these lengths and so many UTF-8 bytes of text."""
        self.occurrences += np.bincount(token_ids, minlength=len(self.occurrences))
        self.tokens += len(token_ids)
        self.bytes += n_bytes
        self._lengths.append(lengths)

    def count(self, rows: pa.Table) -> None:
        """Count rows of `llm.tokens.shards.token_schema`."""
        import pyarrow.compute as pc

        lists = rows.column("token_ids").combine_chunks()
        self.add(
            lists.flatten().to_numpy(),
            lists.value_lengths().to_numpy().astype(np.int64),
            pc.sum(rows.column("n_bytes")).as_py(),
        )

    def include(self, other: Counts) -> None:
        """Count what `other`, of the same vocabulary, has counted of later documents."""
        self.occurrences += other.occurrences
        self.tokens += other.tokens
        self.bytes += other.bytes
        self._lengths += other._lengths

    def summary(self, tokenizer: Tokenizer, *, top: int = 20) -> dict[str, Any]:
        """The counts as plain values, for metrics and report.

        bytes_per_token counts text only: ends of text stand for no byte. top_tokens: the most
        frequent ids, equal counts by id, each as [text, count], bytes that are no UTF-8 escaped.
        """
        text_tokens = self.tokens - self.documents
        order = np.argsort(-self.occurrences, kind="stable")[:top]
        quantiles = np.quantile(self.document_tokens, list(QUANTILES.values()), method="lower")
        return {
            "tokens": self.tokens,
            "documents": self.documents,
            "bytes": self.bytes,
            "bytes_per_token": round(self.bytes / text_tokens, 4) if text_tokens else 0.0,
            "vocabulary_used_fraction": round(float(np.mean(self.occurrences > 0)), 4),
            "document_tokens": dict(zip(QUANTILES, map(int, quantiles), strict=True)),
            "top_tokens": [
                [
                    tokenizer.token_bytes(int(token)).decode("utf-8", "backslashreplace"),
                    int(self.occurrences[token]),
                ]
                for token in order
                if self.occurrences[token]
            ],
        }
