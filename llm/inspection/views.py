"""How each kind of artefact is shown: a head with its facts, then its items, as they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from llm.errors import ConfigError
from llm.files import read_json
from llm.inspection.artefacts import MADE_BY, Artefact
from llm.inspection.clusters import show_clusters
from llm.inspection.contents import as_json, show_folder, show_lines, show_weights
from llm.inspection.plain import cut, plain, short, written_out
from llm.inspection.rows import count, read

if TYPE_CHECKING:
    from llm.tokens.tokenizer import Tokenizer

_TOKEN_STYLES = ("on dark_green", "on navy_blue")  # neighbours differ, so that borders are seen
_COUNTED = ("reason", "source", "licence", "language", "kind", "label", "family")
_TEXTS = ("text", "instruction", "input", "output", "response", "reference", "prompt")
_LONGEST_FACT = 60  # characters; a longer value stands beneath
_VALUES_SHOWN = 30  # of a counted column
_TOKENS_OF_CHARACTERS = 4  # about four characters a token


@dataclass(frozen=True, kw_only=True)
class View:
    """What to show of an artefact.

    limit: items at most, 0 for all. start: number of the first, from 1. characters: of each text,
    0 for all. only: column → value that an item must have. tokenizer: its folder; None for the one
    beside the shards.
    """

    limit: int = 20
    characters: int = 1_000
    start: int = 1
    only: Mapping[str, str] = field(default_factory=dict)
    tokenizer: Path | None = None


def view(artefact: Artefact, wanted: View) -> Iterator[RenderableType]:
    """Yield what is shown of an artefact. Raises InputError or ConfigError as its reader does."""
    yield Rule(plain(f"{artefact.path} · {artefact.kind}"), align="left")
    if artefact.schema is not None:
        yield from _counts(artefact)
    if artefact.kind == "clusters":
        yield from show_clusters(
            artefact, only=wanted.only, limit=wanted.limit, characters=wanted.characters
        )
    elif artefact.kind == "tokenizer":
        yield from _tokenizer(artefact.path, wanted)
    elif artefact.kind == "weights":
        yield from show_weights(artefact.path)
    elif artefact.kind == "json":
        yield as_json(read_json(artefact.path, made_by=MADE_BY))
    elif artefact.kind == "folder":
        yield from show_folder(artefact.path, limit=wanted.limit)
    else:
        yield from _items(artefact, wanted)


def _items(artefact: Artefact, wanted: View) -> Iterator[RenderableType]:
    """The items of an artefact from the first wanted one on, and what follows them, in words."""
    if artefact.kind == "shards":
        items = _shards(artefact, wanted)
    elif artefact.schema is not None:
        items = _rows(artefact, wanted)
    elif wanted.only:
        raise ConfigError(
            "Lines have no columns to choose by.",
            where=artefact.path,
            found=f"--only {' '.join(f'{name}={value}' for name, value in wanted.only.items())}",
            expected="an artefact of Parquet files",
            remedy="leave --only away",
        )
    else:
        items = show_lines(artefact, characters=wanted.characters)
    start = wanted.start - 1
    items = islice(items, start, None)
    shown = 0
    for item in islice(items, wanted.limit or None):
        shown += 1
        yield item
    if not shown:
        yield Text("no item to show: all were left out by --only or --from", style="dim")
    elif next(items, None) is not None:
        yield Text(
            f"more follow: --from {start + shown + 1} goes on, --limit 0 shows all", style="dim"
        )


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
            table.add_row(plain(value), f"{number:,}", f"{number / rows:.1%}")
        if len(ranked) > _VALUES_SHOWN:
            table.add_row(f"and {len(ranked) - _VALUES_SHOWN:,} more", "", "")
        yield table


def _rows(artefact: Artefact, wanted: View) -> Iterator[RenderableType]:
    """Each row: its columns in one line, its texts beneath."""
    for row in read(artefact, only=wanted.only):
        texts = {k: v for k, v in row.items() if isinstance(v, str) and _is_text(k, v)}
        facts = " · ".join(f"{k} {short(v)}" for k, v in row.items() if k not in texts)
        shown = plain(facts, style="bold cyan")
        for name, text in texts.items():
            shown.append(f"\n{name}:" if len(texts) > 1 else "", style="bold")
            shown.append("\n").append_text(cut(text, wanted.characters))
        yield shown.append("\n")


def _is_text(name: str, value: str) -> bool:
    return name in _TEXTS or "\n" in value or len(value) > _LONGEST_FACT


def _shards(artefact: Artefact, wanted: View) -> Iterator[RenderableType]:
    """Each document's token ids as text, every token in a colour of its own."""
    from llm.tokens.tokenizer import load

    place = artefact.path if artefact.path.is_dir() else artefact.path.parent
    tokenizer = load(wanted.tokenizer or place.parent / "tokenizer")
    most = wanted.characters // _TOKENS_OF_CHARACTERS or None
    for row in read(artefact, only=wanted.only):
        token_ids = row.pop("token_ids")
        facts = " · ".join(f"{k} {short(v)}" for k, v in row.items())
        shown = plain(f"{facts} · {len(token_ids):,} tokens\n", style="bold cyan")
        shown.append_text(decoded(token_ids[:most], tokenizer))
        if most and len(token_ids) > most:
            shown.append(f" … {len(token_ids) - most:,} more tokens", style="dim")
        yield shown.append("\n")


def decoded(token_ids: list[int], tokenizer: Tokenizer) -> Text:
    """Token ids as text, neighbours in different colours.

    Escaped: bytes that are no UTF-8, control characters, ids that the tokenizer does not have.
    """
    shown = Text()
    for number, token_id in enumerate(token_ids):
        if token_id == tokenizer.end_of_text:
            shown.append("<|endoftext|>", style="bold red")
        elif token_id >= tokenizer.vocab_size:
            shown.append(f"<|{token_id}: no such id|>", style="bold red")
        else:
            piece = tokenizer.token_bytes(token_id).decode("utf-8", "backslashreplace")
            shown.append(written_out(piece), style=_TOKEN_STYLES[number % len(_TOKEN_STYLES)])
    return shown


def _tokenizer(path: Path, wanted: View) -> Iterator[RenderableType]:
    from llm.tokens.tokenizer import load

    tokenizer = load(path)
    yield Text(f"{tokenizer.vocab_size:,} ids, fingerprint {tokenizer.fingerprint}")
    yield plain(f"pattern {tokenizer.pattern}")
    table = Table(title="ids from the first merge on", title_justify="left", min_width=32)
    table.add_column("id", justify="right")
    table.add_column("token")
    for token_id in range(256, min(tokenizer.vocab_size, 256 + (wanted.limit or 10**9))):
        if token_id != tokenizer.end_of_text:
            token = tokenizer.token_bytes(token_id).decode("utf-8", "backslashreplace")
            table.add_row(f"{token_id}", plain(repr(token)))
    yield table
