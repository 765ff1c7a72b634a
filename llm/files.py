"""Files that are whole or absent: atomic writes, checksums, manifests, and checked reads."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llm.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

MANIFEST = "manifest.json"


def sha256_of(path: Path) -> str:
    """The SHA-256 (FIPS 180-4) of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically: temporary name, fsync, rename."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes atomically: temporary name, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)
    _sync_directory(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically and byte-deterministically: sorted keys, two spaces, no NaN."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: Path, *, made_by: str) -> Any:
    """Read a JSON file. Raises InputError where it is missing or broken; `made_by` is the stage."""
    require(path, made_by=made_by)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            "A JSON file cannot be read.",
            where=f"{path}: {error}",
            expected="valid JSON",
            remedy=f"make it again: dvc repro --force {made_by}",
        ) from error


def require(path: Path, *, made_by: str) -> Path:
    """Return `path`; raise InputError naming the stage that makes it where it does not exist."""
    if not path.exists():
        raise InputError(
            "An input is missing.",
            where=path,
            expected=f"what the stage {made_by!r} writes",
            remedy=f"run the earlier stage: dvc repro {made_by}",
        )
    return path


@contextlib.contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`; on success it takes the place of `path`.

    On an exception nothing appears at `path`. Every file is synced to disk before the rename.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        yield temporary
        for child in sorted(temporary.rglob("*")):
            if child.is_file():
                with child.open("rb") as stream:
                    os.fsync(stream.fileno())
            else:
                _sync_directory(child)
        _sync_directory(temporary)
        if path.exists():
            shutil.rmtree(path)
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def write_manifest(directory: Path, **facts: Any) -> None:
    """Write manifest.json, the last file of a folder: size and SHA-256 per file, and `facts`.

    Holds no time and no machine, so that equal content gives an equal manifest.
    """
    files = {
        child.relative_to(directory).as_posix(): {
            "bytes": child.stat().st_size,
            "sha256": sha256_of(child),
        }
        for child in sorted(directory.rglob("*"))
        if child.is_file() and child != directory / MANIFEST
    }
    write_json(directory / MANIFEST, {"files": files, **facts})


def read_manifest(directory: Path, *, made_by: str, verify: bool = False) -> dict[str, Any]:
    """Read a folder's manifest and check that every file stands there at its recorded size.

    verify: also compare every SHA-256. Raises InputError at the first file that differs.
    """
    require(directory, made_by=made_by)
    manifest: dict[str, Any] = read_json(directory / MANIFEST, made_by=made_by)
    if not _is_manifest(manifest):
        raise InputError(
            "A manifest does not say what its files are.",
            where=directory / MANIFEST,
            expected='"files", each with its "bytes" and "sha256"',
            remedy=f"make it again: dvc repro --force {made_by}",
        )
    for name, expected in manifest["files"].items():
        path = require(directory / name, made_by=made_by)
        same = path.stat().st_size == expected["bytes"]
        if not same or (verify and sha256_of(path) != expected["sha256"]):
            raise not_as_recorded(path, expected, made_by=made_by)
    return manifest


def not_as_recorded(path: Path, expected: Mapping[str, Any], *, made_by: str) -> InputError:
    """The error of a file that differs from its entry in a manifest."""
    return InputError(
        "A file is not what its manifest says.",
        where=path,
        found=f"{path.stat().st_size} bytes, sha256 {sha256_of(path)}",
        expected=f"{expected['bytes']} bytes, sha256 {expected['sha256']}",
        remedy=f"make it again: dvc repro --force {made_by}",
    )


def _is_manifest(value: Any) -> bool:
    files = value.get("files") if isinstance(value, dict) else None
    return isinstance(files, dict) and all(
        isinstance(entry, dict) and entry.keys() >= {"bytes", "sha256"} for entry in files.values()
    )


def open_parquet(path: Path, *, schema: pa.Schema | None = None, made_by: str) -> pq.ParquetFile:
    """Open a Parquet file; InputError where it is missing, truncated or of another schema."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    require(path, made_by=made_by)
    try:
        parquet = pq.ParquetFile(path)
    except (pa.ArrowInvalid, pa.ArrowException, OSError) as error:
        raise InputError(
            "A Parquet file cannot be read: truncated, or not Parquet.",
            where=path,
            found=f"{path.stat().st_size} bytes; {str(error).splitlines()[0]}",
            expected="a whole Parquet file",
            remedy=f"make it again: dvc repro --force {made_by}",
        ) from error
    if schema is not None and not parquet.schema_arrow.equals(schema):
        raise InputError(
            "A Parquet file has another schema than expected.",
            where=path,
            found=_schema_line(parquet.schema_arrow),
            expected=_schema_line(schema),
            remedy=f"make it again: dvc repro --force {made_by}",
        )
    return parquet


def write_parquet(
    table: pa.Table,
    path: Path,
    *,
    row_group_rows: int = 10_000,
    encodings: Mapping[str, str] | None = None,
) -> None:
    """Write one Parquet file atomically: zstd, fixed row groups, no machine-dependent content.

    encodings: column path → Parquet encoding; every other column is encoded by dictionary.
    """
    import pyarrow.parquet as pq

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.partial")
    by_dictionary: bool | list[str] = True
    if encodings:
        flat = {path.split(".")[0] for path in encodings}
        by_dictionary = [name for name in table.column_names if name not in flat]
    pq.write_table(
        table,
        temporary,
        compression="zstd",
        row_group_size=row_group_rows,
        use_dictionary=by_dictionary,
        column_encoding=dict(encodings) if encodings else None,
    )
    with temporary.open("rb") as stream:
        os.fsync(stream.fileno())
    os.replace(temporary, path)


def fingerprint(*parts: object) -> str:
    """A short stable hash of JSON-like values and of paths' contents (a folder's by manifest)."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            if part.is_dir():
                manifest = part / MANIFEST
                inner = [manifest] if manifest.is_file() else sorted(part.rglob("*"))
                for child in inner:
                    if child.is_file():
                        digest.update(f"{child.name}:{sha256_of(child)}\n".encode())
            else:
                digest.update(f"{part.name}:{sha256_of(part)}\n".encode())
        else:
            digest.update(json.dumps(part, sort_keys=True, default=_plain).encode() + b"\n")
    return digest.hexdigest()[:16]


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


def _schema_line(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name}: {field.type}" for field in schema)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
