"""The settings of instruction fine-tuning, for the model that answers and for the judge's."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from llm.config import Section
from llm.finetuning.prompts import PromptStyle
from llm.training.config import TrainingConfig


class InstructionTuningConfig(Section):
    """How a base model learns to follow instructions."""

    seed: int = Field(description="Seed of dropout and of the order of the records.", ge=0)
    prompt_style: PromptStyle = Field(
        description="How a prompt is written: alpaca (headings), phi (role marks), plain (short)."
    )
    maximum_tokens: int = Field(
        description="Longest prompt and response, in tokens; longer records are left out.", ge=8
    )
    trainable: Literal["all", "blocks"] = Field(
        "all",
        description="which weights change; blocks: not the embeddings, so that words which no "
        "record holds keep their places beside those that do",
    )
    training: TrainingConfig = Field(description="Length and strength of the training.")
