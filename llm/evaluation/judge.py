"""The likelihood judge: a language model scores a response by how likely it finds it (GPTScore)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llm.evaluation.metrics import auc
from llm.finetuning.examples import Example
from llm.finetuning.instructions import encode_records, response_log_likelihoods
from llm.finetuning.prompts import PromptStyle
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer

Record = dict[str, Any]  # a row of ANSWER_SCHEMA


@dataclass(frozen=True, kw_only=True)
class LikelihoodJudge:
    """Judges by log p(response | prompt) per token (Fu et al. 2023, "GPTScore").

    model: any causal language model that has learned to follow instructions, but never the one
    whose responses it judges, which finds its own mistakes likely.
    """

    model: GPTModel
    tokenizer: Tokenizer
    style: PromptStyle
    batch_size: int
    runtime: Runtime

    def log_likelihoods(
        self, records: Sequence[Record], responses: Sequence[str]
    ) -> list[float | None]:
        """Mean log probability per token of each response, end-of-text included, in nats.

        An empty response is its end-of-text alone. What lies beyond the model's context is left
        out; None where the prompt alone fills it.
        """
        limit = self.model.config.context_length
        examples = encode_records(
            records, tokenizer=self.tokenizer, style=self.style, responses=responses
        )
        cut = [
            Example(token_ids=example.token_ids[:limit], targets=example.targets[:limit])
            for example in examples
        ]
        scored = [index for index, example in enumerate(cut) if example.learned]
        found = response_log_likelihoods(
            self.model,
            [cut[index] for index in scored],
            batch_size=self.batch_size,
            maximum_tokens=limit,
            runtime=self.runtime,
        )
        means: list[float | None] = [None] * len(records)
        for index, likelihood in zip(scored, found, strict=True):
            means[index] = likelihood.mean
        return means


def likelihood_score(response: float | None, reference: float | None) -> float | None:
    """100 · exp(min(0, response − reference)) of two mean log probabilities per token, in nats.

    100 where the judge finds the response at least as likely as the reference; then it falls by
    the ratio of the two probabilities per token: half as likely a token gives 50.
    """
    if response is None or reference is None:
        return None
    return 100.0 * math.exp(min(0.0, response - reference))


@dataclass(frozen=True, kw_only=True)
class Shuffled:
    """References that were given to other records than their own.

    index: the record that is asked. response: the reference of another record.
    """

    index: int
    response: str


def shuffled_references(
    records: Sequence[Record], *, seed: int, same_family: bool = False
) -> list[Shuffled]:
    """For each record the reference of another record, drawn at random, never an equal text.

    same_family: drawn from the record's own family, which is harder to tell. Records without a
    possible partner are left out.
    """
    rng = random.Random(seed)
    groups: dict[str, list[str]] = {}
    for record in records:
        groups.setdefault(record["family"] if same_family else "", []).append(record["reference"])
    found = []
    for index, record in enumerate(records):
        group = groups[record["family"] if same_family else ""]
        own = record["reference"].split()
        start = rng.randrange(len(group))
        candidates = (group[(start + step) % len(group)] for step in range(len(group)))
        other = next((text for text in candidates if text.split() != own), None)
        if other is not None:
            found.append(Shuffled(index=index, response=other))
    return found


def quality(pairs: Sequence[tuple[float | None, float | None]]) -> dict[str, float]:
    """How surely a judge tells references from shuffled ones: `auc` over the `pairs` it scored.

    pairs: what it gives a record's own reference, and what another's. Empty without any pair.
    """
    scored = [(own, other) for own, other in pairs if own is not None and other is not None]
    if not scored:
        return {}
    return {
        "auc": auc([own for own, _ in scored], [other for _, other in scored]),
        "pairs": len(scored),
    }
