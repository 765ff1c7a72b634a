"""Gate: documents and rejects keep their contracts, or the pipeline stops here."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from llm.config import Section
from llm.corpus.filtering.reasons import Fault, Reason


class Config(Section):
    """What is expected of documents after cleaning and deduplication, and of what was dropped."""

    language: str | None = Field(
        description="ISO 639-1 code that every document must have; null for any.",
        pattern="^[a-z]{2}$",
    )
    minimum_documents: int = Field(description="Fewest documents.", ge=1)
    minimum_characters: int = Field(description="Fewest characters of a text.", ge=1)
    maximum_characters: int = Field(description="Most characters of a text.", ge=1)
    maximum_dropped_fraction: float = Field(
        description="Largest share of raw documents that cleaning may drop.", ge=0, le=1
    )
    maximum_reason_fraction: dict[Reason | Fault, Annotated[float, Field(ge=0, le=1)]] = Field(
        description="Largest share of raw documents that cleaning may drop for one reason, by "
        "reason; one that is not named here may drop as many as all together."
    )

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.maximum_characters < self.minimum_characters:
            raise ValueError("maximum_characters is below minimum_characters")
        return self


def run(
    config: Config,
    *,
    documents: Path,
    rejects: Path,
    clean_metrics: Path,
    validation: Path,
    docs: Path,
) -> dict[str, Any]:
    """Check documents and rejects; write the result at `validation`, and Data Docs; return facts.

    clean_metrics: the metrics of the stage clean. Raises InputError listing all that failed.
    """
    from llm.corpus.filtering.reasons import REASONS
    from llm.validation.documents import documents_contract
    from llm.validation.gate import check
    from llm.validation.rejects import rejects_contract

    counts = _cleaning(clean_metrics)
    kept = documents_contract(
        documents,
        language=config.language,
        minimum_documents=config.minimum_documents,
        minimum_characters=config.minimum_characters,
        maximum_characters=config.maximum_characters,
    )
    dropped = rejects_contract(
        rejects,
        **counts,
        known=REASONS,
        maximum_dropped_fraction=config.maximum_dropped_fraction,
        maximum_reason_fraction={str(why): n for why, n in config.maximum_reason_fraction.items()},
    )
    return check(kept, dropped, out=validation, docs=docs)


def _cleaning(path: Path) -> dict[str, Any]:
    """What the stage clean read, kept, and dropped by reason."""
    from llm.errors import InputError
    from llm.files import read_json

    metrics = read_json(path, made_by="clean")
    told = metrics if isinstance(metrics, dict) else {}
    counts = {name: told.get(name) for name in ("documents_in", "documents_kept", "dropped")}
    dropped = counts["dropped"]
    numbers = [
        counts["documents_in"],
        counts["documents_kept"],
        *(dropped.values() if isinstance(dropped, dict) else [None]),
    ]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise InputError(
            "The metrics of the stage clean do not say what it kept and dropped.",
            where=path,
            found=", ".join(f"{name} {value!r}" for name, value in counts.items()),
            expected="whole numbers under documents_in and documents_kept, and by reason under "
            "dropped",
            remedy="make them again: dvc repro --force clean",
        )
    return counts
