"""Gate: the documents keep their contract, or the pipeline stops here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from llm.config import Section


class Config(Section):
    """What is expected of the documents after cleaning and deduplication."""

    language: str = Field(
        description="ISO 639-1 code that every document must have.", pattern="^[a-z]{2}$"
    )
    minimum_documents: int = Field(description="Fewest documents.", ge=1)
    minimum_characters: int = Field(description="Fewest characters of a text.", ge=1)
    maximum_characters: int = Field(description="Most characters of a text.", ge=1)
    maximum_dropped_fraction: float = Field(
        description="Largest share of raw documents that cleaning may drop.", ge=0, le=1
    )

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.maximum_characters < self.minimum_characters:
            raise ValueError("maximum_characters is below minimum_characters")
        return self


def run(
    config: Config, *, documents: Path, clean_metrics: Path, validation: Path, docs: Path
) -> dict[str, Any]:
    """Check the documents; write the result at `validation` and Data Docs; return the facts.

    clean_metrics: the metrics of the stage clean. Raises InputError listing all that failed.
    """
    from llm.errors import InputError
    from llm.files import read_json
    from llm.validation.documents import documents_contract
    from llm.validation.gate import check

    cleaning = read_json(clean_metrics, made_by="clean")
    try:
        documents_in, documents_kept = cleaning["documents_in"], cleaning["documents_kept"]
    except (KeyError, TypeError) as error:
        raise InputError(
            "The metrics of the stage clean do not say how many documents it kept.",
            where=clean_metrics,
            expected="the keys documents_in and documents_kept",
            remedy="make them again: dvc repro --force clean",
        ) from error
    contract = documents_contract(
        documents,
        documents_in=documents_in,
        documents_kept=documents_kept,
        language=config.language,
        minimum_documents=config.minimum_documents,
        minimum_characters=config.minimum_characters,
        maximum_characters=config.maximum_characters,
        maximum_dropped_fraction=config.maximum_dropped_fraction,
    )
    return check(contract, out=validation, docs=docs)
