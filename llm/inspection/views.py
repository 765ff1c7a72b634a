"""How each kind of artefact is shown: a head with its facts, then its items, as they are read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from llm.files import MANIFEST, read_json
from llm.inspection.artefacts import Artefact
from llm.inspection.clusters import show_clusters
from llm.inspection.rows import count, read

if TYPE_CHECKING:
    from llm.tokens.tokenizer import Tokenizer

_MADE_BY = "the stage that writes it"
_TOKEN_STYLES = ("on dark_green", "on navy_blue")  # neighbours differ, so that borders are seen
_COUNTED = ("reason", "source", "licence", "language", "kind", "label", "family")
_VALUES_SHOWN = 30  # of a counted column
_TOKENS_OF_CHARACTERS = 4  # about four characters a token


@dataclass(frozen=True, kw_only=True)
class View:
    """What to show of an artefact.

    limit: items at most, 0 for all. characters: of each text, 0 for all. only: column → value
    that an item must have. tokenizer: its folder; None for the one beside the shards.
    """

    limit: int = 20
    characters: int = 1_000
    only: Mapping[str, str] = field(default_factory=dict)
    tokenizer: Path | None = None


def view(artefact: Artefact, wanted: View) -> Iterator[RenderableType]:
    """Yield what is shown of an artefact. Raises InputError or ConfigError as its reader does."""
    yield Rule(f"{artefact.path} · {artefact.kind}", align="left")
    if artefact.schema is not None:
        yield from _counts(artefact)
    if artefact.kind == "clusters":
        yield from show_clusters(
            artefact, only=wanted.only, limit=wanted.limit, characters=wanted.characters
        )
    elif artefact.kind == "shards":
        yield from _shards(artefact, wanted)
    elif artefact.schema is not None:
        yield from _rows(artefact, wanted)
    elif artefact.kind == "tokenizer":
        yield from _tokenizer(artefact.path, wanted)
    elif artefact.kind == "weights":
        yield from _weights(artefact.path)
    elif artefact.kind == "json":
        yield _json(read_json(artefact.path, made_by=_MADE_BY))
    elif artefact.kind == "folder":
        yield from _folder(artefact.path)
    else:
        yield from _lines(artefact, wanted)


def _counts(artefact: Artefact) -> Iterator[RenderableType]:
    """How many rows, and how many per reason, source and so on."""
    assert artefact.schema is not None, "a Parquet artefact"
    names = [name for name in _COUNTED if name in artefact.schema.names]
    rows, counts = count(artefact, names)
    files = "1 file" if len(artefact.parts) == 1 else f"{len(artefact.parts):,} files"
    yield Text(f"{rows:,} rows in {files}")
    for name, values in counts.items():
        table = Table(title=f"rows per {name}", title_justify="left")
        table.add_column(name)
        table.add_column("rows", justify="right")
        table.add_column("share", justify="right")
        ranked = sorted(values.items(), key=lambda entry: (-entry[1], entry[0]))
        for value, number in ranked[:_VALUES_SHOWN]:
            table.add_row(Text(value), f"{number:,}", f"{number / rows:.1%}")
        if len(ranked) > _VALUES_SHOWN:
            table.add_row(f"and {len(ranked) - _VALUES_SHOWN:,} more", "", "")
        yield table


def _rows(artefact: Artefact, wanted: View) -> Iterator[RenderableType]:
    """Each row: its columns in one line, its longest texts beneath."""
    for row in islice(read(artefact, only=wanted.only), wanted.limit or None):
        texts = {k: v for k, v in row.items() if isinstance(v, str) and ("\n" in v or len(v) > 60)}
        facts = " · ".join(f"{k} {_short(v)}" for k, v in row.items() if k not in texts)
        yield Text(facts, style="bold cyan")
        for name, text in texts.items():
            if len(texts) > 1:
                yield Text(name, style="bold")
            yield _cut(text, wanted.characters)
        yield Text()


def _shards(artefact: Artefact, wanted: View) -> Iterator[RenderableType]:
    """Each document's token ids as text, every token in a colour of its own."""
    from llm.tokens.tokenizer import load

    place = artefact.path if artefact.path.is_dir() else artefact.path.parent
    tokenizer = load(wanted.tokenizer or place.parent / "tokenizer")
    most = wanted.characters // _TOKENS_OF_CHARACTERS or None
    for row in islice(read(artefact, only=wanted.only), wanted.limit or None):
        token_ids = row.pop("token_ids")
        facts = " · ".join(f"{k} {_short(v)}" for k, v in row.items())
        yield Text(f"{facts} · {len(token_ids):,} tokens", style="bold cyan")
        yield decoded(token_ids[:most], tokenizer)
        yield Text()


def decoded(token_ids: list[int], tokenizer: Tokenizer) -> Text:
    """Token ids as text, neighbours in different colours; bytes that are no UTF-8 escaped."""
    shown = Text()
    for number, token_id in enumerate(token_ids):
        if token_id == tokenizer.end_of_text:
            shown.append("<|endoftext|>", style="bold red")
            continue
        piece = tokenizer.token_bytes(token_id).decode("utf-8", "backslashreplace")
        shown.append(piece, style=_TOKEN_STYLES[number % len(_TOKEN_STYLES)])
    return shown


def _tokenizer(path: Path, wanted: View) -> Iterator[RenderableType]:
    from llm.tokens.tokenizer import load

    tokenizer = load(path)
    yield Text(f"{tokenizer.vocab_size:,} ids, fingerprint {tokenizer.fingerprint}")
    yield Text(f"pattern {tokenizer.pattern}")
    table = Table(title="ids from the first merge on", title_justify="left")
    table.add_column("id", justify="right")
    table.add_column("token")
    for token_id in range(256, min(tokenizer.vocab_size, 256 + (wanted.limit or 10**9))):
        if token_id != tokenizer.end_of_text:
            token = tokenizer.token_bytes(token_id).decode("utf-8", "backslashreplace")
            table.add_row(f"{token_id}", Text(repr(token)))
    yield table


def _weights(path: Path) -> Iterator[RenderableType]:
    from llm.weights.tensors import WEIGHTS, open_tensors

    file = path / WEIGHTS if path.is_dir() else path
    if path.is_dir() and (path / "config.json").is_file():
        yield _json(read_json(path / "config.json", made_by=_MADE_BY))
    table = Table(title="tensors", title_justify="left")
    for name in ("name", "type"):
        table.add_column(name)
    for name in ("shape", "numbers"):
        table.add_column(name, justify="right")
    total = 0
    with open_tensors(file, made_by=_MADE_BY) as tensors:
        for name in sorted(tensors.keys()):
            part = tensors.get_slice(name)
            shape = part.get_shape()
            numbers = 1
            for size in shape:
                numbers *= size
            total += numbers
            table.add_row(name, part.get_dtype(), " × ".join(map(str, shape)), f"{numbers:,}")
    yield table
    yield Text(f"{total:,} numbers in all")


def _folder(path: Path) -> Iterator[RenderableType]:
    manifest = path / MANIFEST
    if manifest.is_file():
        yield _json(read_json(manifest, made_by=_MADE_BY))
        return
    for child in sorted(path.iterdir()):
        yield Text(f"{child.name}/" if child.is_dir() else child.name)


def _lines(artefact: Artefact, wanted: View) -> Iterator[RenderableType]:
    """The first lines of a text; a JSON line with its fields apart."""
    with artefact.path.open(encoding="utf-8", errors="backslashreplace") as stream:
        for line in islice(stream, wanted.limit or None):
            text = line.rstrip("\n")
            if artefact.kind == "lines":
                try:
                    yield _json(json.loads(text))
                    continue
                except ValueError:
                    yield Text("not JSON:", style="bold red")
            yield _cut(text, wanted.characters)


def _json(value: Any) -> RenderableType:
    from rich.json import JSON

    return JSON.from_data(value, ensure_ascii=False)


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]} …"


def _cut(text: str, characters: int) -> Text:
    if not characters or len(text) <= characters:
        return Text(text)
    shown = Text(text[:characters])
    shown.append(f" … {len(text) - characters:,} more characters", style="dim")
    return shown
