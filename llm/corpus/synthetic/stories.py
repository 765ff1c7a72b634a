"""Writes the synthetic corpus: stories in JSONL and text files, and what was planted in them."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, NamedTuple

from llm.corpus.synthetic.compose import compose
from llm.corpus.synthetic.dirt import (
    CLEAN,
    EXPECTED,
    PLANTERS,
    near_duplicate,
    original_of,
    planned,
    similarity,
    typographic,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

PLANTED = "planted.jsonl"
DOCUMENTS_PER_SCALE = 6000
_FILE_BYTES = 2 * 2**20
_ENCODINGS = ("latin-1", "utf-16", "utf-8-sig", "cp1252")


class Raw(NamedTuple):
    """One raw document. `truth` is its line of planted.jsonl; `encoding` asks for a text file.

    truth: id; planted (a kind of dirt.RATES, or "clean"); expected (keep, repair, merge, drop);
    of (the id of a duplicate's original, else null); marks (the exact strings planted, or for
    another language its code); similarity for near duplicates, encoding for text files.
    """

    text: str
    truth: dict[str, Any]
    encoding: str | None


def write_stories(directory: Path, *, seed: int, scale: float) -> None:
    """Write stories-00000.jsonl and so on, a few .txt files in other encodings, planted.jsonl.

    scale 1 is about 8 MB. One document is in memory at a time, and files stay near 2 MiB, so
    any scale runs in the same memory. Equal seed and scale give equal bytes.
    """
    directory.mkdir(parents=True, exist_ok=True)
    count = max(1, round(DOCUMENTS_PER_SCALE * scale))
    number, written = 0, 0
    with (directory / PLANTED).open("wb") as planted:
        stories = (directory / "stories-00000.jsonl").open("wb")
        try:
            for raw in raw_documents(seed=seed, count=count):
                planted.write(_line(raw.truth))
                if raw.encoding:
                    (directory / raw.truth["id"]).write_bytes(raw.text.encode(raw.encoding))
                    continue
                if written > _FILE_BYTES:
                    stories.close()
                    number, written = number + 1, 0
                    stories = (directory / f"stories-{number:05d}.jsonl").open("wb")
                written += stories.write(_line({"id": raw.truth["id"], "text": raw.text}))
        finally:
            stories.close()


def raw_documents(*, seed: int, count: int) -> Iterator[Raw]:
    """Yield the first `count` documents of a seed. Document i depends on the seed and i alone."""
    for index in range(count):
        yield _raw(seed, index)


def _raw(seed: int, index: int) -> Raw:
    rng = random.Random(f"dirt/{seed}/{index}")
    kind = planned(seed, index)
    original = original_of(seed, index, rng) if kind.endswith("duplicate") else None
    if kind.endswith("duplicate") and original is None:
        kind = CLEAN
    text = compose(seed, index if original is None else original).text
    truth: dict[str, Any] = {
        "id": _identity(index),
        "planted": kind,
        "expected": EXPECTED[kind],
        "of": None if original is None else _identity(original),
        "marks": [],
    }
    encoding = None
    if kind == "near_duplicate":
        changed = near_duplicate(text, rng).text
        truth["similarity"] = round(similarity(text, changed), 4)
        text = changed
    elif kind in PLANTERS:
        text, marks = PLANTERS[kind](text, rng)
        truth["marks"] = list(marks)
    if kind == "encoding":
        encoding = rng.choice(_ENCODINGS)
        if encoding == "cp1252":  # the marks that tell it from Latin-1
            text = typographic(text)
        truth |= {"id": f"{truth['id']}.txt", "encoding": encoding}
    return Raw(text, truth, encoding)


def _identity(index: int) -> str:
    return f"story-{index:08d}"


def _line(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8")
