"""Gate: the two splits share nothing and are of their size, or the pipeline stops here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from llm.config import Section


class Config(Section):
    """What is expected of the splits."""

    minimum_validation_fraction: float = Field(
        description="Smallest share of all characters that validates.", ge=0, le=1
    )
    maximum_validation_fraction: float = Field(
        description="Largest share of all characters that validates.", ge=0, le=1
    )

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.maximum_validation_fraction < self.minimum_validation_fraction:
            raise ValueError("maximum_validation_fraction is below minimum_validation_fraction")
        return self


def run(
    config: Config,
    *,
    train_documents: Path,
    validation_documents: Path,
    validation: Path,
    docs: Path,
) -> dict[str, Any]:
    """Check both splits; write the result at `validation` and Data Docs; return the facts.

    Raises InputError listing all that failed.
    """
    from llm.validation.gate import check
    from llm.validation.splits import splits_contract

    contract = splits_contract(
        {"train": train_documents, "validation": validation_documents},
        minimum_fraction={"validation": config.minimum_validation_fraction},
        maximum_fraction={"validation": config.maximum_validation_fraction},
    )
    return check(contract, out=validation, docs=docs)
