"""Split unique documents into training and validation, by cluster of near-duplicates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from llm.config import Section
from llm.errors import InputError

if TYPE_CHECKING:
    from llm.corpus.split import Sides


class Config(Section):
    """How much validates, and how long documents are cut."""

    validation_fraction: float = Field(
        gt=0.0, lt=1.0, description="fraction of clusters, and of a long document's sections"
    )
    section_characters: int | None = Field(
        ge=200,
        description="a document twice as long is seen as sections of at least so many characters, "
        "cut at paragraph borders, and a run of neighbouring sections validates; null: documents "
        "stay whole. For corpora of few long documents, as books",
    )
    seed: int = Field(ge=0, description="seed of the hash that chooses")


def run(config: Config, *, documents: Path, train: Path, validation: Path) -> dict[str, Any]:
    """Write the two sides, each ordered by id.

    Documents of one cluster stay together. No text stands on both sides, and a long document is cut
    into at most three texts that do not overlap: before what validates, that, and after it. So
    both sides may hold parts of one book, but never the same or nearly the same part. Such a
    part's cluster and raw_id carry its number, for it is the unit that is split.
    Raises InputError where there is but one cluster, of documents that stay whole. Memory does not
    grow with the documents.
    """
    from llm.corpus.documents import read_rows, sorted_documents
    from llm.corpus.split import Sides
    from llm.files import new_directory, read_manifest, write_manifest

    read_manifest(documents, made_by="decontaminate")
    sides = Sides(seed=config.seed, fraction=config.validation_fraction)
    found = cut = 0
    for row in read_rows(documents, made_by="decontaminate", columns=["id", "cluster", "text"]):
        sections = len(_sections(row["text"], config))
        sides.count(_unit(row, sections), sections)
        found, cut = found + 1, cut + (sections > 1)
    if not sides.enough:
        raise _nothing_to_split(documents, found)
    counts = {True: [0, 0], False: [0, 0]}  # documents, characters; True is validation
    with new_directory(train) as train_folder, new_directory(validation) as validation_folder:
        with (
            sorted_documents(train_folder) as train_writer,
            sorted_documents(validation_folder) as validation_writer,
        ):
            for row in read_rows(documents, made_by="decontaminate"):
                for part, is_held in _parts(row, sides, config):
                    (validation_writer if is_held else train_writer).add(part)
                    counts[is_held][0] += 1
                    counts[is_held][1] += len(part["text"])
        write_manifest(train_folder, documents=counts[False][0])
        write_manifest(validation_folder, documents=counts[True][0])
    return {
        "train_documents": counts[False][0],
        "validation_documents": counts[True][0],
        "train_characters": counts[False][1],
        "validation_characters": counts[True][1],
        "validation_character_fraction": round(
            counts[True][1] / (counts[True][1] + counts[False][1]), 6
        ),
        "documents_cut": cut,
    }


def _sections(text: str, config: Config) -> list[str]:
    from llm.corpus.split import cut

    size = config.section_characters
    return cut(text, size) if size and len(text) >= 2 * size else [text]


def _unit(row: dict[str, Any], sections: int) -> str:
    """What is drawn for: the cluster of a document that stays whole, or the document itself."""
    name: str = row["cluster"] if sections == 1 else row["id"]
    return name


def _parts(
    row: dict[str, Any], sides: Sides, config: Config
) -> Iterator[tuple[dict[str, Any], bool]]:
    """A document as it is, or its parts with ids of their own; True for what validates."""
    from llm.corpus.documents import document_id
    from llm.corpus.split import blocks

    sections = _sections(row["text"], config)
    chosen = sides.of(_unit(row, len(sections)), len(sections))
    if len(sections) == 1:
        yield row, bool(chosen)
        return
    for number, (text, is_held) in enumerate(blocks(sections, chosen)):
        changed = {
            "id": document_id(text),
            "text": text,
            "cluster": f"{row['id']}#{number}",
            "raw_id": f"{row['raw_id']}#{number}",
        }
        yield {**row, **changed}, is_held


def _nothing_to_split(documents: Path, count: int) -> InputError:
    return InputError(
        "There is nothing to split.",
        where=documents,
        found=f"{count:,} documents, all of one cluster" if count > 1 else f"{count} document",
        expected="documents of two clusters, or one that is cut into sections",
        remedy="add documents, or set split.section_characters to at most half the text's length",
    )
