"""Where raw files come from: sources as settings, checked before any work starts."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path, PurePosixPath
from typing import Literal, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, model_validator

from llm.config import Section
from llm.corpus.sources.remote import SCHEMES, names_many

# evaluations: what the model is to be tested on elsewhere, so that it does not train on it.
Kind = Literal["corpus", "messages", "instructions", "vocabulary", "weights", "evaluations"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_SYNTHETIC = ("stories", "messages", "instructions")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Source(Section):
    """One origin of raw data.

    Each URL yields one file, or many: those of a folder, of a prefix or pattern of an object store.
    An archive among them (.zip, .tar, also compressed: .tar.gz, .tgz, .tar.zst, .tar.xz, .txz,
    .tar.bz2, .tbz2) yields the files in it.
    """

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="short name, kept with every document of this source",
    )
    holds: Kind = Field(description="what the files are, and so the folder data/raw/<holds>")
    urls: list[str] = Field(
        min_length=1,
        description="https://HOST/PATH, file:PATH (a file or a folder, relative to the "
        "repository or absolute), s3://BUCKET/KEY or gs://BUCKET/KEY (many objects where KEY ends "
        "in / or holds *, ? or [), or synthetic://stories|messages|instructions?seed=1&scale=1",
    )
    sha256: str | list[str] | None = Field(
        description="SHA-256 of the file, in lower-case hexadecimal; a list, one per URL; "
        "required for https and single objects, optional for a file, null for what yields many "
        "files and for synthetic sets",
    )
    licence: str = Field(
        min_length=1, description="SPDX name or words; kept with every document of this source"
    )
    language: str = Field(
        pattern=r"^[a-z]{2,3}$", description="ISO 639 code of the language the source claims"
    )
    text_field: str = Field(
        default="text",
        min_length=1,
        description="field of JSONL, column of CSV, TSV and Parquet that holds the text",
    )

    @model_validator(mode="after")
    def _urls_and_hashes(self) -> Source:
        hashes = self.hashes()
        if len(hashes) != len(self.urls):
            raise ValueError(
                f"source {self.name!r}: {len(hashes)} sha256 for {len(self.urls)} urls"
            )
        for url, sha256 in zip(self.urls, hashes, strict=True):
            fault = _url_fault(url, sha256, self.holds)
            if fault:
                raise ValueError(f"source {self.name!r}, {url}: {fault}")
        return self

    def hashes(self) -> list[str | None]:
        """The SHA-256 of each URL, None where none is given."""
        if self.sha256 is None:
            return [None] * len(self.urls)
        return [self.sha256] if isinstance(self.sha256, str) else list(self.sha256)


def _url_fault(url: str, sha256: str | None, holds: Kind) -> str | None:
    """What is wrong with one URL and its hash, or None."""
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        return f"sha256 is {sha256!r}; it must be 64 lower-case hexadecimal digits"
    if url.partition("://")[0] in SCHEMES:
        return _object_fault(url, sha256)
    parts = urlsplit(url)
    if parts.scheme in ("https", "http"):
        if not parts.hostname or parts.path in ("", "/"):
            return "the address names no host or no file"
        if parts.scheme == "http" and not _is_loopback(parts.hostname):
            return "http is allowed on the loopback only; use https"
        if ".." in PurePosixPath(unquote(parts.path)).parts:
            return "the path must not hold '..'"
        if sha256 is None:
            return "sha256 is required for downloads; fetch the file once, check it, and hash it"
        return None
    if parts.scheme == "file":
        if parts.netloc or "?" in url or "#" in url:
            return (
                "a file has no host, query or fragment; write file:PATH, with %3F for ?, %23 for #"
            )
        return None if file_path(url).name else "the path is empty"
    if parts.scheme == "synthetic":
        return _synthetic_fault(url, sha256, holds)
    return f"unknown scheme {parts.scheme!r}; known: https, file, s3, gs, synthetic"


def _object_fault(url: str, sha256: str | None) -> str | None:
    bucket, _, key = url.partition("://")[2].partition("/")
    if not bucket or any(mark in bucket for mark in "*?["):
        return "the address names no bucket"
    if ".." in key.split("/"):
        return "the key must not hold '..'"
    if names_many(url):
        return "a prefix or a pattern takes no sha256" if sha256 is not None else None
    return None if sha256 is not None else "sha256 is required for a single object"


def _synthetic_fault(url: str, sha256: str | None, holds: Kind) -> str | None:
    parts = urlsplit(url)
    wanted = "stories" if holds == "corpus" else holds
    if parts.netloc not in _SYNTHETIC or parts.netloc != wanted:
        return f"{holds} cannot come from {parts.netloc!r}; known sets: {', '.join(_SYNTHETIC)}"
    if sha256 is not None:
        return "a synthetic set takes no sha256"
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    unknown = options.keys() - {"seed", "scale"}
    if unknown:
        return f"unknown options {sorted(unknown)}; known: seed, scale"
    if not options.get("seed", "0").isdecimal() or not _is_scale(options.get("scale", "1")):
        return "seed must be a whole number of at least 0, scale a number above 0, as 0.1 or 100"
    return None


def _is_scale(text: str) -> bool:
    return re.fullmatch(r"\d+(\.\d+)?", text) is not None and float(text) > 0


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def file_path(url: str) -> Path:
    """The path that a file: address names."""
    return Path(unquote(urlsplit(url).path))
