"""The contract of token ids: one small fault per expectation, and each is found."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from llm.files import write_manifest, write_parquet
from llm.tokens.shards import token_schema
from llm.validation.tokens import tokens_contract

END = 9
VOCAB = 10
LENGTHS = np.array([1, 2, 3, 5, 1, 1, 1, 1, 1, 0])  # bytes of each token; the last ends a text


def row(n, token_ids=(1, 2, END), **changed):
    return {
        "id": f"{n:032x}",
        "source": "tales",
        "cluster": f"{n:032x}",
        "n_bytes": int(sum(LENGTHS[i] for i in token_ids or () if i < VOCAB)),
        "token_ids": None if token_ids is None else list(token_ids),
    } | changed


GOOD = {"train": [row(1), row(2, (3, END)), row(3)], "validation": [row(4), row(5)]}
ZERO = (
    "train_differences_from_manifest",
    "validation_differences_from_manifest",
    "duplicate_ids",
    "ids_in_two_splits",
    "clusters_in_two_splits",
    "documents_outside_vocabulary",
    "documents_of_other_bytes",
    "missing_ids",
    "missing_clusters",
    "documents_without_end",
    "documents_with_inner_end",
    "empty_documents",
)


@pytest.fixture
def contract_of(tmp_path):
    """Shards of some rows and a manifest that counts them; its counts can be changed."""

    def make(rows=GOOD, **counts):
        manifests = {}
        for split, documents in rows.items():
            schema = pa.schema([field.with_nullable(True) for field in token_schema(VOCAB)])
            table = pa.Table.from_pylist(documents, schema)
            write_parquet(table, tmp_path / split / "part-00000.parquet", row_group_rows=2)
            write_manifest(tmp_path / split)
            manifests[split] = {
                "documents": len(documents),
                "tokens": sum(len(document["token_ids"] or ()) for document in documents),
                "bytes": sum(document["n_bytes"] for document in documents),
                "vocab_size": VOCAB,
            }
        manifests["train"] |= counts
        return tokens_contract(
            {split: tmp_path / split for split in rows},
            token_schema(VOCAB),
            manifests=manifests,
            token_lengths=LENGTHS,
            end_of_text=END,
            minimum_tokens={"train": 5, "validation": 5},
        )

    return make


def test_good_tokens_have_no_fault(contract_of):
    contract = contract_of()
    assert contract.facts["train_tokens"] == 8
    assert contract.facts["validation_documents"] == 2
    assert {name: contract.facts[name] for name in ZERO} == dict.fromkeys(ZERO, 0)
    assert contract.sample.column("tokens").to_pylist() == [3, 2, 3, 3, 3]
    assert {rule.column for rule in contract.fact_rules} <= set(contract.facts)


@pytest.mark.parametrize(
    ("fault", "split", "bad"),
    [
        ("duplicate_ids", "train", row(1)),
        ("ids_in_two_splits", "validation", row(1, cluster="c")),
        ("clusters_in_two_splits", "validation", row(6, cluster=f"{1:032x}")),
        ("documents_outside_vocabulary", "train", row(6, (1, VOCAB, END))),
        ("documents_without_end", "train", row(6, (1, 2))),
        ("documents_without_end", "train", row(6, ())),
        ("documents_with_inner_end", "validation", row(6, (1, END, 2, END))),
        ("empty_documents", "train", row(6, (END,))),
        ("empty_documents", "train", row(6, n_bytes=0)),
        ("empty_documents", "train", row(6, None)),
        ("missing_ids", "train", row(6, id=None)),
        ("missing_clusters", "validation", row(6, cluster="")),
        ("documents_of_other_bytes", "train", row(6, n_bytes=4)),
    ],
)
def test_each_fault_is_counted_named_and_shown(contract_of, fault, split, bad):
    contract = contract_of({**GOOD, split: [*GOOD[split], bad]})
    assert contract.facts[fault] == 1
    assert (
        f"{split}/part-00000.parquet, row {len(GOOD[split]) + 1}" in contract.cases[fault][0].where
    )
    assert contract.sample.num_rows == 6


@pytest.mark.parametrize("fact", ["documents", "tokens", "bytes", "vocab_size"])
def test_counts_other_than_the_manifest_are_found_and_named(contract_of, fact):
    contract = contract_of(**{fact: 7})
    assert contract.facts["train_differences_from_manifest"] == 1
    (case,) = contract.cases["train_differences_from_manifest"]
    assert case.where.endswith("train/manifest.json") and case.found.startswith(f"{fact} 7, ")
