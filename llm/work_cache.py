"""Results of units of work, found again by all that determines them: whole, or made anew."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llm
from llm.code import imported_code
from llm.files import fingerprint

if TYPE_CHECKING:
    import pyarrow as pa

_FOLDER = re.compile(r"[0-9a-f]{16}")
_SUFFIX = ".entry"
_DIGEST_CHARACTERS = 64


@dataclass(frozen=True)
class Entry:
    """What a unit of work gave. tables: by name. facts: JSON values, keys of objects are texts."""

    tables: Mapping[str, pa.Table]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class WorkCache:
    """Entries below one folder, by key; picklable, so that any process reads and writes them.

    folder: named by what determines every entry in it, see `open_cache`; None remembers nothing.
    Entries survive a killed run and a finished one: the next run takes what it needs. They are
    never the only copy of anything.
    """

    folder: Path | None

    def get(self, key: str) -> Entry | None:
        """The entry of a key; None where there is none, or a torn or altered one, now removed."""
        if self.folder is None:
            return None
        path = self._path(key)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        entry = _unpack(content)
        if entry is None:
            print(f"An entry of the cache is damaged, and made anew: {path}", flush=True)
            path.unlink(missing_ok=True)
        return entry

    def put(self, key: str, entry: Entry) -> None:
        """Remember an entry; it appears whole or not at all.

        Not synced to disk: after a power failure its checksum tells that it is torn.
        """
        if self.folder is None:
            return
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Its own name: on a cluster, two processes may do one unit at the same time.
        temporary = path.with_name(f".{key}.{secrets.token_hex(4)}.partial")
        try:
            temporary.write_bytes(_pack(entry))
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def prune(self, used: Iterable[str]) -> None:
        """Remove all entries but the used ones, and those of other settings or code: at the end
        of a run that succeeded, so that the disk holds what one run needs."""
        if self.folder is None:
            return
        keep = {self._path(key) for key in used}
        for path in self.folder.glob("*/*"):
            if path not in keep:
                path.unlink()
        self.forget_others()

    def forget_others(self) -> None:
        """Remove what was remembered under other settings or by other code."""
        if self.folder is None:
            return
        for folder in self.folder.parent.iterdir():
            if folder != self.folder and folder.is_dir() and _FOLDER.fullmatch(folder.name):
                shutil.rmtree(folder)

    def _path(self, key: str) -> Path:
        assert self.folder is not None, "asked by get, put and prune"
        return self.folder / key[:2] / f"{key}{_SUFFIX}"


def open_cache(root: Path | None, *settings: object, code: str) -> WorkCache:
    """The cache below `root` for work under these settings, done by this code.

    settings: JSON-like values, all that can change a result besides the unit itself. code: the
    file in which the work begins, as llm/corpus/units.py. Its text, that of every file of ours it
    imports, and the versions of the packages they import are part of the folder's name, so that
    a result is never taken from other code. root None: a cache that remembers nothing.
    """
    if root is None:
        return WorkCache(None)
    versions, files = _code_facts(code)
    # Absolute: processes on other machines start in other folders.
    return WorkCache(root.resolve() / fingerprint(list(settings), versions, *files))


def code_stamp(code: str) -> str:
    """A short hash of all that decides about the results of code, see `open_cache`, but its
    settings."""
    versions, files = _code_facts(code)
    return fingerprint(versions, *files)


def _code_facts(code: str) -> tuple[list[str], list[Path]]:
    """The versions of the packages that code imports, and its files of ours, at any depth."""
    checkout = Path(llm.__file__).parent.parent
    needed = imported_code(code, checkout)
    versions = [f"{name} {_version(name)}" for name in needed.packages]
    return versions, [checkout / name for name in needed.files]


def key_of(*facts: object, content: bytes = b"") -> str:
    """The key of a unit of work: JSON-like facts about it, and its bytes."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode("ascii") + b"\n")
    digest.update(content)
    return digest.hexdigest()[:32]


def _version(package: str) -> str:
    with contextlib.suppress(PackageNotFoundError):
        return version(package)
    return ""  # of the standard library, or installed under another name


def _pack(entry: Entry) -> bytes:
    """A line of SHA-256 of the rest; a line of JSON; the tables as Arrow streams, end to end."""
    import pyarrow as pa

    options = pa.ipc.IpcWriteOptions(compression="zstd")
    streams: dict[str, bytes] = {}
    for name, table in entry.tables.items():
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
            stream.write_table(table)
        streams[name] = sink.getvalue().to_pybytes()
    sizes = {name: len(content) for name, content in streams.items()}
    header = json.dumps({"facts": entry.facts, "tables": sizes}, allow_nan=False)
    body = b"".join([header.encode("ascii"), b"\n", *streams.values()])
    return hashlib.sha256(body).hexdigest().encode("ascii") + b"\n" + body


def _unpack(content: bytes) -> Entry | None:
    import pyarrow as pa

    body = memoryview(content)[_DIGEST_CHARACTERS + 1 :]
    if content[: _DIGEST_CHARACTERS + 1] != hashlib.sha256(body).hexdigest().encode() + b"\n":
        return None
    place = content.index(b"\n", _DIGEST_CHARACTERS + 1) - _DIGEST_CHARACTERS
    header = json.loads(bytes(body[:place]))
    tables: dict[str, pa.Table] = {}
    for name, size in header["tables"].items():
        with pa.ipc.open_stream(pa.py_buffer(body[place : place + size])) as stream:
            tables[name] = stream.read_all()
        place += size
    return Entry(tables, header["facts"])
