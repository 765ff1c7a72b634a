"""The likelihood judge: its scores follow the formula, its shuffled references are never right."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from llm.evaluation.judge import (
    LikelihoodJudge,
    likelihood_score,
    quality,
    shuffled_references,
)
from llm.finetuning.prompts import format_prompt
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer


@pytest.fixture
def judge(model: GPTModel, tokenizer: Tokenizer, runtime: Runtime) -> LikelihoodJudge:
    return LikelihoodJudge(
        model=model, tokenizer=tokenizer, style="plain", batch_size=2, runtime=runtime
    )


def _records(references: list[str], families: list[str] | None = None) -> list[dict[str, Any]]:
    return [
        {
            "instruction": f"Say it {number}",
            "input": "",
            "reference": reference,
            "family": families[number] if families else "",
        }
        for number, reference in enumerate(references)
    ]


def test_the_mean_is_over_the_response_and_its_end(
    judge: LikelihoodJudge, model: GPTModel, tokenizer: Tokenizer
) -> None:
    records = _records(["the cat", ""])
    found = judge.log_likelihoods(records, ["the cat", ""])
    for record, response, value in zip(records, ["the cat", ""], found, strict=True):
        prompt = tokenizer.encode(format_prompt("plain", instruction=record["instruction"]))
        answer = [*tokenizer.encode(f" {response}" if response else ""), tokenizer.end_of_text]
        logits = model(torch.tensor([[*prompt, *answer]])).detach()[0].log_softmax(dim=-1)
        parts = [float(logits[len(prompt) - 1 + at, token]) for at, token in enumerate(answer)]
        assert value == pytest.approx(sum(parts) / len(parts), abs=1e-4)


def test_beyond_the_context_only_what_fits_is_read(
    judge: LikelihoodJudge, tokenizer: Tokenizer
) -> None:
    record = _records(["x"])[0]
    full = {**record, "instruction": "qz" * 200}
    inside, outside = judge.log_likelihoods([record, full], ["the cat " * 200, "the cat"])
    assert inside is not None
    assert outside is None


@pytest.mark.parametrize(
    ("response", "reference", "score"),
    [
        (-1.0, -1.0, 100.0),
        (-0.5, -1.0, 100.0),
        (-1.0 - math.log(2), -1.0, 50.0),
        (-60.0, -1.0, 0.0),
        (None, -1.0, None),
        (-1.0, None, None),
    ],
)
def test_a_score_is_the_ratio_of_probabilities_per_token(
    response: float | None, reference: float | None, score: float | None
) -> None:
    assert likelihood_score(response, reference) == pytest.approx(score)


def test_a_shuffled_reference_is_never_an_equal_text() -> None:
    records = _records(["a", "b", "a ", " a", "c", "b"] * 4)
    for seed in range(20):
        shuffled = shuffled_references(records, seed=seed)
        assert [one.index for one in shuffled] == list(range(len(records)))
        for one in shuffled:
            assert one.response.split() != records[one.index]["reference"].split()


def test_a_family_without_another_text_is_left_out() -> None:
    records = _records(["a", "b", "c", "c", "d"], ["x", "x", "y", "y", "z"])
    shuffled = shuffled_references(records, seed=1, same_family=True)
    assert [(one.index, one.response) for one in shuffled] == [(0, "b"), (1, "a")]
    assert shuffled_references(_records(["a", "a"]), seed=1) == []


def test_quality_counts_scored_pairs_alone() -> None:
    assert quality([(1.0, 0.0), (0.5, None), (0.2, 0.3)]) == {"auc": 0.75, "pairs": 2}
    assert quality([(None, 1.0)]) == {}
