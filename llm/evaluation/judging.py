"""One whole judgement: answers in; a score per response and the judge's own quality out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from llm.errors import InputError
from llm.evaluation.chat_judge import ChatJudge, check_failures, parse_score
from llm.evaluation.judge import (
    LikelihoodJudge,
    Record,
    likelihood_score,
    quality,
    shuffled_references,
)
from llm.evaluation.metrics import by_group
from llm.files import read_manifest
from llm.finetuning.prompts import PromptStyle
from llm.runtime import choose_runtime
from llm.tokens.tokenizer import load
from llm.weights.export import load_model
from llm.weights.tensors import WEIGHTS

REPLIES = "replies.jsonl"


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """What one judge found.

    scores: 0 to 100 per response, None where there is none. columns: what stands beside them in
    scores.parquet. quality: how well the judge tells references from shuffled ones. metrics: its
    other numbers.
    """

    name: str
    scores: list[float | None]
    columns: dict[str, pa.Array]
    quality: dict[str, float]
    metrics: dict[str, Any]


def judge_by_likelihood(
    records: Sequence[Record],
    *,
    judged: dict[str, str],
    judge_weights: Path,
    tokenizer_dir: Path,
    style: PromptStyle,
    batch_size: int,
    seed: int,
) -> Judgement:
    """Score every response by the model of `judge_weights`.

    judged: SHA-256 of the weights that wrote the responses. Raises InputError where the judge's
    are among them.
    """
    own = read_manifest(judge_weights, made_by="finetune_judge")["files"][WEIGHTS]["sha256"]
    if own in judged.values():
        raise InputError(
            "The judge's model is one of the judged: it would find its own mistakes likely.",
            where=judge_weights,
            found=f"sha256 {own}",
            expected="weights that wrote none of the responses",
            remedy="train the judge on its own share: dvc repro --force finetune_judge",
        )
    # float32: a score compares probabilities that lie closer together than bfloat16 tells apart.
    runtime = choose_runtime(seed=seed, precision="float32")
    judge = LikelihoodJudge(
        model=load_model(judge_weights, made_by="finetune_judge").to(runtime.device),
        tokenizer=load(tokenizer_dir),
        style=style,
        batch_size=batch_size,
        runtime=runtime,
    )
    texts = {
        name: [record[name] for record in records]
        for name in ("reference", "response", "response_before")
    }
    means = {name: judge.log_likelihoods(records, responses) for name, responses in texts.items()}
    scores = _score_all(means["response"], means["reference"])
    before = _score_all(means["response_before"], means["reference"])
    found: dict[str, float] = {}
    families = any(record["family"] for record in records)
    for suffix, same_family in (
        (("", False), ("_same_family", True)) if families else (("", False),)
    ):
        shuffled = shuffled_references(records, seed=seed, same_family=same_family)
        wrong = judge.log_likelihoods(
            [records[one.index] for one in shuffled], [one.response for one in shuffled]
        )
        right = [means["reference"][one.index] for one in shuffled]
        measured = quality(list(zip(right, wrong, strict=True)))
        found |= {f"{name}{suffix}": value for name, value in measured.items()}
    return Judgement(
        name="likelihood",
        scores=scores,
        columns={
            "likelihood_score": pa.array(scores, pa.float64()),
            "likelihood_score_before": pa.array(before, pa.float64()),
            "response_log_likelihood": pa.array(means["response"], pa.float64()),
            "reference_log_likelihood": pa.array(means["reference"], pa.float64()),
        },
        quality=found,
        metrics={
            "parse_failure_fraction": 0.0,
            "unscored_fraction": scores.count(None) / max(1, len(scores)),
            "mean_score_before": _mean(before),
            "mean_reference_log_likelihood": _mean(means["reference"]),
            "mean_response_log_likelihood": _mean(means["response"]),
        },
    )


def judge_by_chat(
    records: Sequence[Record],
    *,
    replies: Path,
    model: str,
    json_replies: bool,
    maximum_parse_failure_fraction: float,
    discrimination_records: int,
    retries: int,
    timeout_seconds: float,
    seed: int,
) -> Judgement:
    """Score every response by the chat model, and its quality on the first records."""
    judge = ChatJudge(
        model=model,
        seed=seed,
        retries=retries,
        timeout_seconds=timeout_seconds,
        json_replies=json_replies,
        replies=replies / REPLIES,
    )
    texts = judge.replies(records, [record["response"] for record in records], title="judge")
    scores = [parse_score(text) for text in texts]
    failed = check_failures(scores, texts, limit=maximum_parse_failure_fraction)
    some = list(records[:discrimination_records])
    shuffled = shuffled_references(some, seed=seed)
    asked = [some[one.index] for one in shuffled]
    right = judge.replies(asked, [record["reference"] for record in asked], title="references")
    wrong = judge.replies(asked, [one.response for one in shuffled], title="shuffled references")
    own, other = [parse_score(text) for text in right], [parse_score(text) for text in wrong]
    check_failures([*own, *other], [*right, *wrong], limit=maximum_parse_failure_fraction)
    return Judgement(
        name="chat",
        scores=[None if score is None else float(score) for score in scores],
        columns={
            "chat_score": pa.array(scores, pa.int64()),
            "chat_reply": pa.array(texts, pa.string()),
        },
        quality=quality(list(zip(own, other, strict=True))),
        metrics={"parse_failure_fraction": failed},
    )


def score_table(records: Sequence[Record], judgements: Sequence[Judgement]) -> pa.Table:
    """One row per response: id, `score` of the last judge, and the columns of each."""
    columns: dict[str, pa.Array] = {
        "id": pa.array([record["id"] for record in records], pa.string()),
        "score": pa.array(judgements[-1].scores, pa.float64()),
    }
    for judgement in judgements:
        columns |= judgement.columns
    return pa.table(columns)


def judge_metrics(records: Sequence[Record], judgements: Sequence[Judgement]) -> dict[str, Any]:
    """The numbers of the last judge, and those of any other under its name."""
    found: dict[str, Any] = {}
    for judgement in judgements:
        scored = [
            (record["family"], score)
            for record, score in zip(records, judgement.scores, strict=True)
            if score is not None
        ]
        numbers = {
            "judge": judgement.name,
            "responses": len(records),
            "mean_score": _mean(judgement.scores),
            **judgement.quality,
            **judgement.metrics,
            "by_family": by_group([family for family, _ in scored], [score for _, score in scored]),
        }
        last = judgement is judgements[-1]
        found |= numbers if last else {f"{judgement.name}_{k}": v for k, v in numbers.items()}
    return found


def _score_all(
    responses: Sequence[float | None], references: Sequence[float | None]
) -> list[float | None]:
    return [likelihood_score(*pair) for pair in zip(responses, references, strict=True)]


def _mean(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return sum(known) / max(1, len(known))
