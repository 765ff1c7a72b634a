"""The classifier's examples, loss and probabilities, whatever the padding and the batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from llm.finetuning.classification import (
    ClassificationTask,
    balanced_weights,
    class_probabilities,
    classification_examples,
)
from llm.finetuning.examples import Example, collate
from llm.model.classifier import Classifier
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer
from llm.training.loss import IGNORED

TEXTS = ["the cat sat", "a", "the dog ran to the red house with a big ball " * 3, "ball"]
LABELS = [0, 1, 1, 0]


@pytest.fixture
def classifier(model: GPTModel) -> Classifier:
    return Classifier(model, n_classes=2).eval()


@pytest.fixture
def examples(tokenizer: Tokenizer) -> list[Example]:
    return classification_examples(TEXTS, LABELS, tokenizer=tokenizer, maximum_tokens=40)


def _task(
    examples: list[Example], runtime: Runtime, weights: tuple = (1.0, 1.0)
) -> ClassificationTask:
    return ClassificationTask(
        examples, class_weights=weights, batch_size=3, maximum_tokens=40, runtime=runtime
    )


def test_a_text_is_cut_and_its_label_stands_at_the_last_token(
    examples: list[Example], tokenizer: Tokenizer
) -> None:
    for text, label, example in zip(TEXTS, LABELS, examples, strict=True):
        assert list(example.token_ids) == tokenizer.encode(text)[:40]
        assert example.targets[-1] == label
        assert set(example.targets[:-1]) <= {IGNORED}


def test_probabilities_do_not_depend_on_the_batch(
    classifier: Classifier, examples: list[Example], runtime: Runtime
) -> None:
    together = class_probabilities(
        classifier, examples, batch_size=3, maximum_tokens=40, runtime=runtime
    )
    alone = []
    for example in examples:
        token_ids = torch.tensor([example.token_ids])
        logits = classifier(token_ids, torch.tensor([token_ids.shape[1]])).detach()
        alone.append(float(logits.softmax(dim=-1)[0, 1]))
    assert together == pytest.approx(np.array(alone), abs=1e-5)


def test_the_loss_is_the_weighted_sum_over_real_rows(
    classifier: Classifier, examples: list[Example], runtime: Runtime
) -> None:
    batch = collate(examples, rows=6, maximum_tokens=40)
    logits = classifier(batch["inputs"][:4], batch["lengths"][:4])
    expected = functional.cross_entropy(
        logits, torch.tensor(LABELS), weight=torch.tensor([0.5, 2.0]), reduction="sum"
    )
    task = _task(examples, runtime, weights=(0.5, 2.0))
    assert task.loss(classifier, batch).item() == pytest.approx(expected.item(), rel=1e-5)
    assert task.count(batch) == 4


def test_the_evaluation_is_unweighted(
    classifier: Classifier, examples: list[Example], runtime: Runtime
) -> None:
    batch = collate(examples, rows=4, maximum_tokens=40)
    mean = _task(examples, runtime).loss(classifier, batch).item() / 4
    found = _task(examples, runtime, weights=(0.1, 9.0)).evaluate(classifier)
    assert found["validation_loss"] == pytest.approx(mean, rel=1e-4)
    assert 0 <= found["validation_accuracy"] <= 1


def test_balanced_weights_let_both_classes_count_alike() -> None:
    labels = [0] * 9 + [1]
    negative, positive = balanced_weights(labels)
    assert 9 * negative == pytest.approx(positive)
    assert 9 * negative + positive == pytest.approx(len(labels))
