"""The contract of instruction records: complete, short enough, and no prompt in two splits."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import (
    Check,
    Contract,
    at_least,
    at_most,
    duplicates,
    each,
    filled,
    joined,
    not_null,
    shared,
    shown,
)
from llm.validation.reading import columns, survey_files

SUITE = "instructions"
MADE_BY = "prepare_instructions"
SPLITS = ("train", "validation", "test", "judge")
COLUMNS = pa.schema(
    [(name, pa.string()) for name in ("id", "instruction", "input", "output", "family")]
)
# One row per record, as the checks and the sample see it.
ROW = pa.schema(
    [
        ("split", pa.string()),
        ("id", pa.string()),
        ("family", pa.string()),
        ("prompt_characters", pa.int64()),  # instruction and input
        ("instruction", pa.string()),  # their first characters
        ("input", pa.string()),
        ("output", pa.string()),
    ]
)
_BORDER = "\x1f"  # between instruction and input: the unit separator, which no text holds


def instructions_contract(
    directory: Path, *, minimum_records: int, maximum_prompt_characters: int
) -> Contract:
    """Measure the records of every split, every row, and say what is expected of them.

    Raises InputError where a file is missing or broken.
    """
    checks = _checks(maximum_prompt_characters)
    survey, kept = survey_files(
        checks,
        {split: [directory / f"{split}.parquet"] for split in SPLITS},
        COLUMNS,
        made_by=MADE_BY,
        row=_row,
        keep={**columns("id"), "prompt": _prompt},
    )
    return Contract(
        suite=SUITE,
        facts={
            "records": survey.seen,
            **{f"{split}_records": len(ids) for split, ids in kept["id"].items()},
            "duplicate_ids": duplicates(joined(kept["id"].values())),
            "prompts_in_two_splits": shared(kept["prompt"].values()),
            **survey.faults,
        },
        fact_rules=[
            at_least("records", minimum_records, "there are enough records"),
            *(
                at_least(f"{split}_records", 1, f"the split {split} is not empty")
                for split in SPLITS
            ),
            at_most("duplicate_ids", 0, "no two records have one id"),
            at_most(
                "prompts_in_two_splits", 0, "no pair of instruction and input is in two splits"
            ),
            *(check.rule() for check in checks),
        ],
        sample=survey.sample(ROW),
        sample_rules=[
            *(not_null(name) for name in ("id", "instruction", "input", "output")),
            each("id", "be_unique", "no two records have one id"),
            each(
                "prompt_characters",
                "be_between",
                "no prompt is too long",
                min_value=1,
                max_value=maximum_prompt_characters,
            ),
        ],
    )


def _checks(maximum_prompt_characters: int) -> list[Check]:
    return [
        filled("missing_ids", "id", "every record has an id"),
        filled("empty_instructions", "instruction", "no instruction is empty"),
        filled("empty_outputs", "output", "no output is empty"),
        Check(
            fact="long_prompts",
            mask=lambda row: pc.greater(row.column("prompt_characters"), maximum_prompt_characters),
            meaning=f"no prompt is longer than {maximum_prompt_characters:,} characters",
        ),
    ]


def _prompt(batch: pa.RecordBatch) -> pa.Array:
    return pc.binary_join_element_wise(batch["instruction"], batch["input"], _BORDER)


def _row(split: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    instructions, inputs = batch.column("instruction"), batch.column("input")
    columns = {
        "split": pa.array([split] * len(batch), pa.string()),
        "id": batch.column("id"),
        "family": batch.column("family"),
        "prompt_characters": pc.add(pc.utf8_length(instructions), pc.utf8_length(inputs)).cast(
            pa.int64()
        ),
        "instruction": shown(instructions),
        "input": shown(inputs),
        "output": shown(batch.column("output")),
    }
    return pa.record_batch([columns[name] for name in ROW.names], schema=ROW)
