"""Instruction records: what is read, what is refused, and that no prompt is in two splits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llm.corpus.instructions import (
    INSTRUCTION_SCHEMA,
    Instruction,
    instruction_table,
    read_instructions,
    split_instructions,
    unique_instructions,
)
from llm.errors import InputError

RECORD = {"instruction": "Name a colour.", "input": "", "output": "Red."}


def _read(folder: Path, value: Any, name: str = "records.json") -> list[Instruction]:
    path = folder / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return read_instructions([path])


def _records(count: int, *, held_out: int | None = None) -> list[Instruction]:
    return [
        Instruction(
            id=f"{number:04d}",
            instruction=f"Say the word number{number} backwards",
            input=f"thing{number} of place{number}",
            output="x",
            held_out=None if held_out is None else number < held_out,
        )
        for number in range(count)
    ]


def test_a_json_list_and_json_lines_read_alike(tmp_path: Path) -> None:
    other = {"instruction": "Split\u2028here", "output": "Yes", "family": "odd", "held_out": True}
    listed = _read(tmp_path, [RECORD, other])
    lines = "\n".join(json.dumps(record, ensure_ascii=False) for record in (RECORD, other))
    assert _read(tmp_path, f"{lines}\n\n", "records.jsonl") == listed
    assert (listed[0].family, listed[0].held_out, listed[1].input) == ("", None, "")
    assert (listed[1].family, listed[1].held_out) == ("odd", True)


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        ([RECORD, {"instruction": "a"}], "r.json", "record 2"),
        ([{"prompt": "a", "response": "b"}], "r.json", "prompt, response"),
        ([{**RECORD, "output": 5}], "r.json", "'output': 5"),
        ([{**RECORD, "output": "  "}], "r.json", "some text in 'output'"),
        ([{**RECORD, "input": ["a"]}], "r.json", "'input'"),
        ([{**RECORD, "held_out": "yes"}], "r.json", "'held_out'"),
        (["text"], "r.json", "an object"),
        ({"instruction": "a"}, "r.json", "a JSON list"),
        ("[{", "r.json", "valid JSON"),
        (json.dumps(RECORD) + "\n{broken\n", "r.jsonl", "line 2"),
    ],
)
def test_a_bad_record_is_named(tmp_path: Path, value: Any, name: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        _read(tmp_path, value, name)
    assert expected in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_duplicate_prompts_are_dropped_and_the_held_out_one_stays() -> None:
    def record(name: str, text: str, **more: Any) -> Instruction:
        return Instruction(id=name, instruction=text, input="", output="x", **more)

    long = "Write in the passive how an old miller and his two stubborn donkeys went to the fair"
    kept, dropped = unique_instructions(
        [
            record("a", "Name a colour."),
            record("b", "name a  COLOUR"),
            record("c", f"{long} today", held_out=False),
            record("d", f"{long} again", held_out=True),
            record("e", "Is 5 more than 3?"),
            record("f", "Is 3 more than 5?"),
        ],
        similarity=0.8,
    )
    assert [r.id for r in kept] == ["a", "d", "e", "f"]
    assert dropped == {"exact_duplicates": 1, "near_duplicates": 1}


def test_held_out_records_are_the_test() -> None:
    splits = split_instructions(
        _records(100, held_out=10),
        test_fraction=0.5,
        validation_fraction=0.1,
        judge_fraction=0.3,
        seed=1,
    )
    assert {r.id for r in splits["test"]} == {f"{number:04d}" for number in range(10)}
    assert {name: len(split) for name, split in splits.items()} == {
        "train": 57,
        "validation": 9,
        "test": 10,
        "judge": 24,
    }


def test_without_held_out_records_a_seeded_hash_splits() -> None:
    def split(records: list[Instruction], seed: int) -> dict[str, list[Instruction]]:
        return split_instructions(
            records, test_fraction=0.1, validation_fraction=0.1, judge_fraction=0.3, seed=seed
        )

    records = _records(100)
    splits = split(records, 1)
    names = [r.id for part in splits.values() for r in part]
    assert sorted(names) == sorted(r.id for r in records)
    assert len(splits["test"]) == 10
    assert split(records[::-1], 1) == splits
    assert split(records, 2) != splits


def test_the_table_has_the_schema() -> None:
    assert instruction_table(_records(3)).schema.equals(INSTRUCTION_SCHEMA)
