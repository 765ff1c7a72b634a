"""What a raw file is, told by its name; and its bytes, decompressed while they are read."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Literal, cast, get_args

from llm.errors import InputError

Format = Literal["text", "html", "jsonl", "json", "csv", "tsv", "parquet", "warc"]
Compression = Literal["", ".gz", ".zst", ".xz", ".bz2"]

RECORD_BYTES = 64 * 1024 * 1024  # a longer record is a reject, "too_large"
_BUFFER_BYTES = 1 << 20

_FORMATS: dict[str, Format] = {
    **dict.fromkeys(("", ".txt", ".text", ".md", ".markdown", ".rst"), "text"),
    **dict.fromkeys((".html", ".htm", ".xhtml"), "html"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".warc", ".wet"), "warc"),
}


@dataclass(frozen=True)
class Item:
    """One document inside a file.

    place: where it stands, appended to the file's name to make an id, as ":12" for a line. data:
    its bytes, or its text; None where it cannot be read, see fault. fields: the record's own.
    charset: the encoding that a server said its bytes are in; "" where none did.
    """

    place: str
    data: bytes | str | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    html: bool = False
    fault: str | None = None
    charset: str = ""


def format_of(name: str) -> tuple[Format | None, Compression]:
    """The format and the compression of a file, by its name; None for a format not known.

    Parquet compresses within; a compressed Parquet file is of no known format.
    """
    path = PurePosixPath(name.lower())
    compression = path.suffix if path.suffix in get_args(Compression)[1:] else ""
    kind = _FORMATS.get(PurePosixPath(path.stem).suffix if compression else path.suffix)
    if compression and kind == "parquet":
        return None, ""
    return kind, cast("Compression", compression)


@contextmanager
def open_stream(
    path: Path, compression: Compression = "", *, shown: object = None
) -> Iterator[BinaryIO]:
    """A file's content as a buffered stream, decompressed.

    Reading raises InputError, naming the file (as `shown`) and the place, where it is truncated or
    damaged.
    """
    if not compression:
        with path.open("rb", buffering=_BUFFER_BYTES) as plain:
            yield plain
        return
    with (
        path.open("rb") as file,
        io.BufferedReader(
            _Decompressed(file, compression, shown=shown or path), _BUFFER_BYTES
        ) as done,
    ):
        yield cast("BinaryIO", done)


class _Decompressed(io.RawIOBase):
    """The content of a compressed file; its faults as InputError."""

    def __init__(self, file: BinaryIO, compression: Compression, *, shown: object) -> None:
        self._shown = shown
        self._done = 0
        self._empty = os.fstat(file.fileno()).st_size == 0
        self._stream = _opened(file, compression)

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        """The place in the content; fastwarc asks for it."""
        return self._done

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._stream.read(len(buffer))
        except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
            raise self._broken(str(error)) from error
        if self._empty:
            raise self._broken("no byte")
        buffer[: len(data)] = data
        self._done += len(data)
        return len(data)

    def _broken(self, found: str) -> InputError:
        return broken_file(
            self._shown, f"{found}, after {self._done} bytes of content", expected="a whole stream"
        )


def _opened(file: BinaryIO, compression: Compression) -> Any:
    if compression == ".gz":
        return gzip.GzipFile(fileobj=file)
    if compression == ".xz":
        return _Xz(file)
    import pyarrow as pa

    codec = {".zst": "zstd", ".bz2": "bz2"}[compression]
    return pa.CompressedInputStream(pa.PythonFile(file, mode="r"), codec)


class _Xz:
    """The content of xz streams, end to end; lzma.LZMAFile takes damage after the first for the
    end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._part = lzma.LZMADecompressor()

    def read(self, size: int) -> bytes:
        while True:
            rest = b""
            if self._part.eof:
                rest = self._part.unused_data.lstrip(b"\0")  # padding between streams
                while not rest:
                    block = self._file.read(_BUFFER_BYTES)
                    if not block:
                        return b""
                    rest = block.lstrip(b"\0")
                self._part = lzma.LZMADecompressor()
            elif self._part.needs_input:
                rest = self._file.read(_BUFFER_BYTES)
                if not rest:
                    raise EOFError("the stream has no end")
            data = self._part.decompress(rest, size)
            if data:
                return data


def broken_file(where: object, found: str, *, expected: str) -> InputError:
    """The error for a container that is truncated or damaged: what it lacks, nobody can count."""
    return InputError(
        "A raw file is broken: truncated or damaged.",
        where=where,
        found=found,
        expected=expected,
        remedy="bring the file anew and compare its sha256, or take it out of download.sources; "
        "then: dvc repro --force download",
    )
