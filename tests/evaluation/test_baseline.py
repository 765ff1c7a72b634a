"""The baseline learns what words tell, and its strength is chosen on the validation."""

from __future__ import annotations

import random

import numpy as np

from llm.evaluation.baseline import CHOICES, fit_baseline
from llm.evaluation.metrics import auc


def _messages(count: int, seed: int) -> tuple[list[str], np.ndarray]:
    rng = random.Random(seed)
    labels = np.array([index % 5 == 0 for index in range(count)], dtype=np.int64)
    texts = [
        " ".join(rng.choices(["win", "prize", "now"] if label else ["see", "you", "now"], k=4))
        for label in labels
    ]
    return texts, labels


def test_it_tells_spam_by_its_words_and_always_alike() -> None:
    (train, labels), (validation, known), (test, wanted) = (
        _messages(100, 1),
        _messages(40, 2),
        _messages(60, 3),
    )
    found = [
        fit_baseline(
            train, labels, validation_texts=validation, validation_labels=known, test_texts=test
        )
        for _ in range(2)
    ]
    assert auc(found[0].test[wanted == 1].tolist(), found[0].test[wanted == 0].tolist()) > 0.95
    assert found[0].inverse_strength in CHOICES
    assert found[0].test.tolist() == found[1].test.tolist()
    assert len(found[0].validation) == len(validation)
