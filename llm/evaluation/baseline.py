"""The classical opponent of the GPT classifier: TF-IDF of words and a logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from llm.evaluation.metrics import Floats, Labels

# Inverse strengths of regularisation to choose from, on the validation.
CHOICES = (0.1, 1.0, 10.0, 100.0, 1000.0)


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """Probabilities of the positive class by the baseline, (N,) each, and the strength chosen."""

    validation: Floats
    test: Floats
    inverse_strength: float


def fit_baseline(
    texts: Sequence[str],
    labels: Labels,
    *,
    validation_texts: Sequence[str],
    validation_labels: Labels,
    test_texts: Sequence[str],
) -> Baseline:
    """Fit on the training texts; the regularisation with the highest validation PR-AUC wins.

    It sees the same splits as the GPT and is tuned on the same validation. Words of one letter and
    runs of other signs count as words, for in short messages they tell much.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import average_precision_score

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, token_pattern=r"\w+|[^\w\s]+", lowercase=True
    )
    train = vectorizer.fit_transform(texts)
    validation, test = vectorizer.transform(validation_texts), vectorizer.transform(test_texts)
    best: tuple[float, Baseline] | None = None
    for strength in CHOICES:
        model = LogisticRegression(C=strength, solver="liblinear", max_iter=1000).fit(train, labels)
        found = Baseline(
            validation=np.asarray(model.predict_proba(validation)[:, 1], dtype=np.float64),
            test=np.asarray(model.predict_proba(test)[:, 1], dtype=np.float64),
            inverse_strength=strength,
        )
        quality = float(average_precision_score(validation_labels, found.validation))
        if best is None or quality > best[0]:
            best = (quality, found)
    assert best is not None
    return best[1]
