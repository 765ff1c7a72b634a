"""Find what the evaluations ask in the training documents, report it, and take it out."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from llm.config import Section
from llm.tracking import Tracker


class Config(Section):
    """When a document counts as contaminated, and what becomes of it."""

    ngram_words: int = Field(
        ge=2,
        le=50,
        description="words in a row of an evaluation text that a document must not hold",
    )
    minimum_words: int = Field(
        ge=1,
        le=50,
        description="an evaluation text of fewer words than ngram_words is sought as a whole, one "
        "of fewer than this not at all",
    )
    maximum_documents: int | None = Field(
        ge=1,
        description="words in a row that more documents hold are common phrases: reported, and "
        "left where they are; null: no phrase is too common",
    )
    remove: Literal["none", "documents", "passages"] = Field(
        description="none: report only. documents: every contaminated document. passages: the "
        "words in common and passage_characters on either side; what is left become documents of "
        "their own"
    )
    passage_characters: int = Field(
        ge=0,
        description="characters taken out on either side of a passage, and the fewest that a piece "
        "between passages must have to stay",
    )

    @model_validator(mode="after")
    def _check(self) -> Config:
        if self.minimum_words > self.ngram_words:
            raise ValueError("minimum_words is above ngram_words")
        return self


def run(
    config: Config,
    *,
    documents: Path,
    validated: Path,
    messages: Path,
    instructions: Path,
    evaluations: Path,
    decontaminated: Path,
    tracker: Tracker,
) -> dict[str, Any]:
    """Write the documents without what they share with the evaluation sets; return the table.

    Pieces of a document keep its cluster, so that they stay in one split, and get ids of their own.
    The records that fine-tune are searched too, and what they hold is reported as `fine_tuning`;
    they stay as they are.
    Raises InputError where no document is left.
    """
    from llm.corpus.contamination import Index, pieces, scan
    from llm.corpus.contamination_table import records_summary, summary
    from llm.corpus.documents import require_passed
    from llm.corpus.evaluation_sets import (
        instruction_sets,
        message_sets,
        source_sets,
        training_records,
    )
    from llm.files import read_manifest

    require_passed(validated, made_by="validate_documents")
    read_manifest(documents, made_by="dedupe")
    index = Index(
        [*message_sets(messages), *instruction_sets(instructions), *source_sets(evaluations)],
        ngram_words=config.ngram_words,
        minimum_words=config.minimum_words,
    )
    counts: Counter[str] = Counter()
    began = time.perf_counter()
    found = scan(index, _texts(documents, counts), maximum_documents=config.maximum_documents)
    seconds = time.perf_counter() - began
    tracker.log_timings({"megabytes_per_second": round(counts["bytes_in"] / seconds / 1e6, 3)})
    contaminated = found.contaminated(config.maximum_documents)
    common = found.common(config.maximum_documents)
    if config.remove == "none" or not contaminated:
        counts["kept"], counts["characters_kept"] = found.documents, counts["characters_in"]
        _copy(documents, decontaminated)
    else:

        def left(text: str) -> list[str]:
            if config.remove == "documents":
                return []
            return pieces(text, index, common, margin_characters=config.passage_characters)

        _write(documents, decontaminated, contaminated, left, counts)
    print(
        f"decontaminate: {len(contaminated):,} of {found.documents:,} documents hold a text of an "
        f"evaluation; {counts['removed']:,} taken out, {counts['cut']:,} cut",
        flush=True,
    )
    return {
        "documents_in": found.documents,
        "documents_contaminated": len(contaminated),
        "documents_removed": counts["removed"],
        "documents_cut": counts["cut"],
        "documents_kept": counts["kept"],
        "character_fraction_removed": round(
            1 - counts["characters_kept"] / max(1, counts["characters_in"]), 6
        ),
        "ngrams_sought": index.size,
        "ngrams_found": int((found.counts > 0).sum()),
        "ngrams_common": int(common.sum()),
        "sets": summary(index, found, maximum_documents=config.maximum_documents),
        "fine_tuning": [
            records_summary(index, name, records)
            for name, records in training_records(messages, instructions)
        ],
    }


def _texts(documents: Path, counts: Counter[str]) -> Iterator[tuple[str, str]]:
    """The id and text of every document, its size counted."""
    from llm.corpus.documents import read_rows

    for row in read_rows(documents, made_by="dedupe", columns=["id", "text"]):
        counts["characters_in"] += len(row["text"])
        counts["bytes_in"] += len(row["text"].encode())
        yield row["id"], row["text"]


def _copy(documents: Path, decontaminated: Path) -> None:
    """Nothing to take out: the very same bytes."""
    from llm.files import new_directory, read_manifest, write_manifest

    manifest = read_manifest(documents, made_by="dedupe")
    with new_directory(decontaminated) as folder:
        for name in manifest["files"]:
            shutil.copyfile(documents / name, folder / name)
        write_manifest(folder, documents=manifest["documents"])


def _write(
    documents: Path,
    decontaminated: Path,
    contaminated: set[int],
    left: Callable[[str], list[str]],
    counts: Counter[str],
) -> None:
    """Write every document, of the contaminated ones what `left` leaves; count what became."""
    from llm.corpus.documents import document_id, read_rows, sorted_documents
    from llm.errors import InputError
    from llm.files import new_directory, write_manifest

    unwritten = _new_ids(documents, contaminated, left)
    with new_directory(decontaminated) as folder:
        with sorted_documents(folder) as writer:
            for number, row in enumerate(read_rows(documents, made_by="dedupe")):
                texts = [row["text"]]
                if number in contaminated:
                    texts = left(row["text"])
                    counts["cut" if texts else "removed"] += 1
                for part, text in enumerate(texts):
                    if number in contaminated:
                        name = document_id(text)
                        if name not in unwritten:
                            continue
                        unwritten.remove(name)
                        raw_id = f"{row['raw_id']}#{part}"
                        writer.add({**row, "id": name, "text": text, "raw_id": raw_id})
                    else:
                        writer.add(row)
                    counts["kept"] += 1
                    counts["characters_kept"] += len(text)
        if not counts["kept"]:
            raise InputError(
                "Every document holds a text of an evaluation.",
                where=documents,
                found=f"{len(contaminated):,} documents, all contaminated",
                expected="at least one that is left",
                remedy="set decontaminate.remove to passages or none, or add documents",
            )
        write_manifest(folder, documents=counts["kept"])


def _new_ids(documents: Path, contaminated: set[int], left: Callable[[str], list[str]]) -> set[str]:
    """The ids of pieces that are no whole document besides: two splits must not hold one text."""
    from llm.corpus.documents import document_id, read_rows

    pieces: set[str] = set()
    for number, row in enumerate(read_rows(documents, made_by="dedupe", columns=["text"])):
        if number in contaminated:
            pieces.update(map(document_id, left(row["text"])))
    for number, row in enumerate(read_rows(documents, made_by="dedupe", columns=["id"])):
        if number not in contaminated:
            pieces.discard(row["id"])
    return pieces
