"""The contract of raw files: all that the manifests name is there, licensed, and named once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc

from llm.errors import InputError
from llm.files import MANIFEST, read_json, sha256_of
from llm.validation.contract import (
    CASES,
    Case,
    Contract,
    Fault,
    Where,
    at_least,
    at_most,
    each,
    make_contract,
    not_null,
)
from llm.validation.repeats import Column, duplicates, repeated
from llm.validation.survey import Check, Survey, filled, matching, one_of

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
        ("sha256_listed", pa.string()),  # under `files`, which later stages compare
        ("sha256_found", pa.string()),  # null where none stands, or one of another size
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
    share of files whose content another file of their kind has too. Every byte is hashed. Raises
    InputError for a broken manifest.
    """
    tables = {kind: _files(kind, directory) for kind, directory in directories.items()}
    survey = Survey(_checks(url_schemes), rows=sum(map(len, tables.values())))
    names = []
    for kind, table in tables.items():
        where = _where(directories[kind], table)
        for batch in table.combine_chunks().to_batches():
            survey.add(batch, where)
        names.append(Column(values=table.column("file").combine_chunks(), where=where))
    copies = sum(duplicates(table.column("sha256").combine_chunks()) for table in tables.values())
    return make_contract(
        suite=SUITE,
        facts={
            **{f"{kind}_files": len(found) for kind, found in tables.items()},
            "duplicate_fraction": round(copies / max(1, survey.seen), 6),
        },
        rules=[
            *(at_least(f"{kind}_files", 1, f"there is a file of {kind}") for kind in required),
            at_most(
                "duplicate_fraction", maximum_duplicate_fraction, "few files repeat another one"
            ),
        ],
        faults=[
            repeated("duplicate_names", names, "no manifest names a file twice"),
            _unlisted({directories[kind]: table for kind, table in tables.items()}),
            *survey.faults(),
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
            column="file",
            mask=lambda row: pc.is_null(row.column("bytes_found")),
            meaning="every file that a manifest names is there, inside its folder",
        ),
        Check(
            fact="files_of_other_size",
            column="bytes_found",
            mask=lambda row: _differ(row.column("bytes"), row.column("bytes_found")),
            meaning="every file has the bytes that its manifest says",
        ),
        Check(
            fact="files_of_other_content",
            column="sha256_found",
            mask=lambda row: _differ(row.column("sha256"), row.column("sha256_found")),
            meaning="every file has the SHA-256 that its manifest says",
        ),
        Check(
            fact="files_listed_otherwise",
            column="sha256_listed",
            mask=lambda row: pc.not_equal(row.column("sha256"), row.column("sha256_listed")),
            meaning="both lists of a manifest, files and sources, give a file the same SHA-256",
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


def _differ(said: pa.Array, found: pa.Array) -> pa.Array:
    """True where something was found that is not what the manifest says."""
    return pc.and_(pc.is_valid(found), pc.fill_null(pc.not_equal(said, found), True))


def _files(kind: str, directory: Path) -> pa.Table:
    """The files that a manifest names under `sources`, with what stands on disk."""
    path = directory / MANIFEST
    manifest = read_json(path, made_by=MADE_BY)
    try:
        listed = {name: facts["sha256"] for name, facts in manifest["files"].items()}
        rows = [
            {**_row(kind, directory, entry), "sha256_listed": listed.get(entry["file"])}
            for entry in manifest["sources"]
        ]
        return pa.Table.from_pylist(rows, schema=ROW)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise InputError(
            "A manifest does not list its files.",
            where=path,
            found=f"{type(error).__name__}: {error}",
            expected="`files`, and under `sources` an object per file: name, url, file, sha256, "
            "bytes and more",
            remedy=f"make it again: dvc repro --force {MADE_BY}",
        ) from error


def _row(kind: str, directory: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
    name = PurePosixPath(str(entry["file"]))
    inside = not name.is_absolute() and ".." not in name.parts
    file = directory / name if inside and (directory / name).is_file() else None
    size = None if file is None else file.stat().st_size
    return {
        **{name: entry.get(name) for name in ROW.names},
        "kind": kind,
        "source": entry.get("name"),
        "scheme": urlsplit(str(entry.get("url"))).scheme,
        "bytes_found": size,
        # A file of another size has another hash: that need not be told twice.
        "sha256_found": sha256_of(file) if file and size == entry.get("bytes") else None,
    }


def _where(directory: Path, files: pa.Table) -> Where:
    names = files.column("file").to_pylist()
    return lambda number: f"{directory / str(names[number])}, named in {MANIFEST}"


def _unlisted(folders: Mapping[Path, pa.Table]) -> Fault:
    """The fault that a file stands in a folder whose manifest does not name it."""
    found = []
    for directory, files in folders.items():
        listed = {*files.column("file").to_pylist(), MANIFEST}
        found += [
            Case(where=str(path), found="a file of no source")
            for path in sorted(directory.rglob("*"))
            if path.is_file() and path.relative_to(directory).as_posix() not in listed
        ]
    return Fault(
        fact="unlisted_files",
        count=len(found),
        meaning="no file stands there that its manifest does not name",
        cases=found[:CASES],
    )
