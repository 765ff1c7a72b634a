"""Gate: the data is like the data last accepted, or the pipeline stops here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from llm.config import Section


def _limit(what: str) -> Any:
    return Field(ge=0, description=f"Largest relative change of the {what}.")


class Changes(Section):
    """How far each number may move, as a part of its accepted value: 0.2 is a fifth."""

    documents: float = _limit("number of documents")
    mean_characters: float = _limit("mean length of documents")
    median_characters: float = _limit("median length of documents")
    mean_language_score: float = _limit("mean probability of the language")
    mean_quality: float = _limit("mean quality of documents")
    tokens_per_document: float = _limit("mean number of token ids of a training document")
    vocabulary_used_fraction: float = _limit("share of the vocabulary that occurs in training")


class Config(Section):
    """With what the data is compared, and how far it may move."""

    accepted_as: str = Field(
        pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Name under which statistics are accepted. Each profile has its own, since "
        "one is not like another.",
    )
    maximum_change: Changes = Field(description="Limits of numbers.")
    maximum_stability_index: float = Field(
        gt=0,
        description="Largest population stability index of the shares of sources, of reasons to "
        "drop and of labels: below 0.1 is no change, above 0.25 a large one.",
    )


def run(
    config: Config,
    *,
    documents: Path,
    tokens: Path,
    messages: Path,
    accepted: Path,
    validation: Path,
    docs: Path,
) -> dict[str, Any]:
    """Compare the statistics of three gates' results with the accepted ones; return both.

    Where nothing is accepted under the name, the gate passes and says so. The file at
    `validation` says no more than that the gate passed, so that accepting data, which changes
    none of it, trains nothing anew. Raises InputError listing all that moved too far.
    """
    from llm.files import write_json
    from llm.validation import drift, overview
    from llm.validation.gate import judge

    validation.unlink(missing_ok=True)
    found = drift.read_statistics((documents, tokens, messages))
    before = drift.read_accepted(accepted, config.accepted_as)
    facts: dict[str, Any] = {}
    if before is None:
        remark = (
            f"Nothing is accepted yet as {config.accepted_as!r}, so nothing is compared. "
            "If the data is as it should be: python -m llm accept"
        )
        print(remark, flush=True)
        overview.show(docs, gate=drift.SUITE, results=[], pages={}, remark=remark)
    else:
        contract = drift.drift_contract(
            before,
            found,
            maximum_change=config.maximum_change.model_dump(),
            maximum_stability_index=config.maximum_stability_index,
        )
        facts = judge(contract, docs=docs, remedy=drift.REMEDY)["facts"]
    write_json(validation, {"success": True, "suite": drift.SUITE, "expectations": []})
    return {"accepted_as": config.accepted_as, "changes": facts, "accepted": before, "now": found}
