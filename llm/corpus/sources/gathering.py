"""Raw files from all sources, brought into one folder per kind, with a ledger of every file."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from llm.corpus.sources.archives import extract, is_archive
from llm.corpus.sources.fetch import Fetcher, copy_file
from llm.corpus.sources.local import local_files
from llm.corpus.sources.members import ArchiveLimits, name_fault
from llm.corpus.sources.remote import SCHEMES, Store
from llm.corpus.sources.settings import KINDS, Kind, Source, file_path
from llm.errors import ConfigError, InputError
from llm.files import MANIFEST, new_directory, sha256_of, write_manifest

Ledger = list[dict[str, Any]]


class Generator(Protocol):
    """Writes one synthetic set into a folder."""

    def __call__(self, directory: Path, /, *, seed: int, scale: float) -> object: ...


@dataclass(frozen=True)
class _File:
    """One file to place: its name in the folder, where its verified bytes stand, its address.

    origin: the number of that address among all of the kind, for names that are taken already.
    """

    name: str
    path: Path
    source: Source
    url: str
    origin: int


@dataclass
class Gatherer:
    """What brings the files of each kind of address."""

    fetcher: Fetcher
    store: Store
    generators: Mapping[str, Generator]
    limits: ArchiveLimits = field(default_factory=ArchiveLimits)

    def clear(self) -> None:
        """Remove the copies kept between runs."""
        self.store.clear()
        self.fetcher.clear()


def collect(
    sources: Sequence[Source], directories: Mapping[Kind, Path], *, gatherer: Gatherer
) -> Ledger:
    """Bring every source's files into its kind's folder, and return the ledger of all files.

    Everything is fetched, verified and taken out of archives before the first folder is touched;
    each folder then appears whole, its manifest last, with a row per file: name of the source,
    url, file, sha256, bytes, licence, language, text_field. Archives are taken apart here, not
    where records are read: so every member has its row and its SHA-256, can be read on its own by
    any process, and a bad archive stops the run before hours of work. Their members stand under
    the archive's name, as books.zip/emma.txt; archives within archives stay as they are.
    A kind without a source gets a folder with an empty manifest.
    Raises ConfigError, InputError or ServiceError.
    """
    ledger: Ledger = []
    with _scratch(gatherer.fetcher.partial / "unpacked") as scratch:
        files: dict[Kind, list[_File]] = {kind: [] for kind in KINDS}
        origins = dict.fromkeys(KINDS, 0)
        for source in sources:
            for url, sha256 in zip(source.urls, source.hashes(), strict=True):
                origin = origins[source.holds]
                found = list(_locate(source, url, sha256, origin, gatherer))
                files[source.holds] += _unpack(found, scratch, gatherer.limits)
                origins[source.holds] += 1
        for kind, directory in directories.items():
            made = [source for source in sources if source.holds == kind]
            with new_directory(directory) as folder:
                rows = _place(files[kind], folder, gatherer.fetcher.partial)
                for source in made:
                    for url in source.urls:
                        if url.startswith("synthetic:"):
                            rows += _generate(source, url, folder, gatherer.generators)
                rows.sort(key=lambda row: str(row["file"]))
                write_manifest(folder, sources=rows)
            ledger += rows
    return ledger


@contextmanager
def _scratch(path: Path) -> Iterator[Path]:
    """A folder that is empty at first and gone afterwards, whatever happens."""
    shutil.rmtree(path, ignore_errors=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _locate(
    source: Source, url: str, sha256: str | None, origin: int, gatherer: Gatherer
) -> Iterator[_File]:
    """Verified local files of one URL; none for a synthetic one."""
    scheme = urlsplit(url).scheme
    if scheme in ("http", "https"):
        assert sha256 is not None, "checked with the settings"
        name = PurePosixPath(unquote(urlsplit(url).path)).name
        yield _File(name, gatherer.fetcher.fetch(url, sha256), source, url, origin)
    elif scheme in SCHEMES:
        for item in gatherer.store.find(url):
            yield _File(item.name, gatherer.store.fetch(item, sha256), source, item.url, origin)
    elif scheme == "file":
        for name, path in local_files(source.name, file_path(url), sha256):
            yield _File(name, path, source, url, origin)


def _unpack(files: Iterable[_File], scratch: Path, limits: ArchiveLimits) -> Iterator[_File]:
    """The files themselves, and in an archive's place the files in it, taken out to `scratch`."""
    for number, file in enumerate(files):
        _check_name(file)
        if not is_archive(file.name):
            yield file
            continue
        folder = scratch / file.source.holds / f"{file.origin}-{number}"
        shown = f"source {file.source.name!r}: {file.url}"
        if not file.url.endswith(file.name):  # a file of a folder
            shown += f", {file.name}"
        for member in extract(file.path, folder, name=file.name, shown=shown, limits=limits):
            name = f"{file.name}/{member}"
            yield _File(name, folder / member, file.source, file.url, file.origin)


def _check_name(file: _File) -> None:
    fault = name_fault(file.name)
    if fault:
        raise InputError(
            "A file of a source has a name that cannot stand in a folder of ours.",
            where=f"source {file.source.name!r}: {file.url}",
            found=f"{file.name!r}, {fault}",
            expected="a relative path in UTF-8",
            remedy="rename the file",
        )


def _place(files: Sequence[_File], folder: Path, partial: Path) -> Ledger:
    """Copy files into a folder. A name that is taken already gets its source and number before."""
    rows: Ledger = []
    names = {MANIFEST}  # of ours, written last
    folders: set[str] = set()
    for file in files:
        for name in (file.name, f"{file.source.name}-{file.origin}-{file.name}"):
            if name not in names and name not in folders and not names.intersection(_folders(name)):
                break
        else:
            raise _same_name(file, name)
        names.add(name)
        folders.update(_folders(name))
        # What stands in `partial` is ours and goes away: a hard link takes neither time nor room.
        ours = file.path.parent if file.path.is_relative_to(partial) else None
        copy_file(file.path, folder / name, linkable=ours)
        rows.append(_row(file.source, file.url, folder, name))
    return rows


def _same_name(file: _File, name: str) -> ConfigError:
    return ConfigError(
        "Two files of one kind would have the same name.",
        where=f"download.sources, source {file.source.name!r}: {file.url}",
        found=name,
        remedy="rename one of the files",
    )


def _folders(name: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(name).parents][:-1]


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
        "text_field": source.text_field,
    }
