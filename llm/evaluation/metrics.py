"""Measures of classes and of texts, with intervals; from scikit-learn, torchmetrics, sacrebleu."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
_NOT_A_WORD = re.compile(r"[\W_]+")


def f1_score(labels: Labels, predictions: Labels) -> float:
    """F1 of the positive class 1: 2 TP / (2 TP + FP + FN), 0 where nothing is found. (N,) each."""
    true_positives = int(np.sum((labels == 1) & (predictions == 1)))
    wrong = int(np.sum(labels != predictions))
    return 2 * true_positives / max(1, 2 * true_positives + wrong)


def best_threshold(labels: Labels, probabilities: Floats) -> float:
    """The probability from which on the positive class is said, for the highest F1.

    labels, probabilities: (N,), of the validation, never of the test. The threshold lies halfway
    between the two neighbouring probabilities; of equal ones, the one nearest to 0.5 is taken.
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, values = precision_recall_curve(labels, probabilities)
    both = precision[:-1] + recall[:-1]
    f1 = 2 * precision[:-1] * recall[:-1] / np.where(both > 0, both, 1.0)
    below = np.concatenate([[0.0], values[:-1]])
    halfway = (values + below) / 2
    best = np.flatnonzero(f1 >= f1.max() - 1e-12)
    return float(halfway[best[np.argmin(np.abs(halfway[best] - 0.5))]])


def classification_metrics(
    labels: Labels, probabilities: Floats, *, threshold: float
) -> dict[str, float]:
    """Accuracy, precision, recall, F1 at the threshold, and PR-AUC (average precision). (N,)."""
    from sklearn.metrics import average_precision_score

    predictions = (probabilities >= threshold).astype(np.int64)
    true_positives = int(np.sum((labels == 1) & (predictions == 1)))
    return {
        "accuracy": float(np.mean(labels == predictions)),
        "precision": true_positives / max(1, int(predictions.sum())),
        "recall": true_positives / max(1, int(labels.sum())),
        "f1": f1_score(labels, predictions),
        "pr_auc": float(average_precision_score(labels, probabilities)),
    }


def confusion(labels: Labels, probabilities: Floats, *, threshold: float) -> list[list[int]]:
    """[[true negatives, false positives], [false negatives, true positives]]."""
    predictions = (probabilities >= threshold).astype(np.int64)
    return [
        [int(np.sum((labels == label) & (predictions == said))) for said in (0, 1)]
        for label in (0, 1)
    ]


def bootstrap_intervals(
    measure: Callable[[Labels, Floats], dict[str, float]],
    labels: Labels,
    probabilities: Floats,
    *,
    samples: int,
    seed: int,
    coverage: float = 0.95,
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of each number of `measure` (Efron & Tibshirani 1993, chapter 13).

    labels, probabilities: (N,). Each class is drawn from with replacement by itself, so that no
    draw lacks the rarer one.
    """
    generator = np.random.default_rng(seed)
    classes = [np.flatnonzero(labels == label) for label in (0, 1)]
    draws: dict[str, list[float]] = {}
    for _ in range(samples):
        rows = np.concatenate([generator.choice(rows, size=len(rows)) for rows in classes])
        for name, value in measure(labels[rows], probabilities[rows]).items():
            draws.setdefault(name, []).append(value)
    edges = ((1 - coverage) / 2, (1 + coverage) / 2)
    return {
        name: (float(np.quantile(values, edges[0])), float(np.quantile(values, edges[1])))
        for name, values in draws.items()
    }


def auc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The chance that a positive score stands above a negative one, ties counting half.

    The area under the ROC curve (Hanley & McNeil 1982).
    """
    from sklearn.metrics import roc_auc_score

    labels = [1] * len(positive) + [0] * len(negative)
    return float(roc_auc_score(labels, [*positive, *negative]))


def is_exact_match(response: str, reference: str) -> bool:
    """Whether two texts are equal, spacing aside. Case and punctuation count."""
    return response.split() == reference.split()


def exact_match(responses: Sequence[str], references: Sequence[str]) -> float:
    """Share of responses equal to their reference, spacing aside."""
    pairs = zip(responses, references, strict=True)
    return sum(is_exact_match(*pair) for pair in pairs) / max(1, len(references))


def rouge_l(responses: Sequence[str], references: Sequence[str]) -> float:
    """Mean F-measure of the longest common subsequence of words (ROUGE-L, Lin 2004), 0 to 1."""
    from torchmetrics.functional.text import rouge_score

    scores = rouge_score(
        list(responses), list(references), rouge_keys="rougeL", normalizer=_plain_words
    )
    return float(scores["rougeL_fmeasure"])


def chrf(responses: Sequence[str], references: Sequence[str]) -> float:
    """Corpus chrF of character n-grams up to 6 (Popović 2015), 0 to 100."""
    from sacrebleu.metrics.chrf import CHRF

    return float(CHRF().corpus_score(list(responses), [list(references)]).score)


def by_group(groups: Sequence[str], values: Sequence[float | bool]) -> dict[str, float]:
    """Mean value per group, groups in alphabetical order."""
    found: dict[str, list[float]] = {}
    for group, value in zip(groups, values, strict=True):
        found.setdefault(group, []).append(float(value))
    return {group: sum(found[group]) / len(found[group]) for group in sorted(found)}


def _plain_words(text: str) -> str:
    return _NOT_A_WORD.sub(" ", text.casefold())
