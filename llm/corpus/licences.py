"""Licences: which of them are allowed, and the ledger of what every source gave under each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator

if TYPE_CHECKING:
    import pyarrow as pa

REASON = "licence"
# What says that nobody knows; NOASSERTION and NONE are SPDX's words for it (SPDX 2.3, 7.13).
_UNKNOWN = frozenset({"", "unknown", "noassertion", "none"})


def _key(licence: str) -> str:
    return " ".join(licence.split()).casefold()


def _known(licence: str) -> str:
    if _key(licence) in _UNKNOWN:
        raise ValueError("it names no licence, and what is unknown cannot be allowed")
    return licence


Licence = Annotated[str, AfterValidator(_known)]


def allowed(licences: Iterable[str] | None) -> frozenset[str] | None:
    """Names ready for `is_allowed`; None, as for the setting null, allows everything."""
    return None if licences is None else frozenset(map(_key, licences))


def is_allowed(licence: str, names: frozenset[str] | None) -> bool:
    """Whether a licence is among the names; case and spaces do not count (SPDX 2.3, annex D.2).

    Names are compared whole: "MIT OR Apache-2.0" is a name of its own. An unknown licence is
    allowed only where everything is.
    """
    return names is None or _key(licence) in names


class LicenceLedger:
    """Documents and characters, kept and dropped, by source and licence."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], Counter[str]] = {}

    def add(self, kept: pa.Table, rejects: pa.Table) -> None:
        """Count tables of DOCUMENT_SCHEMA and REJECT_SCHEMA."""
        import pyarrow.compute as pc

        characters = pc.utf8_length(kept["text"])
        self._add(kept, characters, "kept")
        self._add(rejects, rejects["characters"], "dropped")
        forbidden = pc.equal(rejects["reason"], REASON)
        self._add(rejects.filter(forbidden), rejects["characters"].filter(forbidden), "forbidden")

    def _add(self, table: pa.Table, characters: Any, outcome: str) -> None:
        counted = (
            table.select(["source", "licence"])
            .append_column("characters", characters)
            .group_by(["source", "licence"])
            .aggregate([("characters", "sum"), ([], "count_all")])
        )
        for row in counted.to_pylist():
            counts = self._counts.setdefault((row["source"], row["licence"]), Counter())
            counts[f"documents_{outcome}"] += row["count_all"]
            counts[f"characters_{outcome}"] += row["characters_sum"] or 0

    def rows(self) -> list[dict[str, Any]]:
        """The ledger, by source and licence.

        documents_forbidden: those of the dropped whose licence is not allowed. Characters of kept
        documents are those of the clean text, of dropped ones those of the raw text as far as it
        could be read.
        """
        names = ("kept", "dropped", "forbidden")
        return [
            {
                "source": source,
                "licence": licence,
                **{f"documents_{name}": counts[f"documents_{name}"] for name in names},
                **{f"characters_{name}": counts[f"characters_{name}"] for name in names[:2]},
            }
            for (source, licence), counts in sorted(self._counts.items())
        ]
