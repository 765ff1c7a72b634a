"""Drift: nothing moved is zero, each statistic can move too far, and accepting resets it."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from llm.errors import InputError
from llm.files import read_json, write_json
from llm.validation.drift import (
    NUMBERS,
    SHARES,
    accept,
    drift_contract,
    read_accepted,
    read_statistics,
    relative_change,
    stability_index,
)

STATISTICS: dict[str, Any] = {
    "documents": 100,
    "mean_characters": 800.0,
    "median_characters": 700.0,
    "mean_language_score": 0.9,
    "mean_quality": 0.5,
    "tokens_per_document": 250.0,
    "vocabulary_used_fraction": 0.8,
    "sources": {"fables": 30, "tales": 70},
    "cleaning": {"kept": 90, "language": 10},
    "labels": {"positive": 13, "negative": 87},
}


def contract_of(accepted=STATISTICS, **changed):
    return drift_contract(
        accepted,
        STATISTICS | changed,
        maximum_change=dict.fromkeys(NUMBERS, 0.2),
        maximum_stability_index=0.25,
    )


def beyond(contract):
    limits = {rule.column: rule.arguments["max_value"] for rule in contract.fact_rules}
    assert set(limits) == set(contract.facts)
    return [name for name, value in contract.facts.items() if value > limits[name]]


def test_the_same_data_has_not_moved():
    contract = contract_of()
    assert len(contract.facts) == len(NUMBERS) + len(SHARES) == 10
    assert not any(contract.facts.values())
    scaled = contract_of(sources={"fables": 60, "tales": 140})
    assert scaled.facts["sources_stability_index"] == 0.0


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("factor", [0.7, 1.3])
def test_each_number_can_move_too_far(name, factor):
    assert beyond(contract_of(**{name: STATISTICS[name] * factor})) == [f"{name}_change"]
    assert beyond(contract_of(**{name: STATISTICS[name] * 1.1})) == []


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("sources", {"fables": 70, "tales": 30}),
        ("sources", {"fables": 30, "tales": 40, "news": 30}),
        ("cleaning", {"kept": 60, "language": 10, "menu": 30}),
        ("labels", {"positive": 45, "negative": 55}),
    ],
)
def test_each_set_of_shares_can_move_too_far(name, counts):
    contract = contract_of(**{name: counts})
    assert beyond(contract) == [f"{name}_stability_index"]


def test_the_rule_says_what_moved():
    contract = contract_of(documents=150, cleaning={"kept": 60, "language": 10, "menu": 30})
    meanings = {rule.column: rule.meaning for rule in contract.fact_rules}
    assert meanings["documents_change"] == "documents: accepted 100, now 150"
    told = meanings["cleaning_stability_index"]
    assert "kept 90.0% accepted, 60.0% now, menu 0.0% accepted, 30.0% now" in told


def test_the_index_is_the_textbook_s():
    # shares 0.5/0.5 -> 0.6/0.4: 0.1 ln 1.2 - 0.1 ln 0.8
    expected = 0.1 * math.log(1.2) - 0.1 * math.log(0.8)
    assert stability_index({"a": 5, "b": 5}, {"a": 6, "b": 4}) == pytest.approx(expected, abs=1e-6)
    one, two = {"a": 1, "b": 9}, {"b": 5, "c": 5}
    assert stability_index(one, two) == stability_index(two, one) > 0.25
    assert stability_index({}, {}) == 0.0


@pytest.mark.parametrize(
    ("accepted", "found", "change"),
    [(10, 12, 0.2), (10, 8, 0.2), (10, 10, 0.0), (0, 0, 0.0), (0, 3, 1.0), (-2.0, -3.0, 0.5)],
)
def test_a_change_is_a_part_of_what_was_accepted(accepted, found, change):
    assert relative_change(accepted, found) == change


def test_a_statistic_that_was_never_accepted_is_not_compared():
    older = {name: value for name, value in STATISTICS.items() if name != "mean_quality"}
    contract = contract_of(older | {"of another age": 3}, mean_quality=0.1)
    assert "mean_quality_change" not in contract.facts
    assert beyond(contract) == []


TWO: list[dict[str, Any]] = [{"documents": 3}, {"labels": {"positive": 1}}]


def gates(tmp_path, **changed):
    paths = [tmp_path / f"{name}.json" for name in ("documents", "messages")]
    for path, statistics in zip(paths, TWO, strict=True):
        write_json(path, {"success": True, "statistics": statistics | changed})
    return paths


def test_what_is_accepted_is_read_back_under_its_name_alone(tmp_path):
    path = tmp_path / "accepted.json"
    accept(gates(tmp_path), name="tiny", path=path)
    accept(gates(tmp_path, mean_quality=0.5), name="books", path=path)
    assert read_accepted(path, "tiny") == {"documents": 3, "labels": {"positive": 1}}
    assert read_json(path, made_by="x")["books"]["mean_quality"] == 0.5
    assert read_accepted(path, "smoke") is None
    before = path.read_bytes()
    accept(gates(tmp_path, mean_quality=0.5), name="books", path=path)
    assert path.read_bytes() == before


def test_accepting_says_what_changed(tmp_path):
    path = tmp_path / "accepted.json"
    first = accept(gates(tmp_path), name="tiny", path=path)
    assert first == [
        "documents: nothing before, 3 now",
        "labels: positive 0.0% before, 100.0% now",
    ]
    assert accept(gates(tmp_path), name="tiny", path=path) == []
    second = accept(gates(tmp_path, documents=12_000), name="tiny", path=path)
    assert second == ["documents: 3 before, 12,000 now"]
    write_json(path, {"tiny": {"documents": "many"}})
    assert accept(gates(tmp_path), name="tiny", path=path) == first


def test_a_statistic_that_is_lost_is_told(tmp_path):
    lost = {name: value for name, value in STATISTICS.items() if name != "labels"}
    with pytest.raises(InputError, match=r"not measured any more[\s\S]*labels[\s\S]*validate_mess"):
        drift_contract(
            STATISTICS, lost, maximum_change=dict.fromkeys(NUMBERS, 1), maximum_stability_index=1
        )


@pytest.mark.parametrize("statistics", [[1], {"documents": "x"}, {"labels": [3]}, {}])
def test_results_with_broken_statistics_are_refused(tmp_path, statistics):
    paths = gates(tmp_path)
    write_json(paths[0], {"success": True, "statistics": statistics})
    with pytest.raises(InputError, match=r"no statistics[\s\S]*validate_documents"):
        read_statistics(paths)


def test_results_without_statistics_are_refused(tmp_path):
    paths = gates(tmp_path)
    write_json(paths[0], {"success": True})
    with pytest.raises(InputError, match=r"no statistics[\s\S]*validate_documents"):
        read_statistics(paths)
    paths[0].unlink()
    with pytest.raises(InputError, match="missing"):
        accept(paths, name="tiny", path=tmp_path / "accepted.json")
    assert not (tmp_path / "accepted.json").exists()


@pytest.mark.parametrize(
    "entry",
    [
        3,
        None,
        {},
        {"of another age": 3},
        {"documents": "many"},
        {"documents": None},
        {"documents": True},
        {"documents": float("nan")},
        {"sources": 3},
        {"sources": {"tales": "x"}},
        {"sources": {"tales": -1}},
    ],
)
def test_a_broken_file_of_accepted_statistics_is_told(tmp_path, entry):
    path = tmp_path / "accepted.json"
    path.write_text(json.dumps({"tiny": entry}), encoding="utf-8")
    with pytest.raises(InputError, match="accepted statistics cannot be read"):
        read_accepted(path, "tiny")


@pytest.mark.parametrize("content", [None, "{", "[]", "\udcff"])
def test_a_file_that_is_no_object_is_told_and_never_overwritten(tmp_path, content):
    path = tmp_path / "accepted.json"
    if content is not None:
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(InputError, match="cannot be read"):
            accept(gates(tmp_path), name="tiny", path=path)
        assert path.read_bytes() == content.encode("utf-8", "surrogateescape")
    with pytest.raises(InputError, match=r"cannot be read[\s\S]*git checkout"):
        read_accepted(path, "tiny")
