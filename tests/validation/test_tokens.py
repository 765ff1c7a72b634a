"""The contract of token ids: one small fault per expectation, and each is found."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llm.tokens.shards import token_schema
from llm.validation.tokens import tokens_contract

END = 9
VOCAB = 10


def row(n, token_ids=(1, 2, END), **changed):
    return {
        "id": f"{n:032x}",
        "source": "tales",
        "cluster": f"{n:032x}",
        "n_bytes": 5,
        "token_ids": list(token_ids),
    } | changed


GOOD = {"train": [row(1), row(2, (3, END)), row(3)], "validation": [row(4), row(5)]}
ZERO = (
    "train_differences_from_manifest",
    "validation_differences_from_manifest",
    "duplicate_ids",
    "ids_in_two_splits",
    "clusters_in_two_splits",
    "documents_outside_vocabulary",
    "documents_without_end",
    "documents_with_inner_end",
    "empty_documents",
)


def contract_of(rows=GOOD, **counts):
    manifests = {
        split: {
            "documents": len(documents),
            "tokens": sum(len(document["token_ids"]) for document in documents),
            "bytes": sum(document["n_bytes"] for document in documents),
        }
        for split, documents in rows.items()
    }
    manifests["train"] |= counts
    return tokens_contract(
        {
            split: pa.Table.from_pylist(documents, token_schema(VOCAB)).to_batches(max_chunksize=2)
            for split, documents in rows.items()
        },
        manifests=manifests,
        vocab_size=VOCAB,
        end_of_text=END,
        minimum_tokens={"train": 5, "validation": 5},
    )


def test_good_tokens_have_no_fault():
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
    ],
)
def test_each_fault_is_counted_and_shown(fault, split, bad):
    contract = contract_of({**GOOD, split: [*GOOD[split], bad]})
    assert contract.facts[fault] == 1
    assert contract.sample.num_rows == 6


@pytest.mark.parametrize("fact", ["documents", "tokens", "bytes"])
def test_counts_other_than_the_manifest_are_found(fact):
    assert contract_of(**{fact: 7}).facts["train_differences_from_manifest"] == 1
