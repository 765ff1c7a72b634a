"""Labelled messages: read from CSV or tab-separated files, made unique, split by cluster."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pyarrow as pa

from llm.corpus.dedupe.similar import character_shingles, clusters, normalise
from llm.errors import InputError

# id: hash of the text. label: 1 for the positive class. cluster: id of a near-duplicate cluster.
MESSAGE_SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("label", pa.int8(), nullable=False),
        pa.field("cluster", pa.string(), nullable=False),
    ]
)

Format = Literal["csv", "tsv"]
_REMEDY = "mend the file, or change the section prepare_classification of params.yaml"


@dataclass(frozen=True, kw_only=True)
class Message:
    """A text, its class (1 is the positive one) and, once known, its near-duplicate cluster."""

    id: str
    text: str
    label: int
    cluster: str = ""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """How messages stand in a file: its format, its column names and its two class names.

    csv: a header, commas, RFC 4180 quoting. tsv: no header, `label<TAB>text` to the end of the
    line; a quotation mark is an ordinary character (in the SMS Spam Collection, a reader that
    takes it for quoting merges rows).
    """

    format: Format
    text: str
    label: str
    positive: str
    negative: str


def read_messages(paths: Sequence[Path], columns: Columns) -> list[Message]:
    """Read every row of the files, in order. UTF-8.

    Raises InputError naming file and line where a column is missing, a label is unknown, a text
    is empty, or bytes cannot be decoded.
    """
    messages: list[Message] = []
    labels = {columns.negative: 0, columns.positive: 1}
    for path in paths:
        content = _decode(path)
        rows = (
            _csv_rows(path, content, columns)
            if columns.format == "csv"
            else _tsv_rows(path, content)
        )
        for line, label, text in rows:
            if label not in labels:
                raise InputError(
                    "A message has an unknown label.",
                    where=f"{path}, line {line}",
                    found=repr(label),
                    expected=f"{columns.negative!r} or {columns.positive!r}",
                    remedy=_REMEDY,
                )
            if not text.strip():
                raise InputError(
                    "A message has no text.",
                    where=f"{path}, line {line}",
                    found=repr(text),
                    expected="at least one visible character",
                    remedy=_REMEDY,
                )
            messages.append(Message(id=message_id(text), text=text, label=labels[label]))
    return messages


def message_id(text: str) -> str:
    """A hash of the text, case and spacing aside."""
    plain = " ".join(text.casefold().split())
    return hashlib.sha256(plain.encode("utf-8")).hexdigest()[:16]


def unique_messages(messages: Sequence[Message]) -> tuple[list[Message], dict[str, int]]:
    """Keep each text once, ordered by id; drop texts that stand there under both labels.

    Returns the messages and what was dropped: `exact_duplicates`, `conflicting_labels`.
    """
    labels: dict[str, set[int]] = {}
    first: dict[str, Message] = {}
    for message in messages:
        labels.setdefault(message.id, set()).add(message.label)
        first.setdefault(message.id, message)
    conflicting = {name for name, found in labels.items() if len(found) > 1}
    kept = [first[name] for name in sorted(first) if name not in conflicting]
    dropped = {
        "exact_duplicates": len(messages)
        - len(kept)
        - sum(message.id in conflicting for message in messages),
        "conflicting_labels": sum(message.id in conflicting for message in messages),
    }
    return kept, dropped


def with_clusters(messages: Sequence[Message], *, similarity: float) -> list[Message]:
    """Give every message the id of its cluster of near-duplicates: numbers masked, 4-grams."""
    shingles = [character_shingles(normalise(m.text, mask_numbers=True)) for m in messages]
    found = clusters(shingles, similarity=similarity)
    return [
        Message(id=m.id, text=m.text, label=m.label, cluster=messages[first].id)
        for m, first in zip(messages, found, strict=True)
    ]


def split_messages(
    messages: Sequence[Message], *, fractions: dict[str, float], seed: int
) -> dict[str, list[Message]]:
    """Share whole clusters among the splits, so that near-duplicates never stand in two.

    fractions: share of the messages per split, adding up to 1; it holds within each class.
    Large clusters go first; a seeded hash of the cluster chooses its split, and where that split
    has no room left, the one with the most room takes it.
    """
    members: dict[str, list[Message]] = {}
    for message in messages:
        members.setdefault(message.cluster, []).append(message)
    totals = Counter(_majority(group) for group in members.values() for _ in group)
    room = {
        (label, name): fraction * totals[label]
        for label in (0, 1)
        for name, fraction in fractions.items()
    }
    splits: dict[str, list[Message]] = {name: [] for name in fractions}
    draws = {cluster: _draw(cluster, seed) for cluster in members}
    for cluster in sorted(members, key=lambda c: (-len(members[c]), draws[c])):
        group = members[cluster]
        label = _majority(group)
        name = _choose(draws[cluster], fractions)
        if room[label, name] < len(group) - 0.5:
            name = max(fractions, key=lambda other: room[label, other])
        room[label, name] -= len(group)
        splits[name].extend(group)
    return {name: sorted(split, key=lambda m: m.id) for name, split in splits.items()}


def message_table(messages: Sequence[Message]) -> pa.Table:
    """The messages as a table of MESSAGE_SCHEMA."""
    return pa.table(
        {name: [getattr(m, name) for m in messages] for name in MESSAGE_SCHEMA.names},
        schema=MESSAGE_SCHEMA,
    )


def _decode(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(
            "A file of messages is not UTF-8.",
            where=f"{path}, line {line}",
            found=f"byte 0x{content[error.start]:02x}",
            expected="UTF-8 text",
            remedy="convert it: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW",
        ) from error


def _csv_rows(path: Path, content: str, columns: Columns) -> Iterator[tuple[int, str, str]]:
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    header = next(reader, [])
    for wanted in (columns.label, columns.text):
        if header.count(wanted) != 1:
            raise InputError(
                f"A CSV file has no column {wanted!r}."
                if wanted not in header
                else f"A CSV file has the column {wanted!r} more than once.",
                where=f"{path}, line 1",
                found="the columns " + (", ".join(map(repr, header)) or "of an empty file"),
                expected=f"the columns {columns.label!r} and {columns.text!r}",
                remedy=_REMEDY,
            )
    label_at, text_at = header.index(columns.label), header.index(columns.text)
    line = reader.line_num + 1
    try:
        for row in reader:
            if len(row) != len(header) and row:
                raise InputError(
                    "A row of a CSV file has another number of columns than its header.",
                    where=f"{path}, line {line}",
                    found=f"{len(row)} columns",
                    expected=f"{len(header)} columns: {', '.join(header)}",
                    remedy=_REMEDY,
                )
            if row:
                yield line, row[label_at].strip(), row[text_at]
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(
            "A row of a CSV file cannot be read.",
            where=f"{path}, line {line}",
            found=str(error),
            expected="fields with commas or quotation marks quoted (RFC 4180)",
            remedy=_REMEDY,
        ) from error


def _tsv_rows(path: Path, content: str) -> Iterator[tuple[int, str, str]]:
    for line, row in enumerate(content.split("\n"), start=1):  # splitlines() splits at U+0085 too
        row = row.removesuffix("\r")
        if not row:
            continue
        label, tab, text = row.partition("\t")
        if not tab:
            raise InputError(
                "A line has no tab between label and text.",
                where=f"{path}, line {line}",
                found=repr(row[:60]),
                expected="label, tab, text",
                remedy="set prepare_classification.format to csv if the file has a header",
            )
        yield line, label.strip(), text


def _majority(group: Sequence[Message]) -> int:
    return int(2 * sum(message.label for message in group) > len(group))


def _draw(cluster: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed}:{cluster}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def _choose(draw: float, fractions: dict[str, float]) -> str:
    reached = 0.0
    for name, fraction in fractions.items():
        reached += fraction
        if draw < reached:
            return name
    return next(reversed(fractions))
