"""Training a GPT to follow instructions: only the response is learned, and where it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from llm.finetuning.examples import Example, sorted_batches
from llm.finetuning.prompts import PromptStyle, format_prompt, format_response
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer
from llm.training.loss import IGNORED, linear_cross_entropy

Batch = dict[str, Tensor]


def instruction_example(
    prompt_ids: Sequence[int], response_ids: Sequence[int], *, end_of_text: int
) -> Example:
    """Prompt, response and end-of-text in one row; the targets are the response and its end.

    Token t is fed in and token t + 1 is its target, so the prompt's last token predicts the
    response's first, and the response's last predicts end-of-text, once.
    """
    text = (*prompt_ids, *response_ids, end_of_text)
    targets = (IGNORED,) * (len(prompt_ids) - 1) + text[len(prompt_ids) :]
    return Example(token_ids=text[:-1], targets=targets)


def encode_records(
    records: Sequence[dict[str, Any]],
    *,
    tokenizer: Tokenizer,
    style: PromptStyle,
    responses: Sequence[str],
) -> list[Example]:
    """One example per record (`instruction`, `input`) and its response, in order, however long."""
    prompts = tokenizer.encode_batch(
        [format_prompt(style, instruction=r["instruction"], given=r["input"]) for r in records]
    )
    answers = tokenizer.encode_batch([format_response(style, text) for text in responses])
    return [
        instruction_example(prompt, answer, end_of_text=tokenizer.end_of_text)
        for prompt, answer in zip(prompts, answers, strict=True)
    ]


class InstructionTask:
    """The loss of a batch of responses, and the measures between steps."""

    def __init__(
        self,
        validation: Sequence[Example],
        *,
        batch_size: int,
        maximum_tokens: int,
        runtime: Runtime,
    ) -> None:
        self._validation = validation
        self._batch_size = batch_size
        self._maximum_tokens = maximum_tokens
        self._runtime = runtime

    def loss(self, model: GPTModel, batch: Batch) -> Tensor:
        """Summed cross-entropy over the targets of a batch."""
        hidden, targets = model.hidden(batch["inputs"]), batch["targets"]  # (B, T, C), (B, T)
        if not torch.compiler.is_compiling():  # a compiled loss wants shapes that stay the same
            learned = targets != IGNORED  # (B, T)
            hidden, targets = hidden[learned], targets[learned]  # (N, C), (N,)
        return linear_cross_entropy(
            hidden, model.head_weight, targets, vocab_size=model.config.vocab_size
        )

    def count(self, batch: Batch) -> int:
        """Response tokens in a batch, end-of-text included."""
        return int((batch["targets"] != IGNORED).sum())

    def evaluate(self, model: GPTModel) -> dict[str, float]:
        """Mean cross-entropy per response token of the validation, nats."""
        log_likelihoods = response_log_likelihoods(
            model,
            self._validation,
            batch_size=self._batch_size,
            maximum_tokens=self._maximum_tokens,
            runtime=self._runtime,
        )
        targets = sum(found.tokens for found in log_likelihoods)
        return {"validation_loss": -sum(found.total for found in log_likelihoods) / targets}

    def sample(self, model: GPTModel) -> str | None:  # noqa: ARG002 - the protocol names it
        """None: the stage answer writes the responses, all of them."""
        return None


@dataclass(frozen=True, kw_only=True)
class LogLikelihood:
    """The log probability of one response: its sum over `tokens` tokens, end-of-text included."""

    total: float
    tokens: int

    @property
    def mean(self) -> float:
        """Nats per token; 0 is certainty."""
        return self.total / self.tokens


@torch.no_grad()
def response_log_likelihoods(
    model: GPTModel,
    examples: Sequence[Example],
    *,
    batch_size: int,
    maximum_tokens: int,
    runtime: Runtime,
) -> list[LogLikelihood]:
    """log p(response | prompt) of each example, in their order."""
    was_training = model.training
    model.eval()
    found: dict[int, LogLikelihood] = {}
    for rows, batch in sorted_batches(
        examples, batch_size=batch_size, maximum_tokens=maximum_tokens
    ):
        targets = batch["targets"].to(runtime.device)  # (B, T)
        kept = targets != IGNORED  # (B, T); the head is costly, so only these N places pass it
        with torch.autocast(runtime.device.type, torch.bfloat16, enabled=runtime.autocast):
            hidden = model.hidden(batch["inputs"].to(runtime.device))  # (B, T, C)
            logits = model.head(hidden[kept])  # (N, V)
        losses = torch.zeros(targets.shape, dtype=torch.float64, device=runtime.device)
        losses[kept] = F.cross_entropy(logits.float(), targets[kept], reduction="none").double()
        for row, total, tokens in zip(
            rows, losses.sum(dim=1).tolist(), kept.sum(dim=1).tolist(), strict=True
        ):
            found[row] = LogLikelihood(total=-total, tokens=tokens)
    model.train(was_training)
    return [found[row] for row in range(len(examples))]
