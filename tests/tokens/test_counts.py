"""Counts of a split: sizes, quantiles and frequencies on a case small enough to see."""

from __future__ import annotations

import numpy as np

from llm.tokens.counts import Counts
from llm.tokens.tokenizer import train


def test_the_summary_counts_what_was_added():
    tokenizer = train(["aa aa aa bb"], vocab_size=258)
    counts = Counts(tokenizer.vocab_size)
    end = tokenizer.end_of_text
    counts.add(np.array([97, 97, end, 98, end], np.uint16), np.array([3, 2], np.int64), 3)
    counts.add(np.array([255, 97, 97, 97, end], np.uint16), np.array([5], np.int64), 4)
    summary = counts.summary(tokenizer, top=3)
    assert (summary["tokens"], summary["documents"], summary["bytes"]) == (10, 3, 7)
    assert summary["bytes_per_token"] == 1.0
    assert summary["vocabulary_used_fraction"] == round(4 / 258, 4)
    assert summary["document_tokens"] == {
        "minimum": 2,
        "p05": 2,
        "median": 3,
        "p95": 3,
        "maximum": 5,
    }
    assert summary["top_tokens"] == [["a", 5], ["<|endoftext|>", 3], ["b", 1]]


def test_equal_counts_are_ordered_by_id_and_stray_bytes_are_escaped():
    tokenizer = train(["aa"], vocab_size=258)
    counts = Counts(tokenizer.vocab_size)
    counts.add(np.array([255, 254], np.uint16), np.array([2], np.int64), 2)
    assert counts.summary(tokenizer)["top_tokens"] == [["\\xfe", 1], ["\\xff", 1]]
