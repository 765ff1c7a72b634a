"""The contract of documents: one small fault per expectation, and each is found."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from llm.corpus.documents import DOCUMENT_SCHEMA, document_id
from llm.errors import InputError
from llm.files import write_manifest, write_parquet
from llm.validation.documents import documents_contract

LIMITS: dict[str, Any] = {
    "language": "en",
    "minimum_documents": 3,
    "minimum_characters": 5,
    "maximum_characters": 2_000,
}


def document(text="A tale of a fox.", **changed):
    return {
        "id": document_id(text),
        "text": text,
        "source": "tales",
        "licence": "CC0-1.0",
        "language": "en",
        "language_score": 0.9,
        "quality": 0.9,
        "cluster": document_id(text),
        "raw_id": "1",
    } | changed


def facts_of(tmp_path, *extra, **limits):
    rows = [document(f"The tale of fox number {n}.") for n in range(5)] + list(extra)
    for part, chunk in enumerate((rows[:2], rows[2:])):
        table = pa.Table.from_pylist(chunk, schema=DOCUMENT_SCHEMA)
        write_parquet(table, tmp_path / f"part-{part:05d}.parquet")
    write_manifest(tmp_path)
    return documents_contract(tmp_path, **(LIMITS | limits))


def test_good_documents_have_no_fault(tmp_path):
    contract = facts_of(tmp_path)
    assert contract.facts["documents"] == 5
    zero = {name: n for name, n in contract.facts.items() if name != "documents"}
    assert len(zero) == 15
    assert not any(zero.values())
    assert contract.sample.num_rows == 5
    assert {rule.column for rule in contract.fact_rules} == set(contract.facts)


def test_any_language_is_right_on_request(tmp_path):
    contract = facts_of(tmp_path, document("Le renard et la poule.", language="fr"), language=None)
    assert contract.facts["other_languages"] == 0
    assert "language" not in [rule.column for rule in contract.sample_rules]


@pytest.mark.parametrize(
    ("fault", "row"),
    [
        ("duplicate_ids", document("The tale of fox number 1.")),
        ("malformed_ids", document(id="not-a-hash")),
        ("malformed_ids", document(id=None)),
        ("empty_texts", document(" \n ")),
        ("empty_texts", document(text="x", id="0" * 32, cluster="0" * 32) | {"text": None}),
        ("short_texts", document("Fox.")),
        ("long_texts", document("fox " * 600)),
        ("other_languages", document("Le renard et la poule.", language="fr")),
        ("other_languages", document(language=None)),
        ("language_score_out_of_range", document(language_score=1.5)),
        ("quality_out_of_range", document(quality=-0.1)),
        ("quality_out_of_range", document(quality=float("nan"))),
        ("language_score_out_of_range", document(language_score=None)),
        ("missing_licences", document(licence="")),
        ("missing_licences", document(licence=None)),
        ("missing_clusters", document(cluster="")),
        ("missing_sources", document(source="")),
        ("ids_of_other_texts", document(id="1" * 32)),
        ("duplicate_clusters", document(cluster=document_id("The tale of fox number 1."))),
        ("unnormalised_texts", document("The cafe\u0301 of the fox.")),
        ("boilerplate_texts", document("***START OF THE PROJECT GUTENBERG EBOOK FOX***")),
        ("boilerplate_texts", document("It stands in the\nFull Project Gutenberg License in")),
        ("boilerplate_texts", document("This eBook is for the use of anyone anywhere at no cost")),
        ("boilerplate_texts", document("End of Project Gutenberg's Fox, by Hen")),
    ],
)
def test_each_fault_is_counted_and_shown(tmp_path, fault, row):
    contract = facts_of(tmp_path, row)
    assert contract.facts[fault] == 1
    assert "part-00001.parquet, row 4" in contract.cases[fault][0].where
    assert contract.sample.num_rows == 6


def test_a_tale_that_names_gutenberg_is_no_licence(tmp_path):
    contract = facts_of(tmp_path, document("Gutenberg printed a Bible; what a project!"))
    assert contract.facts["boilerplate_texts"] == 0


def test_a_long_text_is_measured_whole_and_shown_in_part(tmp_path):
    contract = facts_of(tmp_path, document("fox " * 400 + "e\u0301"))
    assert contract.facts["unnormalised_texts"] == 1
    assert max(map(len, contract.sample.column("text").to_pylist())) == 500
    assert max(contract.sample.column("characters").to_pylist()) == 1_602


def test_no_documents_at_all_are_measured_too(tmp_path):
    write_parquet(DOCUMENT_SCHEMA.empty_table(), tmp_path / "part-00000.parquet")
    write_manifest(tmp_path)
    contract = documents_contract(tmp_path, **LIMITS)
    assert contract.facts["documents"] == 0
    assert contract.statistics["mean_characters"] == 0.0
    with pytest.raises(InputError, match="dedupe"):
        documents_contract(tmp_path / "none", **LIMITS)


def test_statistics_describe_all_documents(tmp_path):
    contract = facts_of(
        tmp_path,
        document("A long tale of a hen.", source="fables", language_score=0.3, quality=0.2),
        document(text="x", id="0" * 32) | {"text": None},
    )
    assert contract.statistics == {
        "documents": 7,
        "mean_characters": round((5 * 25 + 21) / 7, 2),
        "median_characters": 25.0,
        "mean_language_score": pytest.approx((6 * 0.9 + 0.3) / 7, abs=1e-5),
        "mean_quality": pytest.approx((6 * 0.9 + 0.2) / 7, abs=1e-5),
        "sources": {"fables": 1, "tales": 6},
    }
