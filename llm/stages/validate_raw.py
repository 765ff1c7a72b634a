"""Gate: the raw files are those of their manifests, or the pipeline stops here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from llm.config import Section
from llm.corpus.sources.settings import Kind


class Config(Section):
    """What is expected of the raw files."""

    url_schemes: list[str] = Field(
        min_length=1, description="How addresses of raw files may begin, as https."
    )
    required: list[Kind] = Field(
        description="Kinds of raw data of which there must be a file, as corpus."
    )
    maximum_duplicate_fraction: float = Field(
        description="Largest share of raw files with the bytes of another file of their kind.",
        ge=0,
        le=1,
    )


def run(
    config: Config,
    *,
    corpus: Path,
    messages: Path,
    instructions: Path,
    vocabulary: Path,
    weights: Path,
    evaluations: Path,
    validation: Path,
    docs: Path,
) -> dict[str, Any]:
    """Check the six raw folders; write the result at `validation` and Data Docs; return the facts.

    Raises InputError listing all that failed.
    """
    from llm.corpus.sources.settings import KINDS
    from llm.validation.gate import check
    from llm.validation.raw import raw_contract

    folders = (corpus, messages, instructions, vocabulary, weights, evaluations)
    contract = raw_contract(
        dict(zip(KINDS, folders, strict=True)),
        url_schemes=config.url_schemes,
        required=config.required,
        maximum_duplicate_fraction=config.maximum_duplicate_fraction,
    )
    return check(contract, out=validation, docs=docs)
