"""How files and folders are shown that are no tables: lines, JSON, weights, what a folder holds."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from llm.corpus.reading.formats import format_of, open_stream
from llm.corpus.reading.warc import read_warc
from llm.files import MANIFEST, read_json
from llm.inspection.artefacts import MADE_BY, Artefact
from llm.inspection.plain import cut, plain, short, written_out

_PIECE_BYTES = 1 << 20  # of a line, read at once; a longer one is not kept whole
_SOURCE = ("name", "file", "bytes", "licence", "language", "url")  # of a ledger, shown


def show_lines(artefact: Artefact, *, characters: int) -> Iterator[RenderableType]:
    """The lines of a text, decompressed; a JSON line with its fields apart; a record of a WARC."""
    kind, compression = format_of(artefact.path.name)
    if kind == "warc":
        for item in read_warc(artefact.path, compression):
            data = item.data if item.data is not None else f"cannot be read: {item.fault}"
            text = data if isinstance(data, str) else data.decode("utf-8", "backslashreplace")
            shown = plain(f"{item.place} {item.fields.get('url', '')}".strip(), style="bold cyan")
            yield shown.append("\n").append_text(cut(text, characters)).append("\n")
        return
    with open_stream(artefact.path, compression) as stream:
        while line := stream.readline(_PIECE_BYTES):
            rest = 0 if line.endswith(b"\n") else _skip(stream)
            text = line.rstrip(b"\n").decode("utf-8", "backslashreplace")
            yield _line(text, rest, is_json=artefact.kind == "lines", characters=characters)


def _skip(stream: IO[bytes]) -> int:
    """The bytes up to the end of a line that is too long to be kept."""
    skipped = 0
    while piece := stream.readline(_PIECE_BYTES):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break
    return skipped


def _line(text: str, rest: int, *, is_json: bool, characters: int) -> RenderableType:
    shown = Text()
    if is_json and not rest:
        try:
            return as_json(_shortened(json.loads(text), characters))
        except (ValueError, RecursionError):
            shown.append("not JSON: ", style="bold red")
    shown.append_text(cut(text, characters))
    return shown.append(f" … and {rest:,} more bytes", style="dim") if rest else shown


def _shortened(value: Any, characters: int) -> Any:
    """A JSON value whose texts have so many characters at most, 0 for all."""
    if isinstance(value, dict):
        return {name: _shortened(one, characters) for name, one in value.items()}
    if isinstance(value, list):
        return [_shortened(one, characters) for one in value]
    return cut(value, characters).plain if isinstance(value, str) else value


def as_json(value: Any) -> RenderableType:
    """A JSON value, indented and coloured."""
    from rich.json import JSON

    shown = JSON.from_data(value, ensure_ascii=False)
    return (
        shown
        if shown.text.plain == written_out(shown.text.plain)
        else JSON.from_data(value, ensure_ascii=True)
    )


def show_folder(path: Path, *, limit: int) -> Iterator[RenderableType]:
    """What a folder's manifest says of it, or what stands in it; so many files at most."""
    if (path / MANIFEST).is_file():
        manifest = read_json(path / MANIFEST, made_by=MADE_BY)
        if isinstance(manifest, dict) and isinstance(manifest.get("files"), dict):
            yield from _manifest(manifest, limit)
            return
    rows = [[_name(child), _size(child)] for child in sorted(path.iterdir())]
    yield from _table(("name", "bytes"), rows, limit) if rows else [Text("(empty)", style="dim")]


def _manifest(manifest: dict[str, Any], limit: int) -> Iterator[RenderableType]:
    """A raw folder's ledger, or the files of any other, and what else the manifest says."""
    sources = manifest.get("sources")
    if isinstance(sources, list) and all(isinstance(row, dict) for row in sources):
        rows = [[_cell(row.get(name)) for name in _SOURCE] for row in sources]
        yield from _table(_SOURCE, rows, limit)
    else:
        files = manifest["files"].items()
        rows = [
            [name, *(_cell(facts.get(key)) for key in ("bytes", "sha256"))] for name, facts in files
        ]
        yield from _table(("file", "bytes", "sha256"), rows, limit)
    others = {k: v for k, v in manifest.items() if k not in ("files", "sources")}
    if others:
        yield as_json(others)


def _table(names: tuple[str, ...], rows: list[list[str]], limit: int) -> Iterator[RenderableType]:
    table = Table()
    for name in names:
        right = name == "bytes"
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in islice(rows, limit or None):
        table.add_row(*map(plain, row))
    yield table
    if limit and len(rows) > limit:
        yield Text(f"and {len(rows) - limit:,} more: --limit 0 shows all", style="dim")


def _cell(value: object) -> str:
    return f"{value:,}" if type(value) is int else short(value)


def _name(path: Path) -> str:
    return f"{path.name}/" if path.is_dir() else path.name


def _size(path: Path) -> str:
    return f"{path.stat().st_size:,}" if path.is_file() else ""


def show_weights(path: Path) -> Iterator[RenderableType]:
    """The tensors of a safetensors file, or of a folder with one and its settings."""
    from llm.weights.tensors import WEIGHTS, open_tensors

    file = path / WEIGHTS if path.is_dir() else path
    if path.is_dir() and (path / "config.json").is_file():
        yield as_json(read_json(path / "config.json", made_by=MADE_BY))
    table = Table(title="tensors", title_justify="left")
    for name in ("name", "type"):
        table.add_column(name)
    for name in ("shape", "numbers"):
        table.add_column(name, justify="right")
    total = 0
    with open_tensors(file, made_by=MADE_BY) as tensors:
        for name in sorted(tensors.keys()):
            part = tensors.get_slice(name)
            shape = part.get_shape()
            numbers = math.prod(shape)
            total += numbers
            table.add_row(
                plain(name), part.get_dtype(), " × ".join(map(str, shape)), f"{numbers:,}"
            )
    yield table
    yield Text(f"{total:,} numbers in all")
