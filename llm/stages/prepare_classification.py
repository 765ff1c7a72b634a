"""Read labelled messages and split them by near-duplicate clusters: train, validation, test."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from llm.config import Section


class Config(Section):
    """How labelled messages are read and split."""

    format: Literal["csv", "tsv"] = Field(
        description="csv: a header and commas. tsv: lines `label<TAB>text`, no header, no quoting."
    )
    text_column: str = Field(description="Column of the text (csv).", min_length=1)
    label_column: str = Field(description="Column of the class name (csv).", min_length=1)
    positive_label: str = Field(description="Name of the class to find.", min_length=1)
    negative_label: str = Field(description="Name of the other class.", min_length=1)
    train_fraction: float = Field(description="Share of the messages that train.", gt=0, lt=1)
    validation_fraction: float = Field(
        description="Share that chooses threshold and settings; the rest is the test.", gt=0, lt=1
    )
    near_duplicate_similarity: float = Field(
        description="Jaccard similarity of character 4-grams from which messages stay together.",
        gt=0,
        le=1,
    )
    seed: int = Field(description="Seed of the split.", ge=0)

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.train_fraction + self.validation_fraction >= 1:
            raise ValueError("train_fraction and validation_fraction leave nothing for the test")
        if self.positive_label == self.negative_label:
            raise ValueError("positive_label and negative_label are the same")
        return self


def run(config: Config, *, raw: Path, messages: Path) -> dict[str, Any]:
    """Write train, validation and test Parquet of MESSAGE_SCHEMA; return what was kept and dropped.

    Raises InputError naming file and line of a row that cannot be used, and where a split would
    lack a class.
    """
    from llm.corpus.messages import (
        Columns,
        message_table,
        read_messages,
        split_messages,
        unique_messages,
        with_clusters,
    )
    from llm.errors import InputError
    from llm.files import new_directory, read_manifest, write_manifest, write_parquet

    names = sorted(read_manifest(raw, made_by="download")["files"])
    columns = Columns(
        format=config.format,
        text=config.text_column,
        label=config.label_column,
        positive=config.positive_label,
        negative=config.negative_label,
    )
    rows = read_messages([raw / name for name in names], columns)
    unique, dropped = unique_messages(rows)
    clustered = with_clusters(unique, similarity=config.near_duplicate_similarity)
    rest = 1 - config.train_fraction - config.validation_fraction
    fractions = {
        "train": config.train_fraction,
        "validation": config.validation_fraction,
        "test": rest,
    }
    splits = split_messages(clustered, fractions=fractions, seed=config.seed)
    for name, split in splits.items():
        if {message.label for message in split} != {0, 1}:
            raise InputError(
                f"The split {name!r} lacks a class.",
                where=raw,
                found=f"{len(rows)} messages, {len(split)} of them in {name!r}",
                expected=f"some {config.positive_label!r} and {config.negative_label!r} in each",
                remedy="give more messages under download.sources, or other fractions",
            )
    with new_directory(messages) as folder:
        for name, split in splits.items():
            write_parquet(message_table(split), folder / f"{name}.parquet")
        write_manifest(folder, classes=[config.negative_label, config.positive_label])
    return {
        "rows": len(rows),
        **dropped,
        "messages": len(clustered),
        "clusters": len({message.cluster for message in clustered}),
        **{
            name: {"messages": len(split), "positive": sum(message.label for message in split)}
            for name, split in splits.items()
        },
    }
