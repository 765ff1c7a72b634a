"""Raw files become raw records, one at a time, each with its source, licence and own id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.corpus.documents import PLANTED
from llm.corpus.reading.formats import Item, format_of
from llm.corpus.reading.parquet import read_rows, row_spans
from llm.corpus.reading.tables import holds_lines, line_spans, read_csv, read_lines
from llm.corpus.reading.texts import read_piece, read_pieces, read_whole, text_pieces
from llm.corpus.reading.warc import read_warc

_UNKNOWN = "unknown"
_LONGEST_LICENCE = 200  # characters of a name


@dataclass(frozen=True)
class Record:
    """One raw document. data: its bytes, or its text; None where it cannot be read, see fault.

    language: ISO 639 code that the record, else its source, claims; "" where neither does.
    charset: the encoding that a server said the bytes are in; "" where none did.
    """

    raw_id: str
    source: str
    licence: str
    data: bytes | str | None
    html: bool = False
    fault: str | None = None
    language: str = ""
    charset: str = ""


@dataclass(frozen=True)
class Unit:
    """A raw file, or a piece of it, that can be read without any other.

    row: the file's row in the ledger. piece: its number; None where the file is read as a whole.
    size: about as many bytes as its records hold; where the file is compressed, those of the file.
    """

    row: Mapping[str, Any]
    piece: int | None
    size: int


def read_records(raw: Path, ledger: Sequence[Mapping[str, Any]]) -> Iterator[Record]:
    """Yield the records of a raw folder in the order of its ledger (`sources` of its manifest).

    Formats by name: text, HTML, JSONL, CSV, TSV, WARC and WET, each also with .gz, .zst, .xz or
    .bz2, and Parquet; see `formats`. What is named .json is read as JSONL where its first line is
    an object. Memory holds one record, or one piece of a text.

    A record of JSONL, CSV or Parquet may bring its own `id`, `licence` (or `license`), `language`
    and `url`. raw_id is the record's id, else its url, else the file's name with the place of the
    record, as ":LINE" or "#PIECE"; no other file changes it. A licence of its own takes the place
    of the source's; one that is no text is "unknown".

    A record that cannot be read is yielded with its fault, a file of another format with
    "unknown_format". Raises InputError for a file that is truncated or damaged, as nobody could
    tell what is missing.
    """
    for unit in work_units(raw, ledger):
        yield from read_unit(raw, unit)


def work_units(raw: Path, ledger: Sequence[Mapping[str, Any]]) -> Iterator[Unit]:
    """The pieces into which reading the folder falls, in order; the records of one after another
    are those of `read_records`.

    Plain text is cut every 16 MiB, plain JSONL about every 4 MiB, Parquet at the next row group; a
    compressed file, CSV and WARC are one unit each. A unit depends on its file's bytes and its row
    only.
    """
    for row in ledger:
        name = str(row["file"])
        made = str(row.get("url", "synthetic:")).startswith("synthetic:")
        if made and name.rsplit("/", 1)[-1] == PLANTED:
            continue
        sizes = _pieces(raw / name)
        whole = len(sizes) == 1
        yield from (Unit(row, None if whole else n, size) for n, size in enumerate(sizes))


def read_unit(raw: Path, unit: Unit) -> Iterator[Record]:
    """The records of one unit."""
    path = raw / str(unit.row["file"])
    for item in _read(path, unit.piece, text_field=str(unit.row.get("text_field", "text"))):
        yield _record(unit.row, item)


def _pieces(path: Path) -> list[int]:
    """The sizes of the pieces in which a file is read."""
    kind, compression = format_of(path.name)
    size = path.stat().st_size
    count = 1
    if compression:
        return [size]
    if kind == "parquet":
        return [span.size for span in row_spans(path)]
    if kind == "text":
        count = text_pieces(path)
    elif kind == "jsonl" or (kind == "json" and holds_lines(path)):
        count = line_spans(path)
    return [-(-size // count)] * count


def _read(path: Path, piece: int | None, *, text_field: str) -> Iterator[Item]:
    kind, compression = format_of(path.name)
    if kind == "text":
        yield from (
            read_pieces(path, compression) if compression else (read_piece(path, piece or 0),)
        )
    elif kind == "html":
        yield read_whole(path, compression, html=True)
    elif kind == "jsonl" or (kind == "json" and holds_lines(path, compression)):
        yield from read_lines(path, text_field=text_field, compression=compression, span=piece)
    elif kind in ("csv", "tsv"):
        mark = "," if kind == "csv" else "\t"
        yield from read_csv(path, text_field=text_field, delimiter=mark, compression=compression)
    elif kind == "parquet":
        yield from read_rows(path, text_field=text_field, span=piece)
    elif kind == "warc":
        yield from read_warc(path, compression)
    else:
        yield Item("", None, fault="unknown_format")


def _record(row: Mapping[str, Any], item: Item) -> Record:
    own = item.fields
    return Record(
        raw_id=_name(own.get("id")) or _name(own.get("url")) or f"{row['file']}{item.place}",
        source=str(row["name"]),
        licence=_licence(own) or str(row["licence"]),
        data=item.data,
        html=item.html,
        fault=item.fault,
        language=_name(own.get("language")) or str(row.get("language", "")),
        charset=item.charset,
    )


def _name(value: object) -> str:
    """A field as a name; "" for what is none. Lone surrogates, as in JSON, have no UTF-8 form."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).encode("utf-8", errors="replace").decode("utf-8").strip()


def _licence(own: Mapping[str, Any]) -> str:
    """The licence a record brings; "" for none, "unknown" for what is no name of one."""
    value = own.get("licence", own.get("license"))
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    name = " ".join(_name(value).split())
    if len(name) > _LONGEST_LICENCE:  # a whole text: nobody could name it in a setting
        return _UNKNOWN
    return name or (_UNKNOWN if value not in (None, "", []) else "")
