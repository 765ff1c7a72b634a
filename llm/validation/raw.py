"""The contract of raw files: all that the manifests name is there, licensed, and named once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from llm.errors import InputError
from llm.files import MANIFEST, read_json
from llm.validation.contract import (
    Check,
    Contract,
    Survey,
    at_least,
    at_most,
    duplicates,
    each,
    filled,
    matching,
    not_null,
    one_of,
)

SUITE = "raw"
MADE_BY = "download"
SHA256 = "^[0-9a-f]{64}$"
LANGUAGE = "^[a-z]{2,3}$"  # ISO 639-1, 639-2 or 639-3
# One row per file that a manifest names, as the checks and the sample see it.
ROW = pa.schema(
    [
        *((name, pa.string()) for name in ("kind", "source", "url", "scheme", "file", "sha256")),
        ("bytes", pa.int64()),
        ("bytes_found", pa.int64()),  # null where no file stands
        ("licence", pa.string()),
        ("language", pa.string()),
    ]
)


def raw_contract(
    directories: Mapping[str, Path],
    *,
    url_schemes: Sequence[str],
    required: Sequence[str],
    maximum_duplicate_fraction: float,
) -> Contract:
    """Look at every file of every kind, and say what is expected of them.

    directories: folder by kind. required: kinds that must hold a file. maximum_duplicate_fraction:
    share of files whose content another file of their kind has too. Sizes are compared and names,
    not contents: download hashes what it writes. Raises InputError for a broken manifest.
    """
    tables = {kind: _files(kind, directory) for kind, directory in directories.items()}
    table = pa.concat_tables(tables.values())
    checks = _checks(url_schemes)
    survey = Survey(checks, rows=len(table))
    for batch in table.to_batches():
        survey.add(batch)
    copies = sum(_doubles(found, "sha256") for found in tables.values())
    return Contract(
        suite=SUITE,
        facts={
            **{f"{kind}_files": len(found) for kind, found in tables.items()},
            "duplicate_names": sum(_doubles(found, "file") for found in tables.values()),
            "duplicate_fraction": round(copies / max(1, len(table)), 6),
            "unlisted_files": sum(
                _unlisted(directory, tables[kind]) for kind, directory in directories.items()
            ),
            **survey.faults,
        },
        fact_rules=[
            *(at_least(f"{kind}_files", 1, f"there is a file of {kind}") for kind in required),
            at_most("duplicate_names", 0, "no manifest names a file twice"),
            at_most(
                "duplicate_fraction", maximum_duplicate_fraction, "few files repeat another one"
            ),
            at_most("unlisted_files", 0, "no file stands there that its manifest does not name"),
            *(check.rule() for check in checks),
        ],
        sample=survey.sample(ROW),
        sample_rules=[
            *(not_null(name) for name in ("source", "file", "bytes_found", "licence")),
            each("sha256", "match_regex", "a hash is 64 hexadecimal digits", regex=SHA256),
            each("language", "match_regex", "a language is an ISO 639 code", regex=LANGUAGE),
            each("scheme", "be_in_set", "every address is known", value_set=list(url_schemes)),
        ],
    )


def _checks(url_schemes: Sequence[str]) -> list[Check]:
    return [
        Check(
            fact="missing_files",
            mask=lambda row: pc.is_null(row.column("bytes_found")),
            meaning="every file that a manifest names is there",
        ),
        Check(
            fact="files_of_other_size",
            mask=lambda row: pc.and_kleene(
                pc.is_valid(row.column("bytes_found")),
                pc.not_equal(row.column("bytes"), row.column("bytes_found")),
            ),
            meaning="every file has the bytes that its manifest says",
        ),
        matching(
            "malformed_hashes", "sha256", SHA256, "every file's SHA-256 is 64 hexadecimal digits"
        ),
        filled("missing_sources", "source", "every file names its source"),
        filled("missing_licences", "licence", "every file has a licence"),
        matching(
            "malformed_languages", "language", LANGUAGE, "every file's language is an ISO 639 code"
        ),
        one_of(
            "unknown_url_schemes",
            "scheme",
            url_schemes,
            f"every address begins with one of: {', '.join(url_schemes)}",
        ),
    ]


def _files(kind: str, directory: Path) -> pa.Table:
    """The files that a manifest names under `sources`, with the size that stands on disk."""
    path = directory / MANIFEST
    manifest = read_json(path, made_by=MADE_BY)
    try:
        rows = [_row(kind, directory, entry) for entry in manifest["sources"]]
        return pa.Table.from_pylist(rows, schema=ROW)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            "A manifest does not list its files.",
            where=path,
            found=f"{type(error).__name__}: {error}",
            expected="under `sources` an object per file: name, url, file, sha256, bytes and more",
            remedy=f"make it again: dvc repro --force {MADE_BY}",
        ) from error


def _row(kind: str, directory: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    file = directory / str(entry["file"])
    return {
        **{name: entry.get(name) for name in ROW.names},
        "kind": kind,
        "source": entry.get("name"),
        "scheme": urlsplit(str(entry.get("url"))).scheme,
        "bytes_found": file.stat().st_size if file.is_file() else None,
    }


def _doubles(files: pa.Table, name: str) -> int:
    return duplicates(files.column(name).combine_chunks())


def _unlisted(directory: Path, files: pa.Table) -> int:
    listed = {*files.column("file").to_pylist(), MANIFEST}
    return sum(
        path.is_file() and path.relative_to(directory).as_posix() not in listed
        for path in directory.rglob("*")
    )
