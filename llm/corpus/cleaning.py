"""One raw record becomes one clean document, or is dropped with a reason; counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from llm.corpus.documents import document_id
from llm.corpus.extraction.encoding import UnreadableError, decode
from llm.corpus.extraction.extract import ExtractSettings, extract
from llm.corpus.extraction.normal_form import without_surrogates
from llm.corpus.extraction.privacy import PrivacySettings, mask_personal_data
from llm.corpus.filtering.facts import Facts
from llm.corpus.filtering.filters import FilterSettings, Verdict, judge
from llm.corpus.filtering.ngrams import load_model
from llm.corpus.filtering.quality import quality
from llm.corpus.filtering.reasons import Finding
from llm.corpus.licences import REASON, is_allowed
from llm.corpus.reading.records import Record

_DIGITS = 6
_LONGEST_PERSONAL_DATA = 400  # characters: an e-mail address


class PerplexityLimit(NamedTuple):
    """A file of llm.corpus.filtering.ngrams, its SHA-256, and the greatest perplexity by it."""

    model: Path
    sha256: str
    maximum: float


@dataclass
class Cleaned:
    """Rows of kept documents and of rejects, in the order of their records, and counts.

    repairs: documents per repair (see extract), and places mended or masked; of kept documents.
    encodings: documents per encoding of a file. claims: how the language that a record or its
    source claims fares against the one identified, where one was: agree, differ, or unclear for
    a claim that is no ISO 639-1 code, as "English".
    """

    kept: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[dict[str, Any]] = field(default_factory=list)
    repairs: Counter[str] = field(default_factory=Counter)
    encodings: Counter[str] = field(default_factory=Counter)
    claims: Counter[str] = field(default_factory=Counter)
    characters_in: int = 0


@dataclass(frozen=True, kw_only=True)
class Cleaner:
    """Cleans batches of records; picklable, so that any process can do it.

    reject_characters: how much of a dropped text is kept. allow_licences: see
    llm.corpus.licences.allowed.
    """

    extract: ExtractSettings
    personal_data: PrivacySettings
    filters: FilterSettings
    reject_characters: int
    allow_licences: frozenset[str] | None = None
    perplexity: PerplexityLimit | None = None

    def __call__(self, records: Iterable[Record]) -> Cleaned:
        """Clean one batch."""
        result = Cleaned()
        for record in records:
            self._clean(record, result)
        return result

    def _clean(self, record: Record, result: Cleaned) -> None:
        data = record.data
        if data is None:
            self._reject(result, record, record.fault or "unreadable", "", 0)
            return
        if isinstance(data, bytes):
            try:
                data, encoding = decode(data, html=record.html, charset=record.charset)
            except UnreadableError:
                self._reject(result, record, "unreadable", "", 0)
                return
            result.encodings[encoding] += 1
        result.characters_in += len(data)
        if not is_allowed(record.licence, self.allow_licences):
            # No word of it is kept.
            self._reject(result, record, REASON, "", len(data))
            return
        done = extract(data, self.extract, self.personal_data, html=record.html)
        facts = Facts(done.text)
        verdict = self._judge(facts)
        if verdict.language and record.language:
            result.claims[_compared(record.language, verdict.language)] += 1
        if verdict.reason:
            text = done.text or self._masked(data)
            self._reject(result, record, verdict.reason, text, len(data), verdict.findings)
            return
        result.repairs.update(done.counts)
        result.kept.append(
            {
                "id": document_id(done.text),
                "text": done.text,
                "source": record.source,
                "licence": record.licence,
                "language": verdict.language,
                "language_score": verdict.score,
                "quality": quality(facts, language_score=verdict.score),
                "cluster": "",
                "raw_id": record.raw_id,
            }
        )

    def _judge(self, facts: Facts) -> Verdict:
        verdict = judge(facts, self.filters)
        limit = self.perplexity
        if limit is None or not facts.word_count:
            return verdict
        found = load_model(limit.model, limit.sha256).perplexity(facts.text)
        if found <= limit.maximum:
            return verdict
        finding = Finding("perplexity", found, limit.maximum)
        return verdict._replace(findings=(*verdict.findings, finding))

    def _masked(self, data: str) -> str:
        """The start of a raw text, of which nothing was left, as it came but for personal data."""
        start = data[: self.reject_characters + _LONGEST_PERSONAL_DATA]
        return mask_personal_data(without_surrogates(start), self.personal_data)[0]

    def _reject(
        self,
        result: Cleaned,
        record: Record,
        reason: str,
        text: str,
        characters: int,
        findings: Sequence[Finding] = (),
    ) -> None:
        first = findings[0] if findings else None
        result.rejects.append(
            {
                "raw_id": record.raw_id,
                "source": record.source,
                "licence": record.licence,
                "reason": reason,
                "measured": first and round(first.measured, _DIGITS),
                "limit": first and first.limit,
                "found": first.found if first else "",
                "also": " ".join(finding.reason for finding in findings[1:]),
                "characters": characters,
                "text": text[: self.reject_characters],
            }
        )


def _compared(claim: str, identified: str) -> str:
    """A claim against a language; of "en-GB" (BCP 47) the first part counts."""
    code = re.split("[-_]", claim, maxsplit=1)[0].lower()
    if len(code) != 2:
        return "unclear"
    return "agree" if code == identified else "differ"
