"""A second run after one new document: it does again only what that document touches."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from benchmarks.corpora import text_corpus
from benchmarks.house import House
from benchmarks.measure import Row, row

MEGABYTES = 140.0
_STAGES = ("clean", "dedupe")
# Sorts before every other file, so that nothing stays where it was.
_NEW_FILE = "added.jsonl"
_NEW_TEXT = (
    "On the morning after the fair the clock of the town hall had stopped, and nobody could say "
    "when. The baker swore that it had struck five while he was lighting his ovens; the postman, "
    "who had passed beneath it at half past four, was as sure that it had been silent. So the "
    "mayor climbed up to see for himself, and found a swallow's nest between the wheels, with four "
    "eggs in it. The clock was left as it was until the autumn, and the town went by the sun."
)


def rows(work: Path, *, megabytes: float = MEGABYTES) -> list[Row]:
    """Two rows over clean and dedupe: seconds of the first and of the second run, and the units of
    work that the second one did again."""
    source, what = text_corpus(work, megabytes)
    house = House(work / "second_run")
    corpus = house.folder / "corpus"
    shutil.copytree(source, corpus)
    house.fill(corpus)
    first = house.run(*_STAGES)
    text = json.dumps({"id": "added", "text": _NEW_TEXT})
    (corpus / _NEW_FILE).write_text(text + "\n", encoding="utf-8")
    house.fill(corpus)
    second = house.run(*_STAGES)
    redone = {stage: units_redone(house.timings(stage)) for stage in _STAGES}
    known = {stage: units for stage, units in redone.items() if units is not None}
    shutil.rmtree(house.folder)
    return [
        row(
            f"second run with one new document, clean + dedupe, {what}",
            unit="s",
            ours=second.seconds,
            peer=first.seconds,
            peer_name="the first run",
            at_least=1.0,
            lower_is_better=True,
        ),
        row(
            f"second run with one new document: units of work done again by {', '.join(known)}",
            unit="units",
            ours=sum(known.values()),
            peer=len(known),
            peer_name="one per stage, that of the new document",
            at_least=1.0,
            lower_is_better=True,
        ),
    ]


def units_redone(timings: Mapping[str, float]) -> int | None:
    """Units of work that a stage did itself, and did not take from its cache; None where it says
    nothing about units."""
    if "units" not in timings:
        return None
    return int(timings["units"] - timings["units_cached"])
