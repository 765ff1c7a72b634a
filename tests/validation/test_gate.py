"""The gate on real Great Expectations: verdict, Data Docs, history, and nothing half-written."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from llm.errors import InputError
from llm.files import write_text
from llm.validation.contract import Case, Contract, at_least, at_most, between, each, not_null
from llm.validation.gate import RUNS_KEPT, check

GOOD = {
    "id": ["a1", "b2", "c3"],
    "label": [0, 1, 0],
    "characters": [5, 6, 7],
    "text": ["one", "two", "three"],
}
SAMPLE_RULES = [
    not_null("text"),
    each("id", "match_regex", "an id is a letter and a digit", regex="^[a-z][0-9]$"),
    each("id", "be_unique", "no id stands twice"),
    each("label", "be_in_set", "a label is 0 or 1", value_set=[0, 1]),
    each("characters", "be_between", "a sensible length", min_value=1, max_value=9),
]


def contract_of(*, facts=None, **columns):
    return Contract(
        suite="tales",
        facts={"rows": 3, "balance": 0.5, "faults": 0} | (facts or {}),
        fact_rules=[
            at_least("rows", 2, "there are enough rows"),
            between("balance", 0.1, 0.9, "the classes are in balance"),
            at_most("faults", 0, "no row is at fault"),
        ],
        sample=pa.table(GOOD | columns),
        sample_rules=SAMPLE_RULES,
        statistics={"rows": 3},
    )


def pages(docs: Path, rows: str) -> list[Path]:
    return sorted(docs.glob(f"validations/tales/{rows}/*/*/*.html"))


def test_a_kept_contract_writes_result_and_data_docs(tmp_path, monkeypatch, capfd):
    def refuse(*arguments: object) -> None:
        raise AssertionError(f"the network was used: {arguments}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    out, docs = tmp_path / "out" / "tales.json", tmp_path / "docs of tales"
    metrics = check(contract_of(), out=out, docs=docs)
    assert metrics == {
        "success": True,
        "suite": "tales",
        "facts": {"rows": 3, "balance": 0.5, "faults": 0},
        "statistics": {"rows": 3},
        "sample_rows": 3,
        "expectations": 8,
    }
    verdict = json.loads(out.read_text())
    assert verdict["success"] is True
    assert len(verdict["expectations"]) == 8
    assert verdict["expectations"][1] == {
        "suite": "tales",
        "expectation": "expect_column_max_to_be_between",
        "column": "balance",
        "rows": "every_row",
        "success": True,
        "observed": 0.5,
        "expected": {"min_value": 0.1, "max_value": 0.9},
        "meaning": "the classes are in balance",
    }
    assert verdict["expectations"][3]["observed"] == {"rows": 3, "unexpected": 0}
    assert (docs / "index.html").is_file()
    page = pages(docs, "every_row")[0].read_text(encoding="utf-8")
    assert "the classes are in balance" in page
    printed = capfd.readouterr()
    assert str(tmp_path / "index.html") in printed.out
    assert printed.err == ""


def test_the_result_repeats_byte_for_byte(tmp_path):
    check(contract_of(), out=tmp_path / "a.json", docs=tmp_path / "docs-a")
    check(contract_of(), out=tmp_path / "b.json", docs=tmp_path / "docs-b")
    check(contract_of(), out=tmp_path / "c.json", docs=tmp_path / "docs-b")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "c.json").read_bytes()


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"facts": {"rows": 1}}, ["rows (rows)", "found 1", "at least 2"]),
        ({"facts": {"balance": 0.95}}, ["in balance (balance)", "found 0.95", "0.1 to 0.9"]),
        ({"facts": {"faults": 4}}, ["at fault (faults)", "found 4", "expected none"]),
        ({"text": ["one", None, "x"]}, ["(text, in the sample)", "1 of 3 rows", "every row"]),
        ({"id": ["a1", "b2", "C3"]}, ["(id, in the sample)", "1 of 3 rows", "^[a-z][0-9]$"]),
        ({"id": ["a1", "b2", "a1"]}, ["(id, in the sample)", "2 of 3 rows", "every row"]),
        ({"label": [0, 1, 2]}, ["(label, in the sample)", "1 of 3 rows", "0 or 1"]),
        ({"characters": [0, 1, 10]}, ["characters, in the sample", "2 of 3 rows", "1 to 9"]),
    ],
)
def test_each_kind_of_expectation_can_fail(tmp_path, changed, told):
    out, docs = tmp_path / "tales.json", tmp_path / "docs"
    write_text(out, '{"success": true}')
    with pytest.raises(InputError) as caught:
        check(contract_of(**changed), out=out, docs=docs)
    message = str(caught.value)
    assert caught.value.exit_code == 3
    assert message.startswith("1 of 8 expectations on the tales failed")
    for words in told:
        assert words in message
    rows = "every_row" if "facts" in changed else "sample"
    (page,) = pages(docs, rows)
    assert str(tmp_path / "index.html") in message
    assert "Failed" in page.read_text(encoding="utf-8")
    assert not out.exists()


def test_several_contracts_are_one_gate(tmp_path):
    more = Contract(
        suite="morals",
        facts={"morals": 1},
        fact_rules=[at_least("morals", 1, "there is a moral")],
        statistics={"morals": 1},
    )
    out, docs = tmp_path / "tales.json", tmp_path / "docs"
    metrics = check(contract_of(), more, out=out, docs=docs)
    assert metrics["expectations"] == 9
    assert metrics["facts"]["morals"] == 1
    assert metrics["statistics"] == {"rows": 3, "morals": 1}
    assert json.loads(out.read_text())["expectations"][-1]["suite"] == "morals"
    bad = Contract(suite="morals", facts={"morals": 0}, fact_rules=more.fact_rules)
    with pytest.raises(InputError, match=r"1 of 9 expectations on the tales.*\n.*morals") as caught:
        check(contract_of(), bad, out=out, docs=docs, remedy="find a moral")
    assert len(list(docs.glob("validations/morals/every_row/run-00002/*/*.html"))) == 1
    assert "find a moral" in str(caught.value)
    overview = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert '"bad">failed<' in overview
    assert "there is a moral" in overview


def test_rows_at_fault_are_named_in_the_error_and_on_the_page(tmp_path):
    cases = [Case(where=f"a.parquet, row {n}", found=f"<n {n}>") for n in range(1, 6)]
    whole = contract_of(facts={"faults": 5})
    bad = replace(whole, cases={"faults": cases, "rows": cases[:1]})
    with pytest.raises(InputError) as caught:
        check(bad, out=tmp_path / "tales.json", docs=tmp_path / "docs")
    told = str(caught.value)
    assert "a.parquet, row 3: <n 3>" in told and "row 4" not in told and "and more" in told
    assert told.count("row 1") == 1  # a fact that is as it should be has no rows at fault
    assert "python -m llm inspect FILE --from ROW" in told
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "a.parquet, row 5" in page and "&lt;n 5&gt;" in page


def test_all_that_failed_is_told_at_once(tmp_path):
    bad = contract_of(facts={"rows": 0, "faults": 2}, label=[0, 1, 7])
    with pytest.raises(InputError, match="3 of 8") as caught:
        check(bad, out=tmp_path / "tales.json", docs=tmp_path / "docs")
    assert [word in str(caught.value) for word in ("(rows)", "(faults)", "(label, ")] == [True] * 3


def test_an_expectation_that_cannot_be_judged_fails(tmp_path):
    with pytest.raises(InputError, match=r"\(characters, in the sample\).*same type"):
        check(
            contract_of(characters=["five", "six", "seven"]),
            out=tmp_path / "tales.json",
            docs=tmp_path / "docs",
        )


def test_an_empty_sample_is_no_fault(tmp_path):
    empty = pa.table(GOOD).slice(0, 0)
    contract = contract_of()
    check(
        Contract(
            suite=contract.suite,
            facts=contract.facts,
            fact_rules=contract.fact_rules,
            sample=empty,
            sample_rules=contract.sample_rules,
        ),
        out=tmp_path / "tales.json",
        docs=tmp_path / "docs",
    )


@pytest.mark.slow
def test_data_docs_keep_the_last_runs_the_failed_ones_too(tmp_path):
    out, docs = tmp_path / "tales.json", tmp_path / "docs"
    for number in range(RUNS_KEPT + 2):
        if number == RUNS_KEPT:
            with pytest.raises(InputError):
                check(contract_of(facts={"faults": 1}), out=out, docs=docs)
        else:
            check(contract_of(), out=out, docs=docs)
    runs = [page.parts[-3] for page in pages(docs, "sample")]
    assert runs == [f"run-{number:05d}" for number in range(3, RUNS_KEPT + 3)]
    index = (docs / "index.html").read_text(encoding="utf-8")
    assert all(run in index for run in runs)
    assert "run-00001" not in index
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
