"""Windows: inputs and targets moved by one, stride, and too little text."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from llm.errors import InputError
from llm.tokens.windows import Windows, document_ids


@pytest.mark.parametrize(
    ("tokens", "context_length", "stride"),
    [(41, 8, 8), (40, 8, 3), (9, 8, 1), (9, 8, 8), (60, 8, 11), (28, 8, 9), (27, 8, 9)],
)
def test_windows_are_those_of_a_plain_loop(tokens: int, context_length: int, stride: int) -> None:
    ids = np.arange(100, 100 + tokens, dtype=np.uint16)
    windows = Windows(token_ids=ids, context_length=context_length, stride=stride)
    expected = [
        list(ids[start : start + context_length + 1])
        for start in range(0, tokens - context_length, stride)
    ]
    assert len(windows) == len(expected)
    found = windows.read(np.arange(len(windows)))
    assert found.dtype == np.int64
    assert found.tolist() == expected


def test_a_text_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(InputError, match="context_length, 8"):
        Windows(token_ids=np.zeros(8, dtype=np.uint16), context_length=8, stride=8)


def test_the_end_of_a_text_begins_the_next_document() -> None:
    inputs = torch.tensor([[5, 9, 5, 5, 9, 9], [9, 5, 5, 5, 5, 9], [5, 5, 5, 5, 5, 5]])
    assert document_ids(inputs, 9).tolist() == [
        [0, 1, 1, 1, 2, 3],
        [1, 1, 1, 1, 1, 2],
        [0, 0, 0, 0, 0, 0],
    ]
