"""Gate: the token ids of both splits keep their contract, or the pipeline stops here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from llm.config import Section


class Config(Section):
    """What is expected of the token ids."""

    minimum_train_tokens: int = Field(description="Fewest token ids to train on.", ge=1)
    minimum_validation_tokens: int = Field(description="Fewest token ids to validate on.", ge=1)


def run(
    config: Config,
    *,
    train: Path,
    tokens_validation: Path,
    tokenizer: Path,
    validation: Path,
    docs: Path,
) -> dict[str, Any]:
    """Check the shards; write the result at `validation` and Data Docs; return the facts.

    train, tokens_validation: the shards of both splits. Raises InputError listing all that failed,
    and where the shards were made by another tokenizer.
    """
    from llm.tokens.shards import read_facts, token_schema
    from llm.tokens.tokenizer import load
    from llm.validation.gate import check
    from llm.validation.tokens import tokens_contract

    speaker = load(tokenizer)
    splits = {"train": train, "validation": tokens_validation}
    facts = {split: read_facts(folder, tokenizer=speaker) for split, folder in splits.items()}
    contract = tokens_contract(
        splits,
        token_schema(speaker.vocab_size),
        manifests=facts,
        token_lengths=speaker.token_lengths,
        end_of_text=speaker.end_of_text,
        minimum_tokens={
            "train": config.minimum_train_tokens,
            "validation": config.minimum_validation_tokens,
        },
    )
    return check(contract, out=validation, docs=docs)
