"""Windows of a stream of token ids: what the model reads, and what it is to predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from llm.errors import InputError


@dataclass(frozen=True, kw_only=True, eq=False)
class Windows:
    """All windows of `context_length` tokens, one every `stride` tokens of the stream.

    token_ids: (tokens,), all documents end to end. Window i reads the tokens from i * stride on,
    and its targets are the same tokens moved by one, so it spans context_length + 1 of them. What
    is left at the end of the stream, fewer than `stride` targets, belongs to no window. Raises
    InputError where the stream is shorter than one window.
    """

    token_ids: NDArray[Any]
    context_length: int
    stride: int

    def __post_init__(self) -> None:
        if len(self.token_ids) <= self.context_length:
            raise InputError(
                "There is too little text for one window of the model.",
                found=f"{len(self.token_ids):,} tokens",
                expected=f"more than context_length, {self.context_length:,} tokens",
                remedy="add text, or lower model.context_length in the section of this stage",
            )

    def __len__(self) -> int:
        return (len(self.token_ids) - self.context_length - 1) // self.stride + 1

    def span(self, number: int) -> tuple[int, int]:
        """Where a window stands in the stream, targets included: its first token, and the one
        behind its last."""
        first = number * self.stride
        return first, first + self.context_length + 1

    def read(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tokens of some windows, targets included: (B,) numbers -> (B, context_length + 1)."""
        offsets = np.arange(self.context_length + 1)
        return self.token_ids[numbers[:, None] * self.stride + offsets].astype(np.int64)


def document_ids(inputs: Tensor, end_of_text: int) -> Tensor:
    """Which document of its window each token belongs to, from 0 on: (B, T) -> (B, T).

    The end of one text is the beginning of the next: it is what the last token of a document is to
    predict, and what the first token of the next one is predicted from. So it belongs to the next
    one, no target is lost, and a text that is begun with it is a document of its own.
    """
    return (inputs == end_of_text).cumsum(dim=1)
