"""The headline numbers: all there or an error, and said where they are not to be believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from llm.errors import InputError
from llm.evaluation.headline import cautions, headline_numbers
from llm.evaluation.results import Facts
from llm.files import write_json


def test_headline_numbers_are_nested_by_section(read_facts: Callable[[], Facts]) -> None:
    headline = headline_numbers(read_facts())
    assert headline["pretrain"]["validation_loss"] == 3.25
    assert headline["classifier"]["baseline_f1"] == 0.8
    assert headline["instructions"]["exact_match_before"] == 0.0
    assert headline["judge"]["auc"] == 0.9


@pytest.mark.parametrize(
    ("section", "name", "value", "words"),
    [
        ("pretrain", "validation_loss", 3.6, "no better than a trigram"),
        ("classifier", "f1", 0.7, "classical baseline"),
        ("judge", "auc", 0.57, "AUC 0.57"),
    ],
)
def test_a_number_not_to_be_believed_is_said_on_the_page(
    section: str, name: str, value: float, words: str
) -> None:
    headline = {
        "pretrain": {"validation_loss": 3.25, "trigram_loss": 3.5},
        "classifier": {"f1": 0.9, "baseline_f1": 0.8},
        "judge": {"auc": 0.9},
    }
    assert cautions(headline) == []
    headline[section][name] = value
    (caution,) = cautions(headline)
    assert words in caution


def test_a_missing_number_is_an_error_that_names_it(
    results: dict[str, Path], read_facts: Callable[[], Facts]
) -> None:
    path = results["results"] / "judge.json"
    metrics = json.loads(path.read_text())
    del metrics["auc"]
    write_json(path, metrics)
    with pytest.raises(InputError, match=r"(?s)'judge'.*expected: auc"):
        headline_numbers(read_facts())
