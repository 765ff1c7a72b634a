"""One whole instruction fine-tuning: records in, weights and history out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from llm.corpus.instructions import read_records
from llm.errors import InputError
from llm.finetuning.config import InstructionTuningConfig
from llm.finetuning.examples import Example, ExampleLoader
from llm.finetuning.instructions import InstructionTask, encode_records
from llm.runtime import choose_runtime
from llm.tokens.tokenizer import Tokenizer, load
from llm.tracking import Tracker
from llm.training import checkpoint
from llm.training.loop import train
from llm.weights.export import load_model, save_model


def tune(
    config: InstructionTuningConfig,
    *,
    split: str,
    name: str,
    base: Path,
    instructions: Path,
    tokenizer_dir: Path,
    weights: Path,
    history_path: Path,
    checkpoints: Path,
    tracker: Tracker,
) -> dict[str, Any]:
    """Train the model of `base` on one split of the instruction records; write it to `weights`.

    split: "train", or "judge" for the share that the judged model never sees. name: what the
    registered model is called. Returns the metrics. Raises InputError where the records do not
    fit the model.
    """
    runtime = choose_runtime(
        seed=config.seed, precision=config.training.precision, compile=config.training.compile
    )
    tokenizer = load(tokenizer_dir)
    model = load_model(base, made_by="import_gpt2").to(runtime.device)
    if config.trainable == "blocks":
        for embedding in model.embeddings:
            embedding.requires_grad_(False)
    limit = config.maximum_tokens
    if limit > model.config.context_length:
        raise InputError(
            "Records may be longer than the model's context.",
            where=base,
            found=f"context_length {model.config.context_length}",
            expected=f"at least maximum_tokens, {limit}",
            remedy="lower maximum_tokens, or pretrain with a longer context_length",
        )
    learned, too_long = _examples(instructions, split, tokenizer=tokenizer, config=config)
    validation, too_long_there = _examples(
        instructions, "validation", tokenizer=tokenizer, config=config
    )
    task = InstructionTask(
        validation,
        batch_size=config.training.batch_size,
        maximum_tokens=limit,
        runtime=runtime,
    )
    loader = ExampleLoader(
        learned,
        batch_size=config.training.batch_size,
        maximum_tokens=limit,
        seed=config.seed,
        compiled=config.training.compile,
    )
    folder = checkpoint.keyed(
        checkpoints,
        config.model_dump(),
        split,
        base,
        instructions,
        tokenizer_dir,
        *checkpoint.code_files("model", "tokens", "training", "finetuning"),
    )
    history = train(
        model,
        task,
        loader,
        config=config.training,
        runtime=runtime,
        seed=config.seed,
        checkpoints=folder,
        tracker=tracker,
        name=name,
    )
    save_model(model, weights, tokenizer=tokenizer.fingerprint)
    history.write_csv(history_path)
    tracker.register_model(name, weights)
    checkpoint.clear(folder)
    return {
        "records": len(learned),
        "records_too_long": too_long,
        "validation_records": len(validation),
        "validation_records_too_long": too_long_there,
        "response_tokens": sum(example.learned for example in learned),
        "steps": history.steps,
        "validation_loss_before": history.rows[0]["validation_loss"],
        "validation_loss": history.last["validation_loss"],
        **history.incident_metrics(),
    }


def _examples(
    folder: Path, split: str, *, tokenizer: Tokenizer, config: InstructionTuningConfig
) -> tuple[list[Example], int]:
    """The examples of a split that fit, and how many do not.

    Cut off, they would teach a response that does not end, so they are left out whole.
    """
    records = read_records(folder, split)
    examples = encode_records(
        records,
        tokenizer=tokenizer,
        style=config.prompt_style,
        responses=[record["output"] for record in records],
    )
    fitting = [
        replace(example, name=record["id"])
        for record, example in zip(records, examples, strict=True)
        if len(example.token_ids) <= config.maximum_tokens
    ]
    if not fitting:
        raise InputError(
            "No instruction record fits the model.",
            where=folder / f"{split}.parquet",
            found=f"{len(records)} records, all longer than {config.maximum_tokens} tokens",
            expected="some that are shorter, prompt and response together",
            remedy="raise maximum_tokens",
        )
    return fitting, len(examples) - len(fitting)
