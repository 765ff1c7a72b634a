"""The table of gates: what a run leaves to read, also of a run that failed."""

from __future__ import annotations

from pathlib import Path

from llm.validation import overview
from pipelines import artifacts
from pipelines.artifacts import gate_rows, links
from pipelines.stage import StageOutcome


def result(meaning: str, success: bool = True) -> dict:
    return {
        "suite": "x",
        "rows": "every_row",
        "column": "faults",
        "success": success,
        "observed": 0,
        "expected": {"max_value": 0},
        "meaning": meaning,
    }


def fill(root: Path, gate: str, *results: dict, remark: str = "") -> None:
    docs = root / artifacts.DATA_DOCS / gate
    overview.show(docs, gate=gate, results=results, pages={}, remark=remark)


def outcome(stage: str, state: str) -> StageOutcome:
    return StageOutcome(stage=stage, state=state)


def test_each_gate_has_a_row_also_those_that_failed_or_were_not_reached(tmp_path: Path):
    fill(tmp_path, "raw", result("every file is there"), result("every file has a licence"))
    fill(tmp_path, "documents", result("no text is empty", False), result("ids are hashes"))
    fill(tmp_path, "splits", result("nothing is shared"))  # of an earlier run
    rows = gate_rows(
        [
            outcome("download", "ran"),
            outcome("validate_raw", "cached"),
            outcome("validate_documents", "failed"),
            outcome("validate_splits", "not started"),
        ],
        root=tmp_path,
    )
    page = (tmp_path / artifacts.OVERVIEW).as_uri()
    assert rows == [
        {
            "gate": "raw",
            "state": "passed",
            "expectations": 2,
            "failed": 0,
            "what_failed": "",
            "data_docs": f"{page}#raw",
        },
        {
            "gate": "documents",
            "state": "failed",
            "expectations": 2,
            "failed": 1,
            "what_failed": "no text is empty",
            "data_docs": f"{page}#documents",
        },
        {
            "gate": "splits",
            "state": "not reached",
            "expectations": 0,
            "failed": 0,
            "what_failed": "",
            "data_docs": "",
        },
    ]
    for row in rows[:2]:
        assert f'id="{row["gate"]}"' in (tmp_path / artifacts.OVERVIEW).read_text("utf-8")


def test_a_gate_that_ended_before_it_judged_does_not_show_an_older_success(tmp_path: Path):
    fill(tmp_path, "tokens", result("one end per document"))
    (row,) = gate_rows([outcome("validate_tokens", "failed")], root=tmp_path)
    assert (row["state"], row["what_failed"]) == (
        "failed",
        "ended before it could judge, see its log",
    )


def test_few_faults_are_named_and_a_remark_is_told(tmp_path: Path):
    fill(tmp_path, "raw", *(result(f"rule {n}", False) for n in range(5)))
    fill(tmp_path, "drift", remark="Nothing is accepted yet.")
    raw, drift = gate_rows(
        [outcome("validate_raw", "failed"), outcome("validate_drift", "ran")], root=tmp_path
    )
    assert (raw["failed"], raw["what_failed"]) == (5, "rule 0; rule 1; rule 2; and more")
    assert (drift["state"], drift["what_failed"]) == ("passed", "Nothing is accepted yet.")


def test_the_first_row_at_fault_is_named(tmp_path: Path):
    cases = [{"where": f"a.parquet, row {n}", "found": "text missing"} for n in (4, 5)]
    fill(tmp_path, "documents", {**result("no text is empty", False), "cases": cases})
    (row,) = gate_rows([outcome("validate_documents", "failed")], root=tmp_path)
    assert row["what_failed"] == "no text is empty (a.parquet, row 4: text missing)"


def test_pages_that_were_removed_are_no_fault(tmp_path: Path):
    (row,) = gate_rows([outcome("validate_raw", "cached")], root=tmp_path)
    assert (row["state"], row["expectations"], row["data_docs"]) == ("passed", 0, "")
    assert "data-docs" not in links(tmp_path)
    fill(tmp_path, "raw", result("every file is there"))
    assert links(tmp_path)["data-docs"][1] == (tmp_path / artifacts.OVERVIEW).as_uri()


def test_the_names_are_those_that_the_gates_write(tmp_path: Path):
    assert artifacts.VERDICT == overview.VERDICT
    assert artifacts.OVERVIEW == artifacts.DATA_DOCS / overview.PAGE
