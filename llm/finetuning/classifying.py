"""One whole classifier fine-tuning: messages in; weights, history and probabilities out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from llm.corpus.messages import MESSAGE_SCHEMA
from llm.errors import InputError
from llm.files import open_parquet
from llm.finetuning.classification import (
    ClassificationTask,
    balanced_weights,
    class_probabilities,
    classification_examples,
)
from llm.finetuning.examples import ExampleLoader
from llm.model.classifier import Classifier, Trainable, set_trainable
from llm.runtime import choose_runtime
from llm.tokens.tokenizer import load
from llm.tracking import Tracker
from llm.training import checkpoint
from llm.training.config import TrainingConfig
from llm.training.loop import train
from llm.weights.export import load_model, save_classifier


@dataclass(frozen=True, kw_only=True)
class Splits:
    """The labelled messages by split, tables of MESSAGE_SCHEMA."""

    rows: dict[str, pa.Table]

    def ids(self, split: str) -> list[str]:
        """The ids of a split, in order."""
        ids: list[str] = self.rows[split]["id"].to_pylist()
        return ids

    def texts(self, split: str) -> list[str]:
        """The texts of a split, in the order of their ids."""
        texts: list[str] = self.rows[split]["text"].to_pylist()
        return texts

    def labels(self, split: str) -> NDArray[np.int64]:
        """The labels of a split in the same order, (N,), 1 for the positive class."""
        return self.rows[split]["label"].to_numpy().astype(np.int64)


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """Probabilities of the positive class, (N,) per split, and the metrics of the training."""

    validation: NDArray[np.float64]
    test: NDArray[np.float64]
    metrics: dict[str, Any]


def read_splits(messages: Path) -> Splits:
    """Read what prepare_classification wrote."""
    return Splits(
        rows={
            split: open_parquet(
                messages / f"{split}.parquet",
                schema=MESSAGE_SCHEMA,
                made_by="prepare_classification",
            ).read()
            for split in ("train", "validation", "test")
        }
    )


def tune_classifier(
    splits: Splits,
    *,
    trainable: Trainable,
    balanced: bool,
    maximum_tokens: int,
    training: TrainingConfig,
    seed: int,
    base: Path,
    messages: Path,
    tokenizer_dir: Path,
    classifier: Path,
    history_path: Path,
    checkpoints: Path,
    tracker: Tracker,
    facts: dict[str, Any],
) -> Tuned:
    """Put a class head on the model of `base`, train it, write it to `classifier`.

    facts: what else its manifest says. Raises InputError where maximum_tokens is beyond the
    model's context.
    """
    runtime = choose_runtime(seed=seed, precision=training.precision, compile=training.compile)
    gpt = load_model(base, made_by="import_gpt2").to(runtime.device)
    if maximum_tokens > gpt.config.context_length:
        raise InputError(
            "Messages may be longer than the model's context.",
            where=base,
            found=f"context_length {gpt.config.context_length}",
            expected=f"at least finetune_classifier.maximum_tokens, {maximum_tokens}",
            remedy="lower maximum_tokens, or pretrain with a longer context_length",
        )
    model = Classifier(gpt, n_classes=2)
    set_trainable(model, trainable)
    tokenizer = load(tokenizer_dir)
    examples = {
        split: classification_examples(
            splits.texts(split),
            splits.labels(split).tolist(),
            tokenizer=tokenizer,
            maximum_tokens=maximum_tokens,
        )
        for split in splits.rows
    }
    labels = splits.labels("train").tolist()
    task = ClassificationTask(
        examples["validation"],
        class_weights=balanced_weights(labels) if balanced else (1.0, 1.0),
        batch_size=training.batch_size,
        maximum_tokens=maximum_tokens,
        runtime=runtime,
    )
    loader = ExampleLoader(
        [
            replace(example, name=name)
            for name, example in zip(splits.ids("train"), examples["train"], strict=True)
        ],
        batch_size=training.batch_size,
        maximum_tokens=maximum_tokens,
        seed=seed,
        compiled=training.compile,
    )
    folder = checkpoint.keyed(
        checkpoints,
        training.model_dump(),
        [trainable, balanced, maximum_tokens, seed],
        base,
        messages,
        tokenizer_dir,
        *checkpoint.code_files("model", "tokens", "training", "finetuning"),
    )
    history = train(
        model,
        task,
        loader,
        config=training,
        runtime=runtime,
        seed=seed,
        checkpoints=folder,
        tracker=tracker,
        name="classifier",
    )
    found = {
        split: class_probabilities(
            model,
            examples[split],
            batch_size=training.batch_size,
            maximum_tokens=maximum_tokens,
            runtime=runtime,
        )
        for split in ("validation", "test")
    }
    save_classifier(model, classifier, tokenizer=tokenizer.fingerprint, **facts)
    history.write_csv(history_path)
    tracker.register_model("classifier", classifier)
    checkpoint.clear(folder)
    return Tuned(
        **found,
        metrics={
            "train_messages": len(labels),
            "train_positive": sum(labels),
            "steps": history.steps,
            "validation_loss": history.last["validation_loss"],
            "validation_accuracy": history.last["validation_accuracy"],
            **history.incident_metrics(),
        },
    )
