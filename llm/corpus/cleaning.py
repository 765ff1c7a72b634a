"""One raw record becomes one clean document, or is dropped with a reason; counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from llm.corpus.documents import document_id
from llm.corpus.extract import UnreadableError, decode, extract
from llm.corpus.filters import FilterSettings, judge
from llm.corpus.licences import REASON, is_allowed
from llm.corpus.quality import quality
from llm.corpus.records import Record

_REJECT_CHARACTERS = 2000


@dataclass
class Cleaned:
    """Rows of kept documents and of rejects, in the order of their records, and counts.

    repairs: documents per repair (see extract), and places masked; of kept documents.
    encodings: documents per encoding of a file.
    """

    kept: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    repairs: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    characters_in: int = 0


@dataclass(frozen=True)
class Cleaner:
    """Cleans batches of records; picklable, so that any process can do it.

    allow_licences: see llm.corpus.licences.allowed.
    """

    settings: FilterSettings
    mask_personal_data: bool
    allow_licences: frozenset[str] | None = None

    def __call__(self, records: Iterable[Record]) -> Cleaned:
        """Clean one batch."""
        result = Cleaned()
        for record in records:
            self._clean(record, result)
        return result

    def _clean(self, record: Record, result: Cleaned) -> None:
        data = record.data
        if data is None:
            _reject(result, record, record.fault or "unreadable", "", 0)
            return
        if isinstance(data, bytes):
            try:
                data, encoding = decode(data)
            except UnreadableError:
                _reject(result, record, "unreadable", "", 0)
                return
            result.encodings[encoding] += 1
        result.characters_in += len(data)
        if not is_allowed(record.licence, self.allow_licences):
            _reject(result, record, REASON, "", len(data))  # and no word of it is kept
            return
        # A lone surrogate, as JSON can smuggle in, has no UTF-8 form.
        data = data.encode("utf-8", errors="replace").decode("utf-8")
        done = extract(data, html=record.html, mask_personal_data=self.mask_personal_data)
        reason, language, score = judge(done.text, self.settings)
        if reason:
            _reject(result, record, reason, done.text or data, len(data))
            return
        result.repairs.update(done.counts)
        result.kept.append(
            {
                "id": document_id(done.text),
                "text": done.text,
                "source": record.source,
                "licence": record.licence,
                "language": language,
                "language_score": score,
                "quality": quality(done.text, language_score=score),
                "cluster": "",
                "raw_id": record.raw_id,
            }
        )


def _reject(result: Cleaned, record: Record, reason: str, text: str, characters: int) -> None:
    result.rejects.append(
        {
            "raw_id": record.raw_id,
            "source": record.source,
            "licence": record.licence,
            "reason": reason,
            "characters": characters,
            "text": text[:_REJECT_CHARACTERS],
        }
    )
