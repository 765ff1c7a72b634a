"""Measures: equal to the libraries' where one exists, and right at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from llm.evaluation.metrics import (
    auc,
    best_threshold,
    bootstrap_intervals,
    by_group,
    chrf,
    classification_metrics,
    confusion,
    exact_match,
    f1_score,
    rouge_l,
)


@pytest.fixture
def scored() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    labels = (generator.random(400) < 0.2).astype(np.int64)
    probabilities = np.clip(0.3 * labels + generator.random(400) * 0.7, 0, 1).round(2)
    return labels, probabilities


def test_class_measures_equal_scikit_learn(scored: tuple) -> None:
    labels, probabilities = scored
    found = classification_metrics(labels, probabilities, threshold=0.5)
    said = (probabilities >= 0.5).astype(int)
    assert found == pytest.approx(
        {
            "accuracy": reference.accuracy_score(labels, said),
            "precision": reference.precision_score(labels, said),
            "recall": reference.recall_score(labels, said),
            "f1": reference.f1_score(labels, said),
            "pr_auc": reference.average_precision_score(labels, probabilities),
        }
    )
    expected = reference.confusion_matrix(labels, said).tolist()
    assert confusion(labels, probabilities, threshold=0.5) == expected


def test_nothing_found_is_zero_and_no_error() -> None:
    labels = np.array([0, 1, 1])
    found = classification_metrics(labels, np.zeros(3), threshold=0.5)
    assert (found["precision"], found["recall"], found["f1"]) == (0, 0, 0)


def test_no_threshold_is_better_than_the_best(scored: tuple) -> None:
    labels, probabilities = scored
    threshold = best_threshold(labels, probabilities)
    best = f1_score(labels, (probabilities >= threshold).astype(int))
    for other in np.linspace(0, 1, 201):
        assert f1_score(labels, (probabilities >= other).astype(int)) <= best + 1e-12


def test_the_threshold_stands_between_the_classes_where_they_are_apart() -> None:
    labels, probabilities = np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.8, 0.9])
    assert best_threshold(labels, probabilities) == pytest.approx(0.5)
    assert best_threshold(np.array([1, 1, 0]), np.array([0.3, 0.3, 0.3])) <= 0.3


def test_intervals_hold_the_value_and_shrink_with_more_data(scored: tuple) -> None:
    labels, probabilities = scored

    def measure(some: np.ndarray, values: np.ndarray) -> dict[str, float]:
        return classification_metrics(some, values, threshold=0.5)

    few = bootstrap_intervals(measure, labels, probabilities, samples=200, seed=1)
    many = bootstrap_intervals(
        measure, np.tile(labels, 9), np.tile(probabilities, 9), samples=200, seed=1
    )
    for name, value in measure(labels, probabilities).items():
        assert few[name][0] <= value <= few[name][1]
        assert many[name][1] - many[name][0] < few[name][1] - few[name][0]
    assert few == bootstrap_intervals(measure, labels, probabilities, samples=200, seed=1)


def test_auc_is_the_chance_to_order_a_pair_rightly() -> None:
    generator = np.random.default_rng(2)
    positive, negative = generator.normal(1, 1, 50).round(1), generator.normal(0, 1, 70).round(1)
    pairs = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    assert auc(positive.tolist(), negative.tolist()) == pytest.approx(np.mean(pairs))
    assert auc([1, 2], [0, 0.5]) == 1.0


def test_exact_match_sees_words_and_not_spacing() -> None:
    assert exact_match(["a  b\n", "A b", "", "x"], ["a b", "a b", "", "y"]) == 0.5
    assert exact_match([], []) == 0.0


def test_rouge_l_is_the_longest_common_subsequence() -> None:
    assert rouge_l(["the cat sat"], ["The cat, sat!"]) == pytest.approx(1.0)
    # Of "a c" and "a b c", two words in common: precision 1, recall 2/3.
    assert rouge_l(["a c", ""], ["a b c", "x"]) == pytest.approx(0.8 / 2)
    assert rouge_l(["чёрный кот"], ["чёрный кот"]) == pytest.approx(1.0)


def test_chrf_is_100_for_equal_texts_and_less_for_others() -> None:
    assert chrf(["a red house"], ["a red house"]) == pytest.approx(100.0)
    assert 0 < chrf(["a red horse"], ["a red house"]) < 100
    assert chrf([""], ["a red house"]) == 0


def test_means_by_group_are_sorted() -> None:
    assert by_group(["b", "a", "b"], [True, 0.5, False]) == {"a": 0.5, "b": 0.5}
    assert list(by_group(["b", "a"], [1, 1])) == ["a", "b"]
