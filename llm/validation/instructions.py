"""The contract of instruction records: complete, short enough, and no prompt in two splits."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import Contract, at_least, each, make_contract, not_null
from llm.validation.reading import columns, files_of, survey_files
from llm.validation.repeats import end_to_end, repeated, shared
from llm.validation.survey import Check, filled, shown

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
    survey, kept = survey_files(
        _checks(maximum_prompt_characters),
        files_of(directory, SPLITS, made_by=MADE_BY),
        COLUMNS,
        made_by=MADE_BY,
        row=_row,
        keep={**columns("id"), "prompt": _prompt},
    )
    return make_contract(
        suite=SUITE,
        facts={
            "records": survey.seen,
            **{f"{split}_records": len(ids.values) for split, ids in kept["id"].items()},
        },
        rules=[
            at_least("records", minimum_records, "there are enough records"),
            *(
                at_least(f"{split}_records", 1, f"the split {split} is not empty")
                for split in SPLITS
            ),
        ],
        faults=[
            repeated(
                "duplicate_ids", [end_to_end(kept["id"].values())], "no two records have one id"
            ),
            shared(
                "prompts_in_two_splits",
                kept["prompt"].values(),
                "no pair of instruction and input is in two splits",
            ),
            *survey.faults(),
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
        Check(
            fact="missing_inputs",
            column="input",
            mask=lambda row: pc.is_null(row.column("input")),
            meaning="every record has an input, be it empty",
        ),
        filled("empty_outputs", "output", "no output is empty"),
        Check(
            fact="long_prompts",
            column="prompt_characters",
            mask=lambda row: pc.greater(row.column("prompt_characters"), maximum_prompt_characters),
            meaning=f"no prompt is longer than {maximum_prompt_characters:,} characters",
        ),
    ]


def _prompt(batch: pa.RecordBatch) -> pa.Array:
    return pc.binary_join_element_wise(batch["instruction"], batch["input"], _BORDER)


def _length(texts: pa.Array) -> pa.Array:
    return pc.fill_null(pc.utf8_length(texts).cast(pa.int64()), 0)


def _row(split: str, batch: pa.RecordBatch) -> pa.RecordBatch:
    instructions, inputs = batch.column("instruction"), batch.column("input")
    columns = {
        "split": pa.array([split] * len(batch), pa.string()),
        "id": batch.column("id"),
        "family": batch.column("family"),
        "prompt_characters": pc.add(_length(instructions), _length(inputs)),
        "instruction": shown(instructions),
        "input": shown(inputs),
        "output": shown(batch.column("output")),
    }
    return pa.record_batch([columns[name] for name in ROW.names], schema=ROW)
