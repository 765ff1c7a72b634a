"""What stands at a path: which kind of artefact, told by its files and columns, not by its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from llm.corpus.reading.formats import format_of
from llm.errors import InputError
from llm.files import MANIFEST, open_parquet

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal[
    "clusters", "documents", "rejects", "shards", "table", "tokenizer", "weights", "json", "lines",
    "text", "folder",
]  # fmt: skip

# A Parquet table is of the first kind whose columns it has.
_COLUMNS: tuple[tuple[Kind, frozenset[str]], ...] = (
    ("shards", frozenset({"id", "source", "token_ids"})),
    ("rejects", frozenset({"raw_id", "source", "reason", "text"})),
    ("documents", frozenset({"id", "text", "source", "licence", "language"})),
    ("clusters", frozenset({"id", "raw_id", "cluster", "kept"})),
)
MADE_BY = "STAGE"  # a reader's errors name the stage to run; which one it is, a path does not tell
_SNIFFED_BYTES = 8192


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """A path, its kind, and, where it is Parquet, its files in order and their common columns."""

    path: Path
    kind: Kind
    parts: tuple[Path, ...] = ()
    schema: pa.Schema | None = None


def recognise(path: Path) -> Artefact:
    """Say what stands at `path`. Raises InputError where nothing does, or nothing known."""
    if not path.exists():
        raise InputError(
            "There is nothing to inspect.",
            where=path,
            found="no such file or folder",
            expected="an artefact, as data/documents/unique or data/metrics/clean.json",
            remedy="check the path; what the pipeline makes is there after: make repro",
        )
    return _folder(path) if path.is_dir() else _file(path)


def _folder(path: Path) -> Artefact:
    if (path / "tokenizer.json").is_file():
        return Artefact(path=path, kind="tokenizer")
    if (path / "model.safetensors").is_file():
        return Artefact(path=path, kind="weights")
    parts = sorted(path.glob("*.parquet"))
    return _parquet(path, parts) if parts else Artefact(path=path, kind="folder")


def _file(path: Path) -> Artefact:
    suffix = path.suffix.lower()
    if not path.is_file():
        raise _cannot_be_shown(path, "neither a file nor a folder")
    if suffix in (".parquet", ".pq"):
        return _parquet(path, [path])
    if suffix == ".safetensors":
        return Artefact(path=path, kind="weights")
    if suffix == ".json":
        return Artefact(path=path, kind="json")
    kind, _ = format_of(path.name)
    if kind == "jsonl":
        return Artefact(path=path, kind="lines")
    if (kind and suffix) or _is_text(path):
        return Artefact(path=path, kind="text")
    raise _cannot_be_shown(path, f"bytes that are no text, the suffix {suffix!r}")


def _is_text(path: Path) -> bool:
    """Whether a file begins as text does: no byte of it is zero."""
    with path.open("rb") as stream:
        return b"\0" not in stream.read(_SNIFFED_BYTES)


def _cannot_be_shown(path: Path, found: str) -> InputError:
    return InputError(
        "This kind of file cannot be shown.",
        where=path,
        found=found,
        expected="Parquet, safetensors, JSON, JSON Lines, WARC or text, also as .gz and .zst",
        remedy=f"name a file of the pipeline, or the folder that holds its {MANIFEST}",
    )


def _parquet(path: Path, parts: list[Path]) -> Artefact:
    with open_parquet(parts[0], made_by=MADE_BY) as parquet:
        schema = parquet.schema_arrow
    names = frozenset(schema.names)
    known: Iterator[Kind] = (kind for kind, columns in _COLUMNS if columns <= names)
    kind: Kind = next(known, "table")
    return Artefact(path=path, kind=kind, parts=tuple(parts), schema=schema)
