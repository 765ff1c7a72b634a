"""The responses that a model writes to instruction records, in batches, with the cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from llm.finetuning.prompts import PromptStyle, format_prompt
from llm.model.generate import generate
from llm.model.gpt import GPTModel
from llm.model.packed import ready_to_write
from llm.model.sampling import Sampling
from llm.progress import Progress
from llm.runtime import Runtime
from llm.tokens.tokenizer import Tokenizer

# id to input as in the record; reference: its output; response: of the instructed model;
# response_before: of the base model, before it was instructed.
ANSWER_SCHEMA = pa.schema(
    [
        pa.field(name, pa.string(), nullable=False)
        for name in (
            "id", "family", "instruction", "input", "reference", "response", "response_before",
        )
    ]
)  # fmt: skip


def write_responses(
    model: GPTModel,
    records: Sequence[dict[str, Any]],
    *,
    tokenizer: Tokenizer,
    style: PromptStyle,
    maximum_new_tokens: int,
    batch_size: int,
    temperature: float,
    seed: int,
    runtime: Runtime,
    title: str,
) -> list[str]:
    """One response per record of INSTRUCTION_SCHEMA, in order, without surrounding spaces.

    Prompts of like length share a batch. title: what the progress is called.
    """
    prompts = tokenizer.encode_batch(
        [format_prompt(style, instruction=r["instruction"], given=r["input"]) for r in records]
    )
    order = sorted(range(len(prompts)), key=lambda index: (len(prompts[index]), index))
    responses = [""] * len(records)
    with (
        Progress(title, unit="responses", total=len(order)) as progress,
        ready_to_write(model, autocast=runtime.autocast) as ready,
    ):
        for start in range(0, len(order), batch_size):
            group = order[start : start + batch_size]
            written = generate(
                ready,
                [prompts[index] for index in group],
                maximum_new_tokens=maximum_new_tokens,
                end_of_text=tokenizer.end_of_text,
                sampling=Sampling(temperature=temperature),
                seeds=[_seed(seed, index) for index in group],
            )
            for index, token_ids in zip(group, written, strict=True):
                responses[index] = tokenizer.decode_written(token_ids).strip()
            progress.advance(len(group))
    return responses


def _seed(seed: int, index: int) -> int:
    """A record's own seed, so that what is drawn for it depends on no other record."""
    return int(np.random.SeedSequence((seed, index)).generate_state(1)[0])


def answer_table(
    records: Sequence[dict[str, Any]], responses: Sequence[str], before: Sequence[str]
) -> pa.Table:
    """Records and responses side by side, as a table of ANSWER_SCHEMA."""
    columns = {
        name: [record[name] for record in records]
        for name in ("id", "family", "instruction", "input")
    }
    columns |= {
        "reference": [record["output"] for record in records],
        "response": list(responses),
        "response_before": list(before),
    }
    return pa.table(columns, schema=ANSWER_SCHEMA)
