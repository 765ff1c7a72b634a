"""Turn raw files into clean documents; what is dropped is kept aside with its reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from llm.corpus.filters import FilterSettings
from llm.errors import InputError

if TYPE_CHECKING:
    from llm.corpus.cleaning import Cleaned

# Below this much raw data starting further processes costs more than they save.
_SPREAD_BYTES = 2_000_000


class Config(FilterSettings):
    """Filters, and what is masked."""

    mask_personal_data: bool = Field(
        description="put [email] and [phone] in the place of addresses and telephone numbers"
    )


def run(
    config: Config, *, raw: Path, documents: Path, rejects: Path, validated: Path | None = None
) -> dict[str, Any]:
    """Clean every record of `raw`; write kept documents by id, and rejects in order of reading.

    Returns how many were read, kept, dropped per reason, repaired per kind, and per licence.
    validated: the result of validate_raw. Raises InputError where nothing is kept. Processes:
    LLM_WORKERS.
    """
    from llm.corpus.cleaning import Cleaner, batches
    from llm.corpus.documents import REJECT_SCHEMA, PartWriter, require_passed, sorted_documents
    from llm.corpus.records import read_records
    from llm.corpus.workers import ordered_map, worker_count
    from llm.files import new_directory, read_manifest, write_manifest
    from llm.progress import Progress

    if validated:
        require_passed(validated, made_by="validate_raw")
    ledger = read_manifest(raw, made_by="download")["sources"]
    size = sum(row["bytes"] for row in ledger)
    cleaner = Cleaner(FilterSettings(**_filter_values(config)), config.mask_personal_data)
    tally = _Tally()
    with new_directory(rejects) as rejects_folder, new_directory(documents) as folder:
        dropped = PartWriter(rejects_folder, REJECT_SCHEMA)
        with sorted_documents(folder) as kept, Progress("clean", unit="documents") as progress:
            work = batches(read_records(raw, ledger))
            workers = worker_count() if size > _SPREAD_BYTES else 1
            for result in ordered_map(cleaner, work, workers=workers):
                for row in result.kept:
                    kept.add(row)
                for row in result.rejects:
                    dropped.add(row)
                tally.add(result)
                progress.advance(len(result.kept) + len(result.rejects))
        dropped.close()
        if not tally.kept:
            raise _nothing_kept(raw, tally)
        write_manifest(folder, documents=tally.kept, licences=dict(sorted(tally.licences.items())))
        write_manifest(rejects_folder, documents=sum(tally.reasons.values()))
    return tally.metrics()


def _filter_values(config: Config) -> dict[str, Any]:
    return config.model_dump(include=set(FilterSettings.model_fields))


class _Tally:
    """Sums over batches."""

    def __init__(self) -> None:
        self.kept = 0
        self.characters_in = 0
        self.characters_out = 0
        self.reasons: Counter[str] = Counter()
        self.repairs: Counter[str] = Counter()
        self.encodings: Counter[str] = Counter()
        self.licences: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()

    def add(self, result: Cleaned) -> None:
        self.kept += len(result.kept)
        self.characters_in += result.characters_in
        self.characters_out += sum(len(row["text"]) for row in result.kept)
        self.reasons.update(row["reason"] for row in result.rejects)
        self.repairs.update(result.repairs)
        self.encodings.update(result.encodings)
        self.licences.update(row["licence"] for row in result.kept)
        self.sources.update(row["source"] for row in result.kept)

    def metrics(self) -> dict[str, Any]:
        dropped = sum(self.reasons.values())
        return {
            "documents_in": self.kept + dropped,
            "documents_kept": self.kept,
            "documents_dropped": dropped,
            "dropped_fraction": round(dropped / (self.kept + dropped), 6),
            "dropped": dict(sorted(self.reasons.items())),
            "repaired": dict(sorted(self.repairs.items())),
            "encodings": dict(sorted(self.encodings.items())),
            "licences": dict(sorted(self.licences.items())),
            "sources": dict(sorted(self.sources.items())),
            "characters_in": self.characters_in,
            "characters_kept": self.characters_out,
        }


def _nothing_kept(raw: Path, tally: _Tally) -> InputError:
    if not tally.reasons:
        return InputError(
            "The corpus is empty.",
            where=raw,
            found="no record",
            expected="at least one document",
            remedy="name a source with text under download.sources",
        )
    reasons = ", ".join(f"{reason}: {count}" for reason, count in tally.reasons.most_common())
    return InputError(
        "No document is left after cleaning.",
        where=raw,
        found=f"dropped {sum(tally.reasons.values())} of {sum(tally.reasons.values())}: {reasons}",
        expected="at least one document that passes every filter",
        remedy="loosen the limits named by these reasons under `clean` in params.yaml, "
        "or mend the sources",
    )
