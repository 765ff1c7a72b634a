"""Writes instruction records of many task families, the held-out ones with words of their own."""

from __future__ import annotations

import json
from bisect import bisect_left
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING, TypedDict

from llm.corpus.synthetic.families import WORD_FAMILIES, ContentWords, Family
from llm.corpus.synthetic.sentence_families import SENTENCE_FAMILIES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FAMILIES: tuple[Family, ...] = WORD_FAMILIES + SENTENCE_FAMILIES
RECORDS_PER_SCALE = 20_000
HELD_OUT_FRACTION = 0.06
# Tasks about letters, or that put several words in another order: hard for a small model, so they
# come at a third of the rate of the others, enough to be learned by a larger one.
HARD_FAMILIES = frozenset(
    [
        "bullets",
        "first_letter",
        "follows",
        "join",
        "letter",
        "lookup",
        "odd_one",
        "pattern",
        "remove",
        "repeat",
        "replace",
        "reverse",
        "reverse_lookup",
        "spell",
        "swap",
        "syllogism",
        "upper_case",
    ]
)
_BOUNDS = tuple(accumulate(0.33 if f.name in HARD_FAMILIES else 1.0 for f in FAMILIES))


class Record(TypedDict):
    """One line of instructions.jsonl; `held_out` says that no training record has its words."""

    instruction: str
    input: str
    output: str
    family: str
    held_out: bool


def write_instructions(directory: Path, *, seed: int, scale: float) -> int:
    """Write instructions.jsonl (UTF-8, one record per line) and return the number of records.

    Streams: memory does not grow with `scale`. Record i depends on the seed and i alone.
    """
    directory.mkdir(parents=True, exist_ok=True)
    count = max(1, round(RECORDS_PER_SCALE * scale))
    with (directory / "instructions.jsonl").open("w", encoding="utf-8", newline="\n") as stream:
        for record in records(seed=seed, count=count):
            stream.write(json.dumps(record, ensure_ascii=False) + "\n")
    return count


def records(*, seed: int, count: int) -> Iterator[Record]:
    """Yield the first `count` records of a seed."""
    for index in range(count):
        yield _record(Random(f"instructions/{seed}/{index}"))


def _record(rng: Random) -> Record:
    held_out = rng.random() < HELD_OUT_FRACTION
    family = FAMILIES[bisect_left(_BOUNDS, rng.random() * _BOUNDS[-1])]
    made = family.make(ContentWords(rng, held_out=held_out))
    return {
        "instruction": rng.choice(family.wordings).format(**made.slots),
        "input": made.input,
        "output": made.output,
        "family": family.name,
        "held_out": held_out,
    }
