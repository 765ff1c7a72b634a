"""What a search for evaluation texts found, as plain values for metrics and the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.corpus.contamination import Index, Scan, scan
from llm.corpus.overlap import Numbers

_WORST = 5  # examples named per evaluation set
_SHOWN_CHARACTERS = 200


def summary(index: Index, found: Scan, *, maximum_documents: int | None) -> list[dict[str, Any]]:
    """Per evaluation set, as plain values: how many of its examples overlap, and the worst.

    searched: examples with a text long enough. overlapping: with an n-gram that stands in a
    document; only_common: with none but those in more than maximum_documents. documents: that hold
    an n-gram of the set. worst: the examples of which most n-grams were found.
    """
    common = found.common(maximum_documents)[index.patterns]
    here = found.counts[index.patterns] > 0
    examples = index.examples
    total = sum(len(one.examples) for one in index.sets)
    sought = np.bincount(examples, minlength=total)
    hit = np.bincount(examples[here], minlength=total)
    rare = np.bincount(examples[here & ~common], minlength=total)
    rows, start = [], 0
    for number, one in enumerate(index.sets):
        part = slice(start, start + len(one.examples))
        overlapping = int((hit[part] > 0).sum())
        searched = int((sought[part] > 0).sum())
        order = np.argsort(-hit[part], kind="stable")[: min(_WORST, overlapping)]
        names = list(one.examples)
        rows.append(
            {
                "name": one.name,
                "examples": len(names),
                "searched": searched,
                "overlapping": overlapping,
                "overlapping_fraction": round(overlapping / searched, 6) if searched else 0.0,
                "only_common": int(((hit[part] > 0) & (rare[part] == 0)).sum()),
                "documents": found.touched[number],
                "worst": [
                    {
                        "id": names[at],
                        "ngrams": int(sought[start + at]),
                        "ngrams_found": int(hit[start + at]),
                        **_place(index, found, examples, here, start + int(at)),
                    }
                    for at in order
                ],
            }
        )
        start = part.stop
    return rows


def records_summary(index: Index, name: str, records: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Which records of a training set hold a text of an evaluation, as plain values.

    overlapping: records that do. sets: per evaluation set of which something was found, its
    examples that were.
    """
    found = scan(index, records, maximum_documents=None)
    rows = summary(index, found, maximum_documents=None)
    return {
        "name": name,
        "records": found.documents,
        "overlapping": len(found.contaminated(None)),
        "sets": [
            {key: row[key] for key in ("name", "searched", "overlapping")}
            for row in rows
            if row["overlapping"]
        ],
    }


def _place(
    index: Index, found: Scan, examples: Numbers, here: NDArray[np.bool_], example: int
) -> dict[str, str]:
    """An n-gram of an example that was found, and the first document that holds it."""
    row = int(np.flatnonzero(here & (examples == example))[0])
    begin, end = index.spans[row]
    text = index.texts[int(index.pattern_texts[row])][begin:end]
    return {
        "ngram": text[:_SHOWN_CHARACTERS],
        "document": found.first[int(index.patterns[row])],
    }
