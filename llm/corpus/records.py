"""Raw files become raw records, one at a time: a text file is one, a JSONL line is one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.corpus.documents import PLANTED

TEXT_SUFFIXES = frozenset({".txt", ".text", ".md", ".markdown", ".rst", ""})
HTML_SUFFIXES = frozenset({".html", ".htm", ".xhtml"})
JSONL_SUFFIXES = frozenset({".jsonl", ".ndjson"})
PIECE_BYTES = 16 * 1024 * 1024  # a longer text file is cut at empty lines into pieces


@dataclass(frozen=True)
class Record:
    """One raw document. data: its bytes, or its text; None where it cannot be read, see fault."""

    raw_id: str
    source: str
    licence: str
    data: bytes | str | None
    html: bool = False
    fault: str | None = None


def read_records(raw: Path, ledger: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
    """Yield the records of a raw folder in the order of its ledger (`sources` of its manifest).

    raw_id is the file's name, with #NNNN for a piece of a long file; of a JSONL line its own `id`,
    else the file's name with the line's number. Memory holds one record, or one piece of 16 MiB.
    A record that cannot be read is yielded with its fault: "broken_record" for a line that is no
    JSON object with a text, "unknown_format" for a file of another kind.
    """
    for row in ledger:
        name = str(row["file"])
        if name.rsplit("/", 1)[-1] == PLANTED:
            continue
        path = raw / name
        suffix = path.suffix.lower()
        if suffix in JSONL_SUFFIXES:
            yield from _read_lines(path, row)
        elif suffix in TEXT_SUFFIXES:
            yield from _read_pieces(path, row)
        elif suffix in HTML_SUFFIXES:
            yield _record(row, name, path.read_bytes(), html=True)
        else:
            yield _record(row, name, None, fault="unknown_format")


def _record(
    row: Mapping[str, Any],
    raw_id: str,
    data: bytes | str | None,
    *,
    html: bool = False,
    fault: str | None = None,
) -> Record:
    return Record(raw_id, str(row["name"]), str(row["licence"]), data, html, fault)


def _read_lines(path: Path, row: Mapping[str, Any]) -> Iterator[Record]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            place = f"{row['file']}:{number}"
            try:
                value = json.loads(line)
            except ValueError:  # no JSON, or not UTF-8
                yield _record(row, place, None, fault="broken_record")
                continue
            if not isinstance(value, dict) or not isinstance(value.get("text"), str):
                yield _record(row, place, None, fault="broken_record")
                continue
            raw_id = value.get("id")
            yield _record(row, place if raw_id is None else str(raw_id), value["text"])


def _read_pieces(path: Path, row: Mapping[str, Any]) -> Iterator[Record]:
    name = str(row["file"])
    if path.stat().st_size <= PIECE_BYTES:
        yield _record(row, name, path.read_bytes())
        return
    with path.open("rb") as stream:
        # A text of two or four bytes per character is not cut: the border's bytes differ there.
        wide = stream.read(2) in (b"\xff\xfe", b"\xfe\xff")
        stream.seek(0)
        if wide:
            yield _record(row, name, stream.read())
            return
        rest, number = b"", 0
        while block := stream.read(PIECE_BYTES - len(rest)):
            block = rest + block
            border = _last_border(block) if len(block) == PIECE_BYTES else len(block)
            yield _record(row, f"{name}#{number:04d}", block[:border])
            rest, number = block[border:], number + 1
        if rest:
            yield _record(row, f"{name}#{number:04d}", rest)


def _last_border(block: bytes) -> int:
    """Where the last paragraph, else line, else word of a block of text begins."""
    for mark in (b"\n\n", b"\r\n\r\n", b"\n", b" "):
        place = block.rfind(mark, len(block) // 2)
        if place >= 0:
            return place + len(mark)
    return len(block)
