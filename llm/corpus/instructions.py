"""Instruction records: read from JSON or JSON Lines, freed of near-duplicates, split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from llm.corpus.dedupe.similar import clusters, normalise, word_pairs
from llm.errors import InputError
from llm.files import open_parquet

# id: hash of instruction and input. family: kind of task, "" where unknown.
INSTRUCTION_SCHEMA = pa.schema(
    [
        pa.field(name, pa.string(), nullable=False)
        for name in ("id", "instruction", "input", "output", "family")
    ]
)


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """What is asked, on what input ("" for none), and the reference response.

    held_out: the record is meant for the test; None where the data does not say.
    """

    id: str
    instruction: str
    input: str
    output: str
    family: str = ""
    held_out: bool | None = None


def read_instructions(paths: Sequence[Path]) -> list[Instruction]:
    """Read every record of the files, in order: a JSON list, or JSON Lines (suffix .jsonl).

    A record needs the texts `instruction` and `output`; `input`, `family` and `held_out` may be
    missing, and further keys are ignored. Raises InputError naming file and record.
    """
    return [
        _record(value, where=f"{path}, record {number}")
        for path in paths
        for number, value in enumerate(_values(path), start=1)
    ]


def unique_instructions(
    records: Sequence[Instruction], *, similarity: float
) -> tuple[list[Instruction], dict[str, int]]:
    """Keep one record per group of near-duplicate prompts (instruction and input), ordered by id.

    A held-out record is kept before any other, so that nothing like it stays in training.
    Returns the records and what was dropped: `exact_duplicates` (case, punctuation and spacing
    aside), `near_duplicates` (Jaccard similarity of word pairs, numbers and word order told apart).
    """
    ordered = sorted(records, key=lambda r: (not r.held_out, r.id, r.output))
    first: dict[str, Instruction] = {}
    for record in ordered:
        first.setdefault(_prompt(record), record)
    distinct = list(first.values())
    found = clusters([word_pairs(prompt) for prompt in first], similarity=similarity)
    kept = [record for at, record in enumerate(distinct) if found[at] == at]
    dropped = {
        "exact_duplicates": len(records) - len(distinct),
        "near_duplicates": len(distinct) - len(kept),
    }
    return sorted(kept, key=lambda r: r.id), dropped


def split_instructions(
    records: Sequence[Instruction],
    *,
    test_fraction: float,
    validation_fraction: float,
    judge_fraction: float,
    seed: int,
) -> dict[str, list[Instruction]]:
    """Share the records among test, validation, judge and train; each list is ordered by id.

    Where records say which are held out, those are the test; otherwise a seeded hash chooses.
    validation_fraction: of what the test leaves. judge_fraction: of what both leave.
    """
    order = sorted(records, key=lambda r: hashlib.sha256(f"{seed}:{r.id}".encode()).digest())
    if any(record.held_out for record in order):
        test = [record for record in order if record.held_out]
        rest = [record for record in order if not record.held_out]
    else:
        count = round(test_fraction * len(order))
        test, rest = order[:count], order[count:]
    validation_count = round(validation_fraction * len(rest))
    judge_count = round(judge_fraction * (len(rest) - validation_count))
    splits = {
        "train": rest[validation_count + judge_count :],
        "validation": rest[:validation_count],
        "test": test,
        "judge": rest[validation_count : validation_count + judge_count],
    }
    return {name: sorted(split, key=lambda r: r.id) for name, split in splits.items()}


def instruction_table(records: Sequence[Instruction]) -> pa.Table:
    """The records as a table of INSTRUCTION_SCHEMA."""
    return pa.table(
        {name: [getattr(r, name) for r in records] for name in INSTRUCTION_SCHEMA.names},
        schema=INSTRUCTION_SCHEMA,
    )


def read_records(folder: Path, split: str) -> list[dict[str, Any]]:
    """The rows of one split of the instruction records, in the order of their ids."""
    parquet = open_parquet(
        folder / f"{split}.parquet", schema=INSTRUCTION_SCHEMA, made_by="prepare_instructions"
    )
    rows: list[dict[str, Any]] = parquet.read().to_pylist()
    return rows


def _prompt(record: Instruction) -> str:
    return normalise(f"{record.instruction} {record.input}")


def _values(path: Path) -> Iterator[Any]:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"byte 0x{error.object[error.start]:02x}", "UTF-8 text") from error
    if path.suffix == ".jsonl":
        # Only "\n" ends a record: splitlines() would split at U+2028 inside a text.
        for line, text in enumerate(content.split("\n"), start=1):
            if text.strip():
                yield _parse(text, where=f"{path}, line {line}")
        return
    values = _parse(content, where=str(path))
    if not isinstance(values, list):
        raise _unreadable(path, f"a JSON {type(values).__name__}", "a JSON list of records")
    yield from values


def _parse(text: str, *, where: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _unreadable(where, str(error), "valid JSON") from error


def _unreadable(where: object, found: str, expected: str) -> InputError:
    return InputError(
        "A file of instructions cannot be read.",
        where=where,
        found=found,
        expected=expected,
        remedy="mend the file; JSON Lines need the suffix .jsonl",
    )


def _record(value: Any, *, where: str) -> Instruction:
    if not isinstance(value, dict):
        raise _wrong(where, f"a {type(value).__name__}", "an object")
    found: dict[str, str] = {}
    for key in ("instruction", "output", "input", "family"):
        needed = key in ("instruction", "output")
        if needed and key not in value:
            raise _wrong(where, f"the keys {', '.join(value) or '(none)'}", f"the key {key!r}")
        text = value.get(key)
        if text is None and not needed:
            text = ""
        if not isinstance(text, str) or (needed and not text.strip()):
            raise _wrong(where, f"{key!r}: {text!r}", f"some text in {key!r}")
        found[key] = text.strip()
    held_out = value.get("held_out")
    if held_out is not None and not isinstance(held_out, bool):
        raise _wrong(where, f"'held_out': {held_out!r}", "true or false in 'held_out'")
    name = hashlib.sha256(f"{found['instruction']}\0{found['input']}".encode()).hexdigest()[:16]
    return Instruction(id=name, held_out=held_out, **found)


def _wrong(where: str, found: str, expected: str) -> InputError:
    return InputError(
        "An instruction record is not what it should be.",
        where=where,
        found=found,
        expected=expected,
        remedy='write {"instruction": …, "input": … or "", "output": …} per record',
    )
