"""Gate: the labelled messages keep their contract, or the pipeline stops here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from llm.config import Section


class Config(Section):
    """What is expected of the labelled messages."""

    minimum_rows: int = Field(description="Fewest messages, all splits together.", ge=1)
    minimum_positive_fraction: float = Field(
        description="Smallest share of the class to find, in every split.", ge=0, le=1
    )
    maximum_positive_fraction: float = Field(
        description="Largest share of the class to find, in every split.", ge=0, le=1
    )

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.maximum_positive_fraction < self.minimum_positive_fraction:
            raise ValueError("maximum_positive_fraction is below minimum_positive_fraction")
        return self


def run(config: Config, *, messages: Path, validation: Path, docs: Path) -> dict[str, Any]:
    """Check the messages; write the result at `validation` and Data Docs; return the facts.

    Raises InputError listing all that failed.
    """
    from llm.validation.gate import check
    from llm.validation.messages import messages_contract

    contract = messages_contract(
        messages,
        minimum_rows=config.minimum_rows,
        minimum_positive_fraction=config.minimum_positive_fraction,
        maximum_positive_fraction=config.maximum_positive_fraction,
    )
    return check(contract, out=validation, docs=docs)
