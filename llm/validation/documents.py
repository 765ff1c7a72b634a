"""The contract of documents: unique, clean, in one language, and licensed."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from llm.validation.contract import Contract, Rule, at_least, each, make_contract, not_null
from llm.validation.reading import columns, parts_of, survey_files
from llm.validation.repeats import repeated
from llm.validation.survey import Check, content_ids, filled, matching, shown

SUITE = "documents"
MADE_BY = "dedupe"
_STRINGS = ("id", "text", "source", "licence", "language", "cluster")
COLUMNS = pa.schema(
    [
        *((name, pa.string()) for name in _STRINGS),
        ("language_score", pa.float32()),
        ("quality", pa.float32()),
    ]
)
# One row per document, as the checks and the sample see it.
ROW = pa.schema(
    [
        ("id", pa.string()),
        ("source", pa.string()),
        ("licence", pa.string()),
        ("language", pa.string()),
        ("language_score", pa.float32()),
        ("quality", pa.float32()),
        ("cluster", pa.string()),
        ("characters", pa.int64()),
        ("hash", pa.string()),  # the id that the text has by its content
        ("normalised", pa.bool_()),  # Unicode NFC (UAX #15)
        ("boilerplate", pa.bool_()),  # a line of Project Gutenberg's licence or header is left
        ("text", pa.string()),  # its first characters
    ]
)
ID = "^[0-9a-f]{32}$"
BOILERPLATE = (
    r"(?i)\*\*\* ?(?:start|end) of (?:the|this) project gutenberg"
    r"|project gutenberg(?:-tm|™)?[ \n](?:licen[cs]e|literary archive)"
    r"|this ebook is for the use of anyone anywhere"
    r"|end of (?:the )?project gutenberg"
)


def documents_contract(
    directory: Path,
    *,
    language: str | None,
    minimum_documents: int,
    minimum_characters: int,
    maximum_characters: int,
) -> Contract:
    """Measure a folder of documents, every row, and say what is expected of it.

    language: ISO 639-1 code that every document must have; None for any. Raises InputError where
    a file is missing or broken.
    """
    measures = _Measures()

    def row(_: str, batch: pa.RecordBatch) -> pa.RecordBatch:
        seen = _row(batch)
        measures.add(seen)
        return seen

    survey, kept = survey_files(
        _checks(language, minimum_characters, maximum_characters),
        {"all": parts_of(directory, made_by=MADE_BY)},
        COLUMNS,
        made_by=MADE_BY,
        row=row,
        keep=columns("id", "cluster"),
    )
    return make_contract(
        suite=SUITE,
        facts={"documents": survey.seen},
        rules=[at_least("documents", minimum_documents, "there are enough documents")],
        faults=[
            repeated("duplicate_ids", kept["id"].values(), "no two documents have one id"),
            repeated(
                "duplicate_clusters",
                kept["cluster"].values(),
                "one document stays of each cluster of near-duplicates",
            ),
            *survey.faults(),
        ],
        sample=survey.sample(ROW),
        sample_rules=[
            *(not_null(name) for name in ("id", "text", "source", "cluster")),
            each("id", "match_regex", "an id is 32 hexadecimal digits", regex=ID),
            *_one_language(language),
            each(
                "characters",
                "be_between",
                "every text has a sensible length",
                min_value=minimum_characters,
                max_value=maximum_characters,
            ),
            each("normalised", "be_in_set", "every text is Unicode NFC", value_set=[True]),
            each("boilerplate", "be_in_set", "no licence header is left", value_set=[False]),
        ],
        statistics=measures.statistics(),
    )


class _Measures:
    """What describes the documents, summed over batches."""

    def __init__(self) -> None:
        self._characters: list[np.ndarray] = []
        self._scores = {"language_score": 0.0, "quality": 0.0}
        self._sources: Counter[str] = Counter()

    def add(self, row: pa.RecordBatch) -> None:
        """Take the next rows."""
        self._characters.append(row.column("characters").to_numpy())
        for name in self._scores:
            self._scores[name] += pc.sum(row.column(name)).as_py() or 0.0
        for pair in pc.value_counts(row.column("source")).to_pylist():
            self._sources[str(pair["values"])] += pair["counts"]

    def statistics(self) -> dict[str, Any]:
        """The number of documents, means, the median length, and documents per source."""
        characters = np.concatenate([np.zeros(0, dtype=np.int64), *self._characters])
        count = len(characters)
        return {
            "documents": count,
            "mean_characters": round(float(characters.mean()), 2) if count else 0.0,
            "median_characters": float(np.median(characters)) if count else 0.0,
            **{
                f"mean_{name}": round(total / count, 6) if count else 0.0
                for name, total in self._scores.items()
            },
            "sources": dict(sorted(self._sources.items())),
        }


def _one_language(language: str | None) -> list[Rule]:
    if language is None:
        return []
    return [each("language", "be_in_set", f"every document is {language}", value_set=[language])]


def _checks(language: str | None, minimum_characters: int, maximum_characters: int) -> list[Check]:
    return [
        matching("malformed_ids", "id", ID, "every id is 32 hexadecimal digits"),
        filled("empty_texts", "text", "no text is empty"),
        Check(
            fact="short_texts",
            column="characters",
            mask=lambda row: pc.less(row.column("characters"), minimum_characters),
            meaning=f"no text is shorter than {minimum_characters:,} characters",
        ),
        Check(
            fact="long_texts",
            column="characters",
            mask=lambda row: pc.greater(row.column("characters"), maximum_characters),
            meaning=f"no text is longer than {maximum_characters:,} characters",
        ),
        Check(
            fact="other_languages",
            column="language",
            mask=lambda row: pc.not_equal(
                row.column("language"), language or row.column("language")
            ),
            meaning=f"every document is identified as {language or 'any language'}",
        ),
        _score("language_score", "every probability of the language is from 0 to 1"),
        _score("quality", "every quality is from 0 to 1"),
        filled("missing_sources", "source", "every document names its source"),
        filled("missing_licences", "licence", "every document has a licence"),
        filled(
            "missing_clusters", "cluster", "every document belongs to a cluster of near-duplicates"
        ),
        Check(
            fact="ids_of_other_texts",
            column="id",
            mask=lambda row: pc.not_equal(row.column("id"), row.column("hash")),
            meaning="every id is the hash of its text",
        ),
        Check(
            fact="unnormalised_texts",
            column="text",
            mask=lambda row: pc.invert(row.column("normalised")),
            meaning="every text is in Unicode normal form C",
        ),
        Check(
            fact="boilerplate_texts",
            column="text",
            mask=lambda row: row.column("boilerplate"),
            meaning="no text holds a line of Project Gutenberg's licence",
        ),
    ]


def _score(name: str, meaning: str) -> Check:
    def mask(row: pa.RecordBatch) -> pa.Array:
        scores = row.column(name)
        inside = pc.and_kleene(pc.greater_equal(scores, 0.0), pc.less_equal(scores, 1.0))
        return pc.invert(inside)  # NaN is in no range

    return Check(fact=f"{name}_out_of_range", column=name, mask=mask, meaning=meaning)


def _row(batch: pa.RecordBatch) -> pa.RecordBatch:
    texts = batch.column("text")
    columns = {
        **{name: batch.column(name) for name in COLUMNS.names},
        "characters": pc.fill_null(pc.utf8_length(texts).cast(pa.int64()), 0),
        "hash": content_ids(texts),
        "normalised": pa.array([_is_normalised(text) for text in texts.to_pylist()], pa.bool_()),
        "boilerplate": pc.fill_null(pc.match_substring_regex(texts, BOILERPLATE), False),
        "text": shown(texts),
    }
    return pa.record_batch([columns[name] for name in ROW.names], schema=ROW)


def _is_normalised(text: str | None) -> bool:
    # Python's tables, for Arrow's utf8_normalize decomposes under every name of a form.
    return text is None or unicodedata.is_normalized("NFC", text)
