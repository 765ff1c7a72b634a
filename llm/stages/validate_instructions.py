"""Gate: the instruction records keep their contract, or the pipeline stops here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from llm.config import Section


class Config(Section):
    """What is expected of the instruction records."""

    minimum_records: int = Field(description="Fewest records, all splits together.", ge=1)
    maximum_prompt_characters: int = Field(
        description="Most characters of instruction and input together.", ge=1
    )


def run(config: Config, *, instructions: Path, validation: Path, docs: Path) -> dict[str, Any]:
    """Check the records; write the result at `validation` and Data Docs; return the facts.

    Raises InputError listing all that failed.
    """
    from llm.validation.gate import check
    from llm.validation.instructions import instructions_contract

    contract = instructions_contract(
        instructions,
        minimum_records=config.minimum_records,
        maximum_prompt_characters=config.maximum_prompt_characters,
    )
    return check(contract, out=validation, docs=docs)
