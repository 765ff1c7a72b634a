"""The contract of instruction records: one small fault per expectation, and each is found."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llm.corpus.instructions import INSTRUCTION_SCHEMA
from llm.errors import InputError
from llm.files import write_manifest, write_parquet
from llm.validation.instructions import instructions_contract

SCHEMA = pa.schema([field.with_nullable(True) for field in INSTRUCTION_SCHEMA])


def row(n, **changed):
    return {
        "id": f"i{n}",
        "instruction": "Name the number.",
        "input": f"{n}",
        "output": f"It is {n}.",
        "family": "numbers",
    } | changed


def contract_of(tmp_path, **extra):
    for at, split in enumerate(("train", "validation", "test", "judge")):
        rows = [row(10 * at + n) for n in range(3)] + extra.get(split, [])
        write_parquet(pa.Table.from_pylist(rows, schema=SCHEMA), tmp_path / f"{split}.parquet")
    write_manifest(tmp_path)
    return instructions_contract(tmp_path, minimum_records=10, maximum_prompt_characters=100)


def test_good_records_have_no_fault(tmp_path):
    contract = contract_of(tmp_path)
    assert contract.facts["records"] == 12
    assert not any(n for name, n in contract.facts.items() if not name.endswith("records"))
    assert {rule.column for rule in contract.fact_rules} == set(contract.facts)


@pytest.mark.parametrize(
    ("fault", "split", "bad"),
    [
        ("duplicate_ids", "train", row(1, input="other")),
        ("duplicate_ids", "test", row(1, input="other")),
        ("prompts_in_two_splits", "test", row(90, input="1")),
        ("prompts_in_two_splits", "judge", row(90, input="1")),
        ("missing_ids", "train", row(90, id="")),
        ("empty_instructions", "train", row(90, instruction=" ")),
        ("empty_outputs", "validation", row(90, output="")),
        ("empty_outputs", "validation", row(90, output=None)),
        ("long_prompts", "train", row(90, input="x" * 90)),
    ],
)
def test_each_fault_is_counted_and_shown(tmp_path, fault, split, bad):
    contract = contract_of(tmp_path, **{split: [bad]})
    assert contract.facts[fault] == 1
    assert contract.sample.num_rows == 13


def test_instruction_and_input_are_not_confused(tmp_path):
    contract = contract_of(tmp_path, test=[row(90, instruction="Name the number.1", input="")])
    assert contract.facts["prompts_in_two_splits"] == 0


def test_a_missing_split_is_named(tmp_path):
    contract_of(tmp_path)
    (tmp_path / "judge.parquet").unlink()
    with pytest.raises(InputError, match="prepare_instructions"):
        instructions_contract(tmp_path, minimum_records=1, maximum_prompt_characters=100)
