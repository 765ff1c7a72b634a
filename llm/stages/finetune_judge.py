"""Teach the base model a share of its own instructions, so that it can judge the other model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llm.finetuning.config import InstructionTuningConfig
from llm.tracking import Tracker


class Config(InstructionTuningConfig):
    """How the judge model is trained."""


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
    """Train on the split "judge" and write weights and history; return the metrics.

    validated: the passed gate of the records, only waited for.
    """
    from llm.files import require
    from llm.finetuning.tuning import tune

    require(validated, made_by="validate_instructions")
    return tune(
        config,
        split="judge",
        name="judge",
        base=base,
        instructions=instructions,
        tokenizer_dir=tokenizer,
        weights=weights,
        history_path=history,
        checkpoints=checkpoints,
        tracker=tracker,
    )
