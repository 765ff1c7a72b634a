"""The page of all gates: one row each, what failed first, and nothing to fetch."""

from __future__ import annotations

import re
from itertools import pairwise

from llm.__main__ import STAGES
from llm.validation.overview import ABOUT, ORDER, in_words, read_verdicts, show


def result(success=True, **changed):
    return {
        "suite": "tales",
        "rows": "every_row",
        "column": "empty_texts",
        "success": success,
        "observed": 0 if success else 4,
        "expected": {"max_value": 0},
        "meaning": "no text is empty",
        "expectation": "expect_column_max_to_be_between",
    } | changed


def page_of(tmp_path):
    return (tmp_path / "docs" / "index.html").read_text(encoding="utf-8")


def test_each_gate_has_its_state_and_its_links(tmp_path):
    good, bad = tmp_path / "docs" / "tales", tmp_path / "docs" / "fables"
    show(good, gate="tales", results=[result()], pages={"tales every_row": good / "v" / "1.html"})
    show(bad, gate="fables", results=[result(), result(False)], pages={})
    page = page_of(tmp_path)
    assert page.index('id="fables"') < page.index('id="tales"')
    assert 'href="tales/v/1.html"' in page
    assert page.count('"good">passed<') == page.count('"bad">failed<') == 2
    assert re.search(r'class="bad">✗ no text is empty</td>', page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert [verdict["success"] for verdict in read_verdicts(tmp_path / "docs")] == [False, True]


def test_a_gate_that_passes_again_is_green_again(tmp_path):
    docs = tmp_path / "docs" / "tales"
    show(docs, gate="tales", results=[result(False)], pages={})
    show(docs, gate="tales", results=[result()], pages={}, remark="All is <well>.")
    assert '"bad">failed<' not in page_of(tmp_path)
    assert "All is &lt;well&gt;." in page_of(tmp_path)


def test_what_is_expected_and_found_stands_in_words(tmp_path):
    rows = [
        result(expected={"min_value": 1000}, observed=5342),
        result(expected={"min_value": 0.01, "max_value": 0.2}, observed=0.0491934),
        result(expected={"max_value": 0.25}, observed=0.0),
        result(expected={"value_set": ["en", "fr"]}, observed={"rows": 5342, "unexpected": 2}),
        result(expected={"value_set": [False]}, observed={"rows": 3, "unexpected": 0}),
        result(expected={"regex": "^a$"}, observed={"rows": 3, "unexpected": 0}),
        result(expected={}, observed={"error": "no such column"}),
    ]
    show(tmp_path / "docs" / "tales", gate="tales", results=rows, pages={})
    cells = re.findall(r"<td>(.*?)</td>", page_of(tmp_path))
    for expected, found in (
        ("at least 1,000", "5,342"),
        ("0.01 to 0.2", "0.0491934"),
        ("at most 0.25", "0"),
        ("en or fr", "2 of 5,342 rows at fault"),
        ("no", "0 of 3 rows at fault"),
        ("form ^a$", "0 of 3 rows at fault"),
        ("every row", "could not be judged: no such column"),
    ):
        assert (expected, found) in list(pairwise(cells))


def test_shares_are_told_in_per_cent(tmp_path):
    assert in_words(
        result(column="dropped_fraction", expected={"max_value": 0.25}, observed=0.5)
    ) == (
        "50 %",
        "at most 25 %",
    )
    bounds = {"min_value": 0.01, "max_value": 0.2}
    assert in_words(result(column="a_change", expected=bounds, observed=0))[1] == "1 % to 20 %"
    many = result(expected={"value_set": list("abcdefgh")}, observed={"rows": 3, "unexpected": 1})
    assert in_words(many) == ("1 of 3 rows at fault", "one of 8 known")


def test_the_head_says_whether_all_passed_and_what_to_do(tmp_path):
    show(tmp_path / "docs" / "raw", gate="raw", results=[result()], pages={}, remedy="rest")
    assert "All 1 gates passed" in page_of(tmp_path)
    assert "What to do" not in page_of(tmp_path)
    cases = [{"where": "a.parquet, row 4", "found": "text '<b>'"}]
    bad = result(False) | {"cases": cases}
    show(tmp_path / "docs" / "drift", gate="drift", results=[bad], pages={}, remedy="mend it")
    page = page_of(tmp_path)
    assert '1 of 2 gates failed: <a href="#drift">' in page
    assert "What to do: mend it." in page
    assert "a.parquet, row 4" in page and "&lt;b&gt;" in page
    for gate in ("raw", "drift"):
        assert ABOUT[gate] in page.replace("&#39;", "'")


def test_the_data_stands_there_in_numbers(tmp_path):
    statistics = {
        "documents": 12_345,
        "vocabulary_used_fraction": 0.5,
        "sources": {f"s{n}": n for n in range(30)},
    }
    show(tmp_path / "docs" / "a", gate="a", results=[], pages={}, statistics=statistics)
    cells = re.findall(r"<td>(.*?)</td>", page_of(tmp_path))
    for name, value in (
        ("documents", "12,345"),
        ("vocabulary used fraction", "50 %"),
        ("sources: s29", "29 (6.667 %)"),
        ("sources: 10 others", "45"),
    ):
        assert (name, value) in list(pairwise(cells))


def test_gates_stand_as_the_data_passes_them(tmp_path):
    for gate in ("drift", "documents", "of_my_own", "raw"):
        show(tmp_path / gate, gate=gate, results=[], pages={})
    names = [verdict["gate"] for verdict in read_verdicts(tmp_path)]
    assert names == ["raw", "documents", "drift", "of_my_own"]
    assert set(ORDER) == {
        stage.removeprefix("validate_") for stage in STAGES if "validate" in stage
    }
