"""The contract of rejects: one small fault per expectation, and each is found."""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import pytest

from llm.corpus import licences
from llm.corpus.documents import REJECT_SCHEMA
from llm.corpus.filtering.reasons import REASONS
from llm.errors import InputError
from llm.files import write_manifest, write_parquet
from llm.validation.rejects import rejects_contract

LIMITS: dict[str, Any] = {
    "documents_in": 20,
    "documents_kept": 17,
    "dropped": {"language": 2, "too_short": 1},
    "known": {"language", "menu", "too_short"},
    "maximum_dropped_fraction": 0.5,
    "maximum_reason_fraction": {"language": 0.2, "menu": 0.1},
}


def reject(reason="language", **changed):
    return {"raw_id": "r1", "source": "tales", "reason": reason, "text": "Le renard."} | changed


def contract_of(tmp_path, *extra, **limits):
    rows = [reject(), reject(), reject("too_short"), *extra]
    for part, chunk in enumerate((rows[:2], rows[2:])):
        table = pa.Table.from_pylist(chunk, schema=REJECT_SCHEMA)
        write_parquet(table, tmp_path / f"part-{part:05d}.parquet")
    write_manifest(tmp_path)
    return rejects_contract(tmp_path, **(LIMITS | limits))


def test_good_rejects_have_no_fault(tmp_path):
    contract = contract_of(tmp_path)
    assert contract.facts == {
        "dropped_fraction": 0.15,
        "dropped_fraction_language": 0.1,
        "dropped_fraction_menu": 0.0,
        "dropped_fraction_too_short": 0.05,
        "differences_from_cleaning": 0,
        "missing_raw_ids": 0,
        "missing_sources": 0,
        "unknown_reasons": 0,
    }
    assert {rule.column for rule in contract.fact_rules} == {*contract.facts} - {
        "dropped_fraction_too_short"  # no limit of its own
    }
    assert contract.statistics == {"cleaning": {"kept": 17, "language": 2, "too_short": 1}}


@pytest.mark.parametrize(
    ("fault", "row"),
    [
        ("missing_raw_ids", reject(raw_id="")),
        ("missing_raw_ids", reject(raw_id=None)),
        ("missing_sources", reject(source=" ")),
        ("unknown_reasons", reject("whim")),
        ("unknown_reasons", reject(None)),
        ("differences_from_cleaning", reject("too_short")),
        ("differences_from_cleaning", reject("whim")),
    ],
)
def test_each_fault_is_counted(tmp_path, fault, row):
    assert contract_of(tmp_path, row).facts[fault] == 1


def test_a_reason_of_which_no_reject_was_written_is_a_difference(tmp_path):
    dropped = {**LIMITS["dropped"], "menu": 3}
    contract = contract_of(tmp_path, dropped=dropped)
    assert contract.facts["differences_from_cleaning"] == 1
    (case,) = contract.cases["differences_from_cleaning"]
    assert (case.where, case.found) == (str(tmp_path), "menu: 0 rejects, 3 counted")


def test_limits_are_those_of_the_settings(tmp_path):
    rules = {rule.column: rule for rule in contract_of(tmp_path).fact_rules}
    assert rules["dropped_fraction"].arguments == {"max_value": 0.5}
    assert rules["dropped_fraction_language"].arguments == {"max_value": 0.2}
    assert rules["dropped_fraction_language"].meaning.endswith("language")


def test_no_rejects_are_no_fault(tmp_path):
    write_parquet(REJECT_SCHEMA.empty_table(), tmp_path / "part-00000.parquet")
    write_manifest(tmp_path)
    nothing = {"documents_in": 0, "documents_kept": 0, "dropped": {}}
    contract = rejects_contract(tmp_path, **(LIMITS | nothing))
    assert not any(contract.facts.values())
    with pytest.raises(InputError, match="clean"):
        rejects_contract(tmp_path / "none", **LIMITS)


def test_every_fault_that_a_reader_gives_is_known(root):
    given = {
        name
        for path in (root / "llm" / "corpus").rglob("*.py")
        for name in re.findall(r'\bfault="(\w+)"', path.read_text(encoding="utf-8"))
    }
    assert len(given) > 3
    assert given <= REASONS
    assert licences.REASON in REASONS
