"""Teach the base model to classify messages, and measure it beside a classical baseline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from llm.config import Section
from llm.tracking import Tracker
from llm.training.config import TrainingConfig

if TYPE_CHECKING:
    import pyarrow as pa

    from llm.evaluation.metrics import Floats, Labels


class Config(Section):
    """How the classifier is trained and measured."""

    seed: int = Field(description="Seed of the head, dropout, order and intervals.", ge=0)
    maximum_tokens: int = Field(
        description="Longest message, in tokens; the rest is not read.", ge=1
    )
    trainable: Literal["head", "last_block", "all"] = Field(
        description="What learns: the new head; the last block and final norm too; or everything."
    )
    class_weights: Literal["none", "balanced"] = Field(
        description="none: every message counts alike. balanced: both classes count alike."
    )
    interval_samples: int = Field(
        description="Bootstrap draws behind each 95 % interval.", ge=100, le=100_000
    )
    training: TrainingConfig = Field(description="Length and strength of the training.")


def run(
    config: Config,
    *,
    base: Path,
    messages: Path,
    tokenizer: Path,
    validated: Path,
    classifier: Path,
    predictions: Path,
    history: Path,
    checkpoints: Path,
    tracker: Tracker,
) -> dict[str, Any]:
    """Train, choose the threshold on the validation, measure on the test; return the metrics.

    The baseline sees the same splits and is tuned on the same validation. validated: the passed
    gate of the messages, only waited for. Raises InputError where the messages do not fit.
    """
    from llm.evaluation.baseline import fit_baseline
    from llm.evaluation.metrics import best_threshold, confusion
    from llm.files import read_manifest, require, write_parquet
    from llm.finetuning.classifying import Splits, read_splits, tune_classifier

    require(validated, made_by="validate_messages")
    manifest = read_manifest(messages, made_by="prepare_classification")
    splits: Splits = read_splits(messages)
    found = tune_classifier(
        splits,
        trainable=config.trainable,
        balanced=config.class_weights == "balanced",
        maximum_tokens=config.maximum_tokens,
        training=config.training,
        seed=config.seed,
        base=base,
        messages=messages,
        tokenizer_dir=tokenizer,
        classifier=classifier,
        history_path=history,
        checkpoints=checkpoints,
        tracker=tracker,
        facts={"classes": manifest["classes"]},
    )
    baseline = fit_baseline(
        splits.texts("train"),
        splits.labels("train"),
        validation_texts=splits.texts("validation"),
        validation_labels=splits.labels("validation"),
        test_texts=splits.texts("test"),
    )
    labels = splits.labels("test")
    threshold = best_threshold(splits.labels("validation"), found.validation)
    baseline_threshold = best_threshold(splits.labels("validation"), baseline.validation)
    write_parquet(_predictions(splits.rows["test"], found.test, baseline.test), predictions)
    return {
        **found.metrics,
        "class_names": manifest["classes"],
        "test_messages": len(labels),
        "test_positive": int(labels.sum()),
        "threshold": threshold,
        "confusion": confusion(labels, found.test, threshold=threshold),
        **_measured(labels, found.test, threshold=threshold, config=config),
        "baseline_threshold": baseline_threshold,
        "baseline_inverse_strength": baseline.inverse_strength,
        "baseline_confusion": confusion(labels, baseline.test, threshold=baseline_threshold),
        **{
            f"baseline_{name}": value
            for name, value in _measured(
                labels, baseline.test, threshold=baseline_threshold, config=config
            ).items()
        },
    }


def _measured(
    labels: Labels, probabilities: Floats, *, threshold: float, config: Config
) -> dict[str, float]:
    """Each measure with the ends of its 95 % interval, NAME_low and NAME_high."""
    from functools import partial

    from llm.evaluation.metrics import bootstrap_intervals, classification_metrics

    measure = partial(classification_metrics, threshold=threshold)
    intervals = bootstrap_intervals(
        measure, labels, probabilities, samples=config.interval_samples, seed=config.seed
    )
    measured: dict[str, float] = {}
    for name, value in measure(labels, probabilities).items():
        low, high = intervals[name]
        measured |= {name: value, f"{name}_low": low, f"{name}_high": high}
    return measured


def _predictions(rows: pa.Table, probabilities: Floats, baseline: Floats) -> pa.Table:
    """Per test message id, label, probability, baseline_probability, text."""
    import pyarrow as pa

    return pa.table(
        {
            "id": rows["id"],
            "label": rows["label"],
            "probability": pa.array(probabilities, pa.float64()),
            "baseline_probability": pa.array(baseline, pa.float64()),
            "text": rows["text"],
        }
    )
