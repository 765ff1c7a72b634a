"""Instruction examples: only the response is learned, its end once, the padding never."""

from __future__ import annotations

import math

import pytest
import torch

from llm.finetuning.examples import collate
from llm.finetuning.instructions import (
    InstructionTask,
    encode_records,
    instruction_example,
    response_log_likelihoods,
)
from llm.finetuning.prompts import format_prompt
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer
from llm.training.loss import IGNORED

RECORDS = [
    {"instruction": "Name the cat.", "input": "", "output": "the red cat"},
    {"instruction": "Where did the dog run?", "input": "the dog ran", "output": "to the house"},
    {"instruction": "Say nothing.", "input": "", "output": ""},
]


def _examples(tokenizer: Tokenizer) -> list:
    outputs = [record["output"] for record in RECORDS]
    return encode_records(RECORDS, tokenizer=tokenizer, style="plain", responses=outputs)


def test_targets_are_the_response_and_one_end_of_text(tokenizer: Tokenizer) -> None:
    for record, example in zip(RECORDS, _examples(tokenizer), strict=True):
        targets = [target for target in example.targets if target != IGNORED]
        assert targets.count(tokenizer.end_of_text) == 1
        assert targets[-1] == tokenizer.end_of_text
        assert tokenizer.decode(targets[:-1]).strip() == record["output"]
        prompt = format_prompt("plain", instruction=record["instruction"], given=record["input"])
        first = next(at for at, target in enumerate(example.targets) if target != IGNORED)
        assert tokenizer.decode(example.token_ids[: first + 1]) == prompt
        assert tokenizer.end_of_text not in example.token_ids


def test_a_target_is_the_token_after_its_place() -> None:
    example = instruction_example([1, 2, 3], [4, 5], end_of_text=9)
    assert example.token_ids == (1, 2, 3, 4, 5)
    assert example.targets == (IGNORED, IGNORED, 4, 5, 9)


def test_special_tokens_in_a_record_do_not_end_it(tokenizer: Tokenizer) -> None:
    record = {"instruction": "Repeat <|endoftext|>", "input": "", "output": "a<|endoftext|>b"}
    (example,) = encode_records(
        [record], tokenizer=tokenizer, style="alpaca", responses=[record["output"]]
    )
    assert tokenizer.end_of_text not in example.token_ids
    assert example.targets.count(tokenizer.end_of_text) == 1


def test_the_likelihood_is_the_sum_over_the_response(
    model: GPTModel, tokenizer: Tokenizer, runtime: Runtime
) -> None:
    examples = _examples(tokenizer)
    found = response_log_likelihoods(
        model, examples, batch_size=2, maximum_tokens=128, runtime=runtime
    )
    for example, likelihood in zip(examples, found, strict=True):
        logits = model(torch.tensor([example.token_ids])).detach()[0]
        log_probabilities = logits.log_softmax(dim=-1)
        expected = sum(
            float(log_probabilities[at, target])
            for at, target in enumerate(example.targets)
            if target != IGNORED
        )
        assert likelihood.total == pytest.approx(expected, abs=1e-3)
        assert likelihood.tokens == example.learned


def test_loss_and_validation_loss_agree_with_the_likelihood(
    model: GPTModel, tokenizer: Tokenizer, runtime: Runtime
) -> None:
    examples = _examples(tokenizer)
    task = InstructionTask(examples, batch_size=2, maximum_tokens=128, runtime=runtime)
    batch = collate(examples, rows=5, maximum_tokens=128)
    found = response_log_likelihoods(
        model, examples, batch_size=2, maximum_tokens=128, runtime=runtime
    )
    total = -sum(likelihood.total for likelihood in found)
    assert float(task.loss(model, batch).detach()) == pytest.approx(total, rel=1e-4)
    assert task.count(batch) == sum(example.learned for example in examples)
    evaluated = task.evaluate(model)["validation_loss"]
    assert evaluated == pytest.approx(total / task.count(batch), rel=1e-4)


def test_the_prompt_and_the_padding_do_not_move_the_loss(
    model: GPTModel, tokenizer: Tokenizer, runtime: Runtime
) -> None:
    examples = _examples(tokenizer)
    task = InstructionTask(examples, batch_size=2, maximum_tokens=128, runtime=runtime)
    batch = collate(examples[:1], rows=1, maximum_tokens=128)
    other = {name: tensor.clone() for name, tensor in batch.items()}
    other["inputs"][0, int(batch["lengths"][0]) :] = 17
    loss = float(task.loss(model, batch).detach())
    assert loss == pytest.approx(float(task.loss(model, other).detach()))
    assert math.isfinite(loss)
