"""Where raw files come from: sources as settings, brought into one folder per kind."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol, get_args
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import Field, model_validator

from llm.config import Section
from llm.corpus.fetch import Fetcher, copy_file
from llm.errors import ConfigError, InputError
from llm.files import new_directory, sha256_of, write_manifest

Kind = Literal["corpus", "messages", "instructions", "vocabulary", "weights"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Ledger = list[dict[str, Any]]

_SYNTHETIC = ("stories", "messages", "instructions")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Generator(Protocol):
    """Writes one synthetic set into a folder."""

    def __call__(self, directory: Path, /, *, seed: int, scale: float) -> object: ...


class Source(Section):
    """One origin of raw data. Each URL yields one file, or a folder's files for `file:FOLDER`."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="short name, kept with every document of this source",
    )
    holds: Kind = Field(description="what the files are, and so the folder data/raw/<holds>")
    urls: list[str] = Field(
        min_length=1,
        description="https://HOST/PATH, file:PATH (a file or a folder, relative to the "
        "repository or absolute), or synthetic://stories|messages|instructions?seed=1&scale=1",
    )
    sha256: str | list[str] | None = Field(
        description="SHA-256 of the file, in lower-case hexadecimal; a list, one per URL; "
        "required for https, optional for a file, null for folders and synthetic sets",
    )
    licence: str = Field(
        min_length=1, description="SPDX name or words; kept with every document of this source"
    )
    language: str = Field(
        pattern=r"^[a-z]{2,3}$", description="ISO 639 code of the language the source claims"
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
    parts = urlsplit(url)
    if sha256 is not None and not _SHA256.fullmatch(sha256):
        return f"sha256 is {sha256!r}; it must be 64 lower-case hexadecimal digits"
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
        return None if _file_path(url).name else "the path is empty"
    if parts.scheme == "synthetic":
        return _synthetic_fault(url, sha256, holds)
    return f"unknown scheme {parts.scheme!r}; known: https, file, synthetic"


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


def _file_path(url: str) -> Path:
    return Path(unquote(urlsplit(url).path))


@dataclass(frozen=True)
class _File:
    """One file to place: its name in the folder, where its verified bytes stand."""

    name: str
    path: Path
    source: Source
    url: str


def collect(
    sources: Sequence[Source],
    directories: Mapping[Kind, Path],
    *,
    fetcher: Fetcher,
    generators: Mapping[str, Generator],
) -> Ledger:
    """Bring every source's files into its kind's folder, and return the ledger of all files.

    Everything is fetched and verified before the first folder is touched; each folder then
    appears whole, its manifest last, with a row per file: name of the source, url, file, sha256,
    bytes, licence, language. A kind without a source gets a folder with an empty manifest.
    Raises ConfigError, InputError or ServiceError.
    """
    files: dict[Kind, list[_File]] = {kind: [] for kind in KINDS}
    for source in sources:
        for url, sha256 in zip(source.urls, source.hashes(), strict=True):
            files[source.holds] += _locate(source, url, sha256, fetcher)
    ledger: Ledger = []
    for kind, directory in directories.items():
        made = [source for source in sources if source.holds == kind]
        with new_directory(directory) as folder:
            rows = _place(files[kind], folder, fetcher)
            for source in made:
                for url in source.urls:
                    if url.startswith("synthetic:"):
                        rows += _generate(source, url, folder, generators)
            rows.sort(key=lambda row: str(row["file"]))
            write_manifest(folder, sources=rows)
        ledger += rows
    return ledger


def _locate(source: Source, url: str, sha256: str | None, fetcher: Fetcher) -> list[_File]:
    """Verified local files of one URL; none for a synthetic one."""
    scheme = urlsplit(url).scheme
    if scheme in ("http", "https"):
        assert sha256 is not None, "checked with the settings"
        name = PurePosixPath(unquote(urlsplit(url).path)).name
        return [_File(name, fetcher.fetch(url, sha256), source, url)]
    if scheme == "synthetic":
        return []
    path = _file_path(url)
    if path.is_dir() and sha256 is None:
        found = [
            child
            for child in sorted(path.rglob("*"))
            if child.is_file() and not _is_hidden(child.relative_to(path))
        ]
        if found:
            return [
                _File(child.relative_to(path).as_posix(), child, source, url) for child in found
            ]
    if path.is_file():
        if sha256 is not None and sha256_of(path) != sha256:
            raise InputError(
                "A local file is not the one that params.yaml names.",
                where=path,
                found=f"sha256 {sha256_of(path)}",
                expected=f"sha256 {sha256}",
                remedy="put the right file there, or set its sha256 (or null) in download.sources",
            )
        return [_File(path.name, path, source, url)]
    raise InputError(
        "A local source is missing or empty.",
        where=f"source {source.name!r}: {path}",
        found=_what_stands_at(path, sha256),
        expected="a file, or a folder with files",
        remedy="put the data there, or change the address under download.sources",
    )


def _what_stands_at(path: Path, sha256: str | None) -> str:
    if not path.is_dir():
        return "nothing"
    return "a folder, which takes no sha256" if sha256 else "a folder without files"


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _place(files: Sequence[_File], folder: Path, fetcher: Fetcher) -> Ledger:
    """Copy files into a folder. A name that is taken already gets its source and number before."""
    rows: Ledger = []
    taken: set[str] = set()
    for number, file in enumerate(files):
        name = file.name if file.name not in taken else f"{file.source.name}-{number}-{file.name}"
        if name in taken or name == "manifest.json":
            raise ConfigError(
                "Two files of one kind would have the same name.",
                where=f"download.sources, source {file.source.name!r}: {file.url}",
                found=name,
                remedy="rename one of the files",
            )
        taken.add(name)
        copy_file(file.path, folder / name, linkable=fetcher.partial)
        rows.append(_row(file.source, file.url, folder, name))
    return rows


def _generate(
    source: Source, url: str, folder: Path, generators: Mapping[str, Generator]
) -> Ledger:
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    before = _names(folder)
    generators[parts.netloc](
        folder, seed=int(options.get("seed", "0")), scale=float(options.get("scale", "1"))
    )
    return [_row(source, url, folder, name) for name in sorted(_names(folder) - before)]


def _names(folder: Path) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def _row(source: Source, url: str, folder: Path, name: str) -> dict[str, Any]:
    path = folder / name
    return {
        "name": source.name,
        "url": url,
        "file": name,
        "sha256": sha256_of(path),
        "bytes": path.stat().st_size,
        "licence": source.licence,
        "language": source.language,
    }
