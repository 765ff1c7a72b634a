"""The contract of labelled messages: one small fault per expectation, and each is found."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llm.corpus.messages import MESSAGE_SCHEMA
from llm.errors import InputError
from llm.files import write_manifest, write_parquet
from llm.validation.messages import messages_contract

SCHEMA = pa.schema([field.with_nullable(True) for field in MESSAGE_SCHEMA])


def row(n, label=0, **changed):
    return {"id": f"m{n}", "text": f"message {n}", "label": label, "cluster": f"m{n}"} | changed


def contract_of(tmp_path, **extra):
    for at, split in enumerate(("train", "validation", "test")):
        rows = [row(10 * at + n, label=n % 2) for n in range(4)] + extra.get(split, [])
        write_parquet(pa.Table.from_pylist(rows, schema=SCHEMA), tmp_path / f"{split}.parquet")
    write_manifest(tmp_path)
    return messages_contract(
        tmp_path, minimum_rows=10, minimum_positive_fraction=0.1, maximum_positive_fraction=0.6
    )


def test_good_messages_have_no_fault(tmp_path):
    contract = contract_of(tmp_path)
    assert contract.facts["rows"] == 12
    assert contract.facts["test_positive_fraction"] == 0.5
    assert not any(
        n for name, n in contract.facts.items() if "rows" not in name and "pos" not in name
    )
    assert {rule.column for rule in contract.fact_rules} == set(contract.facts)


@pytest.mark.parametrize(
    ("fault", "split", "bad"),
    [
        ("duplicate_ids", "train", row(1)),
        ("ids_in_two_splits", "test", row(1, cluster="c")),
        ("clusters_in_two_splits", "test", row(90, cluster="m1")),
        ("missing_ids", "train", row(90, id=None)),
        ("empty_texts", "train", row(90, text=" \n")),
        ("unknown_labels", "train", row(90, label=2)),
        ("unknown_labels", "train", row(90, label=None)),
        ("missing_clusters", "validation", row(90, cluster="")),
    ],
)
def test_each_fault_is_counted_and_shown(tmp_path, fault, split, bad):
    contract = contract_of(tmp_path, **{split: [bad]})
    assert contract.facts[fault] == 1
    assert contract.sample.num_rows == 13


def test_a_missing_split_is_named(tmp_path):
    contract_of(tmp_path)
    (tmp_path / "test.parquet").unlink()
    with pytest.raises(InputError, match="prepare_classification"):
        messages_contract(
            tmp_path, minimum_rows=1, minimum_positive_fraction=0, maximum_positive_fraction=1
        )
