"""Files of many records: lines of JSON and rows of CSV, one at a time."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from llm.corpus.reading.formats import RECORD_BYTES, Compression, Item, broken_file, open_stream
from llm.errors import InputError

# What a record may say about itself, besides its text.
OWN_FIELDS = ("id", "licence", "license", "language", "url")
SPAN_BYTES = 4 * 1024 * 1024  # a longer file of lines is read in spans of this size
_SKIP_BYTES = 1 << 20


def line_spans(path: Path) -> int:
    """How many spans a plain file of lines has; each can be read on its own."""
    return max(1, -(-path.stat().st_size // SPAN_BYTES))


def holds_lines(path: Path, compression: Compression = "") -> bool:
    """Whether a file named .json holds a JSON object per line, as C4's and Dolma's do."""
    with open_stream(path, compression) as stream:
        while line := stream.readline(RECORD_BYTES + 1):
            if line.strip():
                break
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def read_lines(
    path: Path, *, text_field: str, compression: Compression = "", span: int | None = None
) -> Iterator[Item]:
    """Records of a JSONL file, or of the lines that begin in one 4 MiB span of a plain one.

    Places: ":LINE", past the first span "#SPAN:LINE" counted from the span's first line, so that
    lines added at the end change no place. Memory holds one line.
    Faults: "broken_record" for a line that is no JSON object with a text, "too_large".
    """
    with open_stream(path, compression) as stream:
        begin, end, prefix = 0, None, ""
        if span is not None:
            begin, end, prefix = (
                span * SPAN_BYTES,
                (span + 1) * SPAN_BYTES,
                f"#{span:04d}" if span else "",
            )
        if begin:
            stream.seek(begin - 1)  # a line that begins before the span belongs to the one before
            begin += _skip_line(stream) - 1
        number = 0
        while end is None or begin < end:
            line = stream.readline(RECORD_BYTES + 1)
            if not line:
                return
            number += 1
            begin += len(line)
            if len(line) > RECORD_BYTES and not line.endswith(b"\n"):
                begin += _skip_line(stream)
                yield Item(f"{prefix}:{number}", None, fault="too_large")
            elif line.strip():
                yield _json_item(f"{prefix}:{number}", line, text_field)


def _skip_line(stream: BinaryIO) -> int:
    """Read to the end of the line; return how many bytes that were."""
    skipped = 0
    while block := stream.readline(_SKIP_BYTES):
        skipped += len(block)
        if block.endswith(b"\n"):
            break
    return skipped


def _json_item(place: str, line: bytes, text_field: str) -> Item:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):  # no JSON, not UTF-8, or nested without end
        return Item(place, None, fault="broken_record")
    if not isinstance(value, dict) or not isinstance(value.get(text_field), str):
        return Item(place, None, fault="broken_record")
    return Item(place, value[text_field], own_fields(value))


def own_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """What a record says about itself."""
    return {name: values[name] for name in OWN_FIELDS if values.get(name) is not None}


def read_csv(
    path: Path, *, text_field: str, delimiter: str, compression: Compression = ""
) -> Iterator[Item]:
    """Rows of a CSV or TSV file (RFC 4180) with a header; place ":LINE" of the row's last line.

    A row with another number of cells than the header is a "broken_record". Raises InputError
    where the header lacks `text_field`, and for a quote that never ends, or a cell or line over
    64 MiB: rows after it cannot be told apart. A text that is not UTF-8 is given as bytes.
    """
    csv.field_size_limit(RECORD_BYTES)
    with (
        open_stream(path, compression) as stream,
        # Bytes that are not UTF-8 come through as lone surrogates, and are turned back below.
        io.TextIOWrapper(stream, "utf-8-sig", errors="surrogateescape", newline="") as text,
    ):
        rows = csv.reader(_bounded_lines(text, path), delimiter=delimiter, strict=True)
        header = _next_row(rows, path)
        if header is None or text_field not in header:
            raise no_column(path, header or [], text_field)
        column = header.index(text_field)
        while (row := _next_row(rows, path)) is not None:
            place = f":{rows.line_num}"
            if not row:
                continue
            if len(row) != len(header):
                yield Item(place, None, fault="broken_record")
                continue
            values = {name: cell for name, cell in zip(header, row, strict=True) if cell}
            yield Item(place, _text_or_bytes(row[column]), own_fields(values))


def _bounded_lines(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    while line := text.readline(RECORD_BYTES + 1):
        if len(line) > RECORD_BYTES:
            raise broken_file(path, "a line over 64 MiB", expected="rows that end")
        yield line


def _next_row(rows: Any, path: Path) -> list[str] | None:
    try:
        return next(rows, None)
    except csv.Error as error:
        raise InputError(
            "The quotes of a table do not match: rows after them cannot be told apart.",
            where=f"{path}, line {rows.line_num}",
            found=str(error),
            expected="cells whose quotes are closed, doubled within, and at most 64 MiB (RFC 4180)",
            remedy="mend that row, or write the file anew with quotes doubled, or as JSON Lines",
        ) from error


def _text_or_bytes(text: str) -> str | bytes:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", errors="surrogateescape")
    return text


def no_column(path: Path, found: list[str], text_field: str) -> InputError:
    """The error for a table without its column of text."""
    return InputError(
        "A table has no column of text of the name that its source gives.",
        where=path,
        found=", ".join(found) or "no header",
        expected=f"one column {text_field!r}",
        remedy="name the column in text_field of the source under download.sources",
    )
