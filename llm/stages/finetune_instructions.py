"""Teach the base model to follow instructions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm.finetuning.config import InstructionTuningConfig
from llm.tracking import Tracker


class Config(InstructionTuningConfig):
    """How the instructed model is trained."""


def run(
    config: Config,
    *,
    base: Path,
    instructions: Path,
    tokenizer: Path,
    validated: Path,
    weights: Path,
    history: Path,
    checkpoints: Path,
    tracker: Tracker,
) -> dict[str, Any]:
    """Train on the split "train" and write weights and history; return the metrics.

    validated: the passed gate of the records, only waited for.
    """
    from llm.files import require
    from llm.finetuning.tuning import tune

    require(validated, made_by="validate_instructions")
    return tune(
        config,
        split="train",
        name="instructed",
        base=base,
        instructions=instructions,
        tokenizer_dir=tokenizer,
        weights=weights,
        history_path=history,
        checkpoints=checkpoints,
        tracker=tracker,
    )
