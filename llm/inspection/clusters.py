"""Clusters of duplicates side by side: what was kept, what was dropped, and where they differ."""

from __future__ import annotations

import difflib
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from llm.errors import InputError
from llm.inspection.artefacts import Artefact, recognise
from llm.inspection.plain import plain, written_out
from llm.inspection.rows import read

_NARROWEST = 30  # characters of a column, so that words fit
_WORD = re.compile(r"\s+|\S+")
_DIFFERENT = "bold red"


def show_clusters(
    artefact: Artefact, *, only: Mapping[str, str], limit: int, characters: int
) -> Iterator[RenderableType]:
    """Yield the clusters of several documents, the largest first, each as a table.

    artefact: rows of id, raw_id, source, cluster, kept. The texts are looked up in the folder
    `clean` beside it. Raises InputError where that is missing.
    """
    sizes = Counter(row["cluster"] for row in read(artefact, only=only, columns=["cluster"]))
    several = [(name, size) for name, size in sizes.items() if size > 1]
    several.sort(key=lambda entry: (-entry[1], entry[0]))
    chosen = several[: limit or None]
    noun = "cluster" if len(several) == 1 else "clusters"
    yield Text(f"{len(several):,} {noun} of several documents; the largest first")
    members: dict[str, list[dict[str, Any]]] = {name: [] for name, _ in chosen}
    for row in read(artefact, only={}):
        if row["cluster"] in members:
            members[row["cluster"]].append(row)
    texts = _texts(artefact, {row["id"] for rows in members.values() for row in rows})
    for name, size in chosen:
        rows = sorted(members[name], key=lambda row: (not row["kept"], row["id"], row["raw_id"]))
        beside = max(2, shutil.get_terminal_size().columns // _NARROWEST)
        yield _table(name, size, rows[:beside], texts, characters)
    if limit and len(several) > limit:
        yield Text(f"and {len(several) - limit:,} more: --limit 0 shows all", style="dim")


def _texts(artefact: Artefact, wanted: set[str]) -> dict[str, str]:
    place = artefact.path if artefact.path.is_dir() else artefact.path.parent
    clean = place.parent / "clean"
    if not clean.is_dir():
        raise InputError(
            "The texts of the clusters are not there.",
            where=clean,
            expected="the folder of cleaned documents, beside that of the clusters",
            remedy="run the earlier stage: dvc repro clean",
        )
    return {
        row["id"]: row["text"]
        for row in read(recognise(clean), only={}, columns=["id", "text"])
        if row["id"] in wanted
    }


def _table(
    name: str, size: int, rows: list[dict[str, Any]], texts: Mapping[str, str], characters: int
) -> Table:
    title = f"cluster {name}: {size:,} documents"
    if size > len(rows):
        title += f", {len(rows)} of them here"
    table = Table(title=plain(title), title_justify="left", expand=True)
    first = texts.get(rows[0]["id"], "")[: characters or None]
    cells = []
    for row in rows:
        state = "kept" if row["kept"] else "dropped"
        head = plain(f"{state} · {row['source']} · {row['raw_id']}")
        head.stylize("bold green" if row["kept"] else "bold yellow")
        table.add_column(head, ratio=1, overflow="fold")
        cells.append(differences(first, texts.get(row["id"], "")[: characters or None]))
    table.add_row(*cells)
    return table


def differences(reference: str, text: str) -> Text:
    """`text`, with the words marked that stand at no matching place of `reference`."""
    one, two = _WORD.findall(reference), _WORD.findall(text)
    shown = Text()
    for kind, _, _, start, stop in difflib.SequenceMatcher(None, one, two, False).get_opcodes():
        piece = written_out("".join(two[start:stop]))
        shown.append(piece, style=None if kind == "equal" else _DIFFERENT)
    return shown
