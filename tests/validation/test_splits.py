"""The contract of splits: one small fault per expectation, and each is found."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llm.corpus.documents import DOCUMENT_SCHEMA, document_id
from llm.errors import InputError
from llm.files import write_manifest, write_parquet
from llm.validation.splits import splits_contract

BOOK = "b" * 32


def document(text, **changed):
    name = document_id(text) if text else "0" * 32
    return {"id": name, "text": text, "source": "tales", "cluster": name, "raw_id": "1"} | changed


GOOD = {
    "train": [
        document("The fox went home."),
        document("The hen laid an egg."),
        document("Chapter one, in which it begins.", cluster=f"{BOOK}#0"),
        document("Chapter three, in which it ends.", cluster=f"{BOOK}#2"),
    ],
    "validation": [
        document("The crow has a cheese."),
        document("Chapter two, in which it goes on.", cluster=f"{BOOK}#1"),
    ],
}


def contract_of(tmp_path, **extra):
    for split, rows in GOOD.items():
        for part, row in enumerate([*rows, *extra.get(split, [])]):
            table = pa.Table.from_pylist([row], schema=DOCUMENT_SCHEMA)
            write_parquet(table, tmp_path / split / f"part-{part:05d}.parquet")
        write_manifest(tmp_path / split)
    return splits_contract(
        {split: tmp_path / split for split in GOOD},
        minimum_fraction={"validation": 0.1},
        maximum_fraction={"validation": 0.4},
    )


def test_good_splits_have_no_fault_though_a_book_stands_on_both_sides(tmp_path):
    contract = contract_of(tmp_path)
    sizes = {split: sum(len(row["text"]) for row in rows) for split, rows in GOOD.items()}
    fraction = round(sizes["validation"] / sum(sizes.values()), 6)
    assert contract.facts == {
        "train_documents": 4,
        "validation_documents": 2,
        "train_fraction": pytest.approx(1 - fraction),
        "validation_fraction": fraction,
        "duplicate_ids": 0,
        "ids_in_two_splits": 0,
        "clusters_in_two_splits": 0,
        "documents_whole_and_in_parts": 0,
        "empty_texts": 0,
        "missing_clusters": 0,
        "ids_of_other_texts": 0,
    }
    rules = {rule.column: rule.arguments for rule in contract.fact_rules}
    assert set(rules) == {*contract.facts} - {"train_fraction"}
    assert rules["validation_fraction"] == {"min_value": 0.1, "max_value": 0.4}
    assert rules["train_documents"] == {"min_value": 1}


@pytest.mark.parametrize(
    ("fault", "split", "bad"),
    [
        ("duplicate_ids", "train", document("The fox went home.")),
        ("ids_in_two_splits", "validation", document("The fox went home.", cluster="c")),
        (
            "ids_in_two_splits",
            "validation",
            document("Chapter one, in which it begins.", cluster=f"{BOOK}#3"),
        ),
        (
            "clusters_in_two_splits",
            "validation",
            document("A", cluster=document_id("The fox went home.")),
        ),
        ("clusters_in_two_splits", "validation", document("A", cluster=f"{BOOK}#2")),
        ("documents_whole_and_in_parts", "validation", document("A", cluster=BOOK)),
        ("documents_whole_and_in_parts", "train", document("A", cluster=BOOK)),
        ("empty_texts", "train", document("  ")),
        ("missing_clusters", "train", document("A", cluster="")),
        ("missing_clusters", "train", document("A", cluster=None)),
        ("ids_of_other_texts", "train", document("A", id="1" * 32)),
        ("ids_of_other_texts", "train", document("A", id=None)),
        ("ids_of_other_texts", "train", document(None)),
    ],
)
def test_each_fault_is_counted_and_shown(tmp_path, fault, split, bad):
    contract = contract_of(tmp_path, **{split: [bad]})
    assert contract.facts[fault] == 1
    place = f"{tmp_path / split}/part-{len(GOOD[split]):05d}.parquet, row 1"
    assert place in contract.cases[fault][0].where
    assert contract.sample.num_rows == 7


def test_an_empty_side_is_measured_and_a_missing_one_named(tmp_path):
    contract_of(tmp_path)
    for path in (tmp_path / "validation").glob("*.parquet"):
        write_parquet(DOCUMENT_SCHEMA.empty_table(), path)
    write_manifest(tmp_path / "validation")
    places = {split: tmp_path / split for split in GOOD}
    contract = splits_contract(places, minimum_fraction={}, maximum_fraction={})
    assert contract.facts["validation_documents"] == 0
    assert contract.facts["validation_fraction"] == 0.0
    with pytest.raises(InputError, match="dvc repro split"):
        splits_contract({"train": tmp_path / "none"}, minimum_fraction={}, maximum_fraction={})
