"""Turn raw files into clean documents; what is dropped is kept aside with its reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from llm.config import Section
from llm.corpus.extraction.extract import ExtractSettings
from llm.corpus.extraction.privacy import PrivacySettings
from llm.corpus.filtering.filters import FilterSettings, PerplexitySettings
from llm.corpus.licences import Licence, LicenceLedger, allowed
from llm.errors import InputError
from llm.tracking import Tracker

if TYPE_CHECKING:
    from llm.corpus.units import CleanedUnit

# Below this much raw data starting further processes costs more than they save.
_SPREAD_BYTES = 2_000_000


class Config(Section):
    """What is taken off and mended, what is masked, what is dropped, and what is kept of that."""

    allow_licences: list[Licence] | None = Field(
        default=None,
        description="licences whose documents are kept, by SPDX name or as the sources say; case "
        "does not count; null keeps all, a list drops unknown ones too",
    )
    extract: ExtractSettings = Field(description="from raw to plain text")
    personal_data: PrivacySettings = Field(description="what is masked")
    filters: FilterSettings = Field(description="what is kept")
    perplexity: PerplexitySettings = Field(description="drop what is unusual for this corpus")
    reject_characters: int = Field(
        ge=0, description="how much of a dropped text stands beside its reason"
    )


def run(
    config: Config,
    *,
    raw: Path,
    documents: Path,
    rejects: Path,
    validated: Path | None = None,
    cache: Path | None = None,
    tracker: Tracker | None = None,
) -> dict[str, Any]:
    """Clean every record of `raw`; write kept documents by id, and rejects in order of reading.

    validated: the result of validate_raw. cache: what was cleaned already, by unit (see
    llm.corpus.units); without it everything is cleaned. Returns how many were read, kept, dropped
    per reason, would be dropped by each rule if it stood alone, repaired per kind, and per licence.
    Raises InputError where nothing is kept.
    Processes: LLM_WORKERS, or a Ray cluster.
    """
    from llm.corpus.workers import ordered_map, prepare_workers, worker_count
    from llm.files import new_directory, read_manifest, write_manifest

    ledger = read_manifest(raw, made_by="download")["sources"]
    workers = worker_count() if sum(row["bytes"] for row in ledger) > _SPREAD_BYTES else 1
    if workers > 1:
        prepare_workers("llm.corpus.preload")  # while this process imports what follows

    from llm.arrow import spare_pandas
    from llm.corpus.cleaning import Cleaner
    from llm.corpus.documents import REJECT_SCHEMA, PartWriter, require_passed, sorted_documents
    from llm.corpus.perplexity import learn_limit
    from llm.corpus.units import UnitCleaner, trips, units_of
    from llm.progress import Progress
    from llm.work_cache import open_cache

    spare_pandas()
    if validated:
        require_passed(validated, made_by="validate_raw")
    cleaner = Cleaner(
        extract=config.extract,
        personal_data=config.personal_data,
        filters=config.filters,
        allow_licences=allowed(config.allow_licences),
        reject_characters=config.reject_characters,
    )
    tally = _Tally()
    with new_directory(rejects) as rejects_folder, new_directory(documents) as folder:
        model = folder / ".model.npz"
        limit = learn_limit(raw, ledger, cleaner, config.perplexity, model=model)
        cleaner = replace(cleaner, perplexity=limit)
        settings = config.model_dump(mode="json") | {"limit": limit and limit[1:]}
        known = open_cache(cache, settings, code="llm/corpus/units.py")
        dropped = PartWriter(rejects_folder, REJECT_SCHEMA)
        with sorted_documents(folder) as kept, Progress("clean", unit="documents") as progress:
            place = raw.resolve()  # processes of other machines start in other folders
            work = trips(units_of(place, ledger))
            for trip in ordered_map(UnitCleaner(place, cleaner, known), work, workers=workers):
                for unit in trip:
                    kept.add_table(unit.kept)
                    for row in unit.rejects.to_pylist():
                        dropped.add(row)
                    tally.add(unit)
                    progress.advance(unit.kept.num_rows + unit.rejects.num_rows)
        dropped.close()
        model.unlink(missing_ok=True)
        if not tally.kept:
            raise _nothing_kept(raw, tally)
        write_manifest(folder, documents=tally.kept, licences=dict(sorted(tally.licences.items())))
        write_manifest(rejects_folder, documents=sum(tally.reasons.values()))
    known.prune(tally.units)
    print(f"clean: {len(tally.units):,} units, {tally.remembered:,} of them remembered", flush=True)
    if tracker is not None:
        tracker.log_timings({"units": len(tally.units), "units_cached": tally.remembered})
    metrics = tally.metrics()
    if limit is not None:
        metrics["maximum_perplexity"] = limit.maximum
    return metrics


class _Tally:
    """Sums over units."""

    def __init__(self) -> None:
        self.units: list[str] = []
        self.remembered = 0
        self.kept = 0
        self.characters_in = 0
        self.characters_out = 0
        self.reasons: Counter[str] = Counter()
        self.would_drop: Counter[str] = Counter()
        self.repairs: Counter[str] = Counter()
        self.encodings: Counter[str] = Counter()
        self.claims: Counter[str] = Counter()
        self.licences: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self.ledger = LicenceLedger()

    def add(self, unit: CleanedUnit) -> None:
        import pyarrow.compute as pc

        self.units.append(unit.key)
        self.remembered += unit.remembered
        self.kept += unit.kept.num_rows
        self.characters_in += unit.facts["characters_in"]
        self.characters_out += pc.sum(pc.utf8_length(unit.kept["text"])).as_py() or 0
        self.repairs.update(unit.facts["repairs"])
        self.encodings.update(unit.facts["encodings"])
        self.claims.update(unit.facts["claims"])
        reasons = unit.rejects["reason"].to_pylist()
        self.reasons.update(reasons)
        self.would_drop.update(reasons)
        for also in filter(None, unit.rejects["also"].to_pylist()):
            self.would_drop.update(also.split())
        self.licences.update(unit.kept["licence"].to_pylist())
        self.sources.update(unit.kept["source"].to_pylist())
        self.ledger.add(unit.kept, unit.rejects)

    def metrics(self) -> dict[str, Any]:
        dropped = sum(self.reasons.values())
        return {
            "documents_in": self.kept + dropped,
            "documents_kept": self.kept,
            "documents_dropped": dropped,
            "dropped_fraction": round(dropped / (self.kept + dropped), 6),
            "dropped": dict(sorted(self.reasons.items())),
            "would_drop": dict(sorted(self.would_drop.items())),
            "repaired": dict(sorted(self.repairs.items())),
            "encodings": dict(sorted(self.encodings.items())),
            "language_claims": dict(sorted(self.claims.items())),
            "licences": dict(sorted(self.licences.items())),
            "sources": dict(sorted(self.sources.items())),
            "licence_ledger": self.ledger.rows(),
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
