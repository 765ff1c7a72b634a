"""How unusual a text may be: learnt from a sample of the corpus's own accepted documents.

CCNet (Wenzek et al. 2020) cuts a corpus in three equal parts by perplexity, head, middle
and tail; keeping the head means keep_fraction 0.333, dropping the tail 0.667.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from llm.corpus.cleaning import Cleaner, PerplexityLimit
from llm.corpus.filtering.filters import PerplexitySettings
from llm.corpus.filtering.ngrams import NgramModel
from llm.corpus.reading.records import read_records
from llm.errors import InputError
from llm.files import sha256_of

_LEAST_DOCUMENTS = 20


def learn_limit(
    raw: Path,
    ledger: Sequence[Mapping[str, Any]],
    cleaner: Cleaner,
    settings: PerplexitySettings,
    *,
    model: Path,
) -> PerplexityLimit | None:
    """Learn a model from half of a sample and the limit from the other; None where it is off.

    The sample takes the first documents of each source that `cleaner` keeps, as many characters of
    each. Writes `model`. Raises InputError where the sample has too few documents.
    """
    if settings.keep_fraction is None:
        return None
    texts = list(_sample(raw, ledger, cleaner, settings.sample_characters))
    if len(texts) < _LEAST_DOCUMENTS:
        raise InputError(
            "Too few documents to tell which are unusual.",
            where=raw,
            found=f"{len(texts)} documents in the sample",
            expected=f"at least {_LEAST_DOCUMENTS}",
            remedy="set clean.perplexity.keep_fraction to null, or sample_characters higher",
        )
    learnt = NgramModel.train("\n\n".join(texts[::2]))
    learnt.save(model)
    ranked = sorted(map(learnt.perplexity, texts[1::2]))
    place = min(len(ranked) - 1, int(settings.keep_fraction * len(ranked)))
    return PerplexityLimit(model.resolve(), sha256_of(model), ranked[place])


def _sample(
    raw: Path, ledger: Sequence[Mapping[str, Any]], cleaner: Cleaner, characters: int
) -> Iterator[str]:
    sources: dict[str, list[Mapping[str, Any]]] = {}
    for row in ledger:
        sources.setdefault(str(row["name"]), []).append(row)
    for rows in sources.values():
        kept = (cleaner([record]).kept for record in read_records(raw, rows))
        texts = (row["text"] for of_record in kept for row in of_record)
        yield from _first(texts, characters // len(sources))


def _first(texts: Iterable[str], characters: int) -> Iterator[str]:
    for text in texts:
        yield text[:characters]
        characters -= len(text)
        if characters <= 0:
            return
