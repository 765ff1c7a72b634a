"""Read instruction records and split them: train, validation, test and the judge's own share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from llm.config import Section


class Config(Section):
    """How instruction records are read and split."""

    test_fraction: float = Field(
        description="Share of the test, where the records do not say which are held out.",
        gt=0,
        lt=1,
    )
    validation_fraction: float = Field(
        description="Share of the validation, of what the test leaves.", gt=0, lt=1
    )
    judge_fraction: float = Field(
        description="Share that trains the judge's model and not the judged one, of the rest.",
        gt=0,
        lt=1,
    )
    near_duplicate_similarity: float = Field(
        description="Jaccard similarity of word pairs from which two prompts are one.", gt=0, le=1
    )
    seed: int = Field(description="Seed of the split.", ge=0)

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.test_fraction + self.validation_fraction >= 1:
            raise ValueError("test_fraction and validation_fraction leave nothing to train on")
        return self


def run(config: Config, *, raw: Path, instructions: Path) -> dict[str, Any]:
    """Write Parquet of INSTRUCTION_SCHEMA per split; return what was kept and dropped.

    Raises InputError naming file and record where one cannot be used, and where a split is empty.
    """
    from llm.corpus.instructions import (
        instruction_table,
        read_instructions,
        split_instructions,
        unique_instructions,
    )
    from llm.errors import InputError
    from llm.files import new_directory, read_manifest, write_manifest, write_parquet

    names = sorted(read_manifest(raw, made_by="download")["files"])
    records = read_instructions([raw / name for name in names])
    unique, dropped = unique_instructions(records, similarity=config.near_duplicate_similarity)
    splits = split_instructions(
        unique,
        test_fraction=config.test_fraction,
        validation_fraction=config.validation_fraction,
        judge_fraction=config.judge_fraction,
        seed=config.seed,
    )
    for name, split in splits.items():
        if not split:
            raise InputError(
                f"The split {name!r} holds no instruction record.",
                where=raw,
                found=f"{len(records)} records, {len(unique)} without duplicates",
                expected="enough records for four splits",
                remedy="give more records under download.sources, or larger fractions",
            )
    with new_directory(instructions) as folder:
        for name, split in splits.items():
            write_parquet(instruction_table(split), folder / f"{name}.parquet")
        write_manifest(folder, held_out=any(record.held_out for record in unique))
    return {
        "rows": len(records),
        **dropped,
        "records": len(unique),
        "families": len({record.family for record in unique if record.family}),
        **{name: len(split) for name, split in splits.items()},
    }
