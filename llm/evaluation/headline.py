"""The run in a few numbers: where each comes from, what it means, and when not to believe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llm.errors import InputError
from llm.evaluation.results import Facts
from llm.evaluation.wording import format_number

TRUSTED_AUC = 0.8  # below it a judge takes too many wrong responses for right ones


@dataclass(frozen=True, kw_only=True)
class Number:
    """One headline number: its key in metrics.json, where it comes from, and what it means."""

    key: str
    stage: str
    source: str
    meaning: str


# The one table that says which numbers sum up a run.
HEADLINE = (
    Number(
        key="pretrain.validation_loss",
        stage="pretrain",
        source="validation_loss",
        meaning="cross-entropy on held-out text, nats per token; lower is better",
    ),
    Number(
        key="pretrain.trigram_loss",
        stage="pretrain",
        source="trigram_loss",
        meaning="the same for an interpolated trigram model on the same tokens: the level to beat",
    ),
    Number(
        key="pretrain.bits_per_byte",
        stage="pretrain",
        source="bits_per_byte",
        meaning="held-out bits per byte of text: comparable between tokenizers",
    ),
    Number(
        key="classifier.f1",
        stage="finetune_classifier",
        source="f1",
        meaning="F1 on the leak-free, imbalanced test messages",
    ),
    Number(
        key="classifier.baseline_f1",
        stage="finetune_classifier",
        source="baseline_f1",
        meaning="F1 of TF-IDF with logistic regression on the same split",
    ),
    Number(
        key="classifier.pr_auc",
        stage="finetune_classifier",
        source="pr_auc",
        meaning="area under the precision-recall curve",
    ),
    Number(
        key="classifier.baseline_pr_auc",
        stage="finetune_classifier",
        source="baseline_pr_auc",
        meaning="the same for the baseline",
    ),
    Number(
        key="classifier.accuracy",
        stage="finetune_classifier",
        source="accuracy",
        meaning="share of test messages classified rightly",
    ),
    Number(
        key="instructions.exact_match",
        stage="answer",
        source="exact_match",
        meaning="share of held-out responses equal to the reference",
    ),
    Number(
        key="instructions.exact_match_before",
        stage="answer",
        source="exact_match_before",
        meaning="the same before instruction tuning",
    ),
    Number(
        key="instructions.rouge_l",
        stage="answer",
        source="rouge_l",
        meaning="mean ROUGE-L F-measure (Lin 2004)",
    ),
    Number(
        key="instructions.chrf",
        stage="answer",
        source="chrf",
        meaning="corpus chrF, 0 to 100 (Popović 2015)",
    ),
    Number(
        key="judge.mean_score",
        stage="judge",
        source="mean_score",
        meaning="mean score of the responses, 0 to 100",
    ),
    Number(
        key="judge.auc",
        stage="judge",
        source="auc",
        meaning="how surely the judge tells references from shuffled responses; 0.5 is chance",
    ),
    Number(
        key="judge.parse_failure_fraction",
        stage="judge",
        source="parse_failure_fraction",
        meaning="share of the judge's replies that could not be read",
    ),
)


def headline_numbers(facts: Facts) -> dict[str, dict[str, float]]:
    """The run in a few numbers, by section and name, as data/reports/metrics.json holds them."""
    headline: dict[str, dict[str, float]] = {}
    for number in HEADLINE:
        metrics = facts.stages.get(number.stage, {})
        if number.source not in metrics:
            raise InputError(
                "A number of the report is missing.",
                where=f"metrics of the stage {number.stage!r}",
                found=", ".join(metrics) or "nothing",
                expected=number.source,
                remedy=f"run it again: dvc repro --force {number.stage}",
            )
        section, name = number.key.split(".")
        headline.setdefault(section, {})[name] = metrics[number.source]
    return headline


def cautions(headline: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What a reader of the headline numbers should know before believing them, as sentences."""
    found = []
    pretrain, classifier, judge = (headline[name] for name in ("pretrain", "classifier", "judge"))
    if pretrain["validation_loss"] >= pretrain["trigram_loss"]:
        found.append(
            "The pretrained model predicts held-out text no better than a trigram model: "
            "it has seen too little text, or trained too short."
        )
    if classifier["f1"] < classifier["baseline_f1"]:
        found.append("The classifier does not reach the F1 of its classical baseline.")
    if judge["auc"] < TRUSTED_AUC:
        found.append(
            "The judge hardly tells references from shuffled responses "
            f"(AUC {format_number(judge['auc'])}, where {TRUSTED_AUC} is asked): "
            "its scores say little, high ones too."
        )
    return found
