"""The report: complete, self-contained, escaped, and honest about what is missing."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from llm.errors import InputError
from llm.evaluation.report import (
    HEADLINE,
    cautions,
    collect,
    format_number,
    format_seconds,
    headline_numbers,
    render,
)
from llm.files import write_json, write_parquet, write_text

COMPRESSION = {
    "bytes": 4000,
    "bytes_per_token": 3.125,
    "tokens_per_word": 1.375,
    "gpt2_bytes_per_token": 4.875,
    "gpt2_tokens_per_word": None,
}
METRICS: dict[str, dict[str, Any]] = {
    "download": {
        "files": 1,
        "by_source": [
            {
                "name": "stories",
                "licence": "CC0-1.0",
                "language": "en",
                "files": 1,
                "bytes": 1234567,
            }
        ],
        "sources": [
            {
                "name": "stories",
                "file": "stories-00000.jsonl",
                "bytes": 1234567,
                "licence": "CC0-1.0",
                "language": "en",
                "sha256": "ab" * 32,
            }
        ],
    },
    "clean": {"documents_in": 10, "documents_kept": 7, "dropped": {"too_short": 2, "language": 1}},
    "dedupe": {
        "documents": 6,
        "planted": {
            "kept_fraction": {"clean": 0.5, "email": 1.0, "exact_duplicate": 1.0},
            "precision": 1.0,
            "recall": {"exact_duplicate": 0.75},
            "repaired_fraction": {"email": 1.0},
        },
    },
    "decontaminate": {
        "documents_in": 6,
        "documents_contaminated": 1,
        "documents_removed": 0,
        "documents_cut": 1,
        "character_fraction_removed": 0.125,
        "sets": [
            {
                "name": "messages, test",
                "examples": 30,
                "searched": 20,
                "overlapping": 5,
                "overlapping_fraction": 0.25,
                "only_common": 4,
                "documents": 3,
                "worst": [
                    {
                        "id": "m1",
                        "ngrams": 9,
                        "ngrams_found": 7,
                        "ngram": "call <now> for your free holiday",
                        "document": "d1",
                    }
                ],
            }
        ],
    },
    "split": {"train_documents": 5, "validation_documents": 1},
    "tokenize": {
        "train": {"tokens": 1000},
        "validation": {"tokens": 100},
        "sources": [
            {
                "source": "tales & fables",
                "documents": 5,
                "tokens": 1000,
                "weight": 0.375,
                "share": 0.38,
                "passes": 1.5,
            }
        ],
    },
    "pretrain": {"validation_loss": 3.25, "trigram_loss": 3.5, "bits_per_byte": 1.2, "epochs": 3.0},
    "train_tokenizer": {
        "vocab_size": 512,
        "compression": {
            "sample_bytes": 4000,
            "gpt2_missing": "no file",
            "by_language": {"en": COMPRESSION},
            "by_source": {"tales": {**COMPRESSION, "gpt2_bytes_per_token": None}},
        },
    },
    "import_gpt2": {"parameters": 1000},
    "finetune_classifier": {
        "f1": 0.9,
        "baseline_f1": 0.8,
        "pr_auc": 0.95,
        "baseline_pr_auc": 0.9,
        "accuracy": 0.97,
        "confusion": [[80, 2], [3, 15]],
    },
    "answer": {
        "exact_match": 0.5,
        "exact_match_before": 0.0,
        "rouge_l": 0.6,
        "chrf": 55.0,
        "by_family": {"repeat": 0.75, "join": 0.25},
        "by_family_before": {"repeat": 0.0, "join": 0.0},
    },
    "judge": {"mean_score": 61.5, "auc": 0.9, "parse_failure_fraction": 0.0},
}
HISTORY = "step,epoch,tokens,train_loss,validation_loss,learning_rate\n"
LOCK = """\
schema: '2.0'
stages:
  pretrain:
    cmd: python -m llm pretrain
    deps:
    - {path: data/tokens/train, hash: md5, md5: 0123456789abcdef.dir}
    - {path: llm/training/loop.py, hash: md5, md5: fedcba9876543210}
    params:
      params.yaml:
        pretrain: {seed: 123}
    outs:
    - {path: data/models/pretrained, hash: md5, md5: 1111111111111111.dir}
"""


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Path]:
    """A run's results, small and made up, laid out as the stages leave them."""
    paths = {name: tmp_path / name for name in ("results", "gates", "answers", "scores", "times")}
    for stage, metrics in METRICS.items():
        write_json(paths["results"] / f"{stage}.json", metrics)
        write_json(paths["times"] / f"{stage}.json", {"seconds": 2.5, "peak_memory_bytes": 2**28})
    for stage in ("pretrain", "finetune_classifier", "finetune_instructions", "finetune_judge"):
        rows = "0,0,0,,8.3,0.0\n10,1,1000,4.0,4.1,0.001\n20,2,2000,3.1,3.25,0.0001\n"
        write_text(paths["results"] / f"{stage}_history.csv", HISTORY + rows)
    write_json(
        paths["results"] / "pretrain_samples.json", [{"step": 20, "text": "Once <b>upon</b>"}]
    )
    predictions = {
        "label": [0, 1, 1],
        "probability": [0.1, 0.9, 0.4],
        "baseline_probability": [0.2, 0.8, 0.1],
    }
    write_parquet(pa.table(predictions), paths["results"] / "classifier_predictions.parquet")
    gate = {
        "success": True,
        "suite": "tokens",
        "expectations": [
            {
                "expectation": "expect_column_max_to_be_between",
                "column": "ids_in_two_splits",
                "rows": "every_row",
                "success": True,
                "meaning": "no document stands in two splits",
            }
        ],
    }
    write_json(paths["gates"] / "tokens.json", gate)
    answer = {
        "instruction": "Repeat <script>alert(1)</script>",
        "input": "",
        "reference": "brolin",
        "response": "brolin",
        "response_before": "the the",
    }
    write_parquet(pa.Table.from_pylist([answer]), paths["answers"] / "answers.parquet")
    write_parquet(pa.table({"score": [61.5, 40.0]}), paths["scores"] / "scores.parquet")
    write_text(tmp_path / "dvc.lock", LOCK)
    return {**paths, "lock": tmp_path / "dvc.lock"}


def facts_of(results: dict[str, Path]) -> Any:
    return collect(
        results=results["results"],
        gates=results["gates"],
        answers=results["answers"],
        scores=results["scores"],
        lock=results["lock"],
        timings_dir=results["times"],
        examples=5,
    )


class Links(HTMLParser):
    """Collects what a page points at and what it can be pointed at."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.anchors: set[str] = set()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            self.ids.add(str(values["id"]))
        href = str(values.get("href") or "")
        if tag == "a" and href.startswith("#"):
            self.anchors.add(href[1:])
        if tag in ("script", "img", "link", "iframe"):
            self.fetched.append(f"{tag} {values}")


def test_the_page_shows_every_headline_number_and_fetches_nothing(
    results: dict[str, Path],
) -> None:
    page = render(facts_of(results), title="A title")
    links = Links()
    links.feed(page)
    assert links.fetched == []
    for number in HEADLINE:
        assert number.key in page
    assert "3.25" in page and "trigram model 3.5" in page
    assert "0123456789abcdef.dir" in page and "fedcba9876543210" in page
    assert "CC0-1.0" in page and "1,234,567" in page
    assert "75 %" in page and "ab" * 32 in page
    assert "5 (25 %)" in page and "12.5 %" in page and "call &lt;now&gt; for" in page
    mixture = page[page.index("tales &amp; fables") :]
    assert mixture.index("37.5 %") < mixture.index("38 %") < mixture.index("4.5")
    assert "language en" in page and "1.375" in page and "4.875" in page and "no file" in page
    assert page.count("<svg") >= 8
    assert "lineage-pretrain" in links.ids & links.anchors


def test_cautions_stand_on_the_page_only_where_there_are_any(results: dict[str, Path]) -> None:
    assert "Read with care" not in render(facts_of(results), title="x")
    path = results["results"] / "judge.json"
    write_json(path, {**json.loads(path.read_text()), "auc": 0.57})
    assert "AUC 0.57" in render(facts_of(results), title="x")


def test_gates_and_drift_stand_in_words(results: dict[str, Path]) -> None:
    page = render(facts_of(results), title="Run")
    assert "<td>no document stands in two splits</td><td>ids in two splits</td>" in page
    assert "Drift" not in page
    drift: dict[str, Any] = {
        "accepted_as": "tiny",
        "accepted": None,
        "now": {"documents": 5342, "sources": {"tales": 1}, "fresh": 3},
        "changes": {},
    }
    write_json(results["results"] / "validate_drift.json", drift)
    assert "no earlier version of the data is accepted as tiny" in render(
        facts_of(results), title="Run"
    )
    drift["accepted"] = {"documents": 5000, "sources": {"tales": 1}}
    drift["changes"] = {"documents_change": 0.0684, "sources_stability_index": 0.125}
    write_json(results["results"] / "validate_drift.json", drift)
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", render(facts_of(results), title="Run"))
    at = cells.index("documents", cells.index("ids in two splits"))
    assert cells[at : at + 4] == ["documents", "5,000", "5,342", "6.84 %"]
    assert cells[at + 4 : at + 8] == ["shares of sources", "", "", "index 0.125"]
    assert "fresh" not in cells


def test_text_made_by_the_model_or_the_data_is_escaped(results: dict[str, Path]) -> None:
    page = render(facts_of(results), title="<i>title</i>")
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert "Once <b>" not in page and "<i>title" not in page


def test_equal_results_give_equal_bytes(results: dict[str, Path]) -> None:
    first, second = (render(facts_of(results), title="A title") for _ in range(2))
    assert first == second


def test_headline_numbers_are_nested_by_section(results: dict[str, Path]) -> None:
    headline = headline_numbers(facts_of(results))
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


def test_a_missing_number_is_an_error_that_names_it(results: dict[str, Path]) -> None:
    broken = {name: value for name, value in METRICS["judge"].items() if name != "auc"}
    (results["results"] / "judge.json").write_text(json.dumps(broken))
    with pytest.raises(InputError, match=r"(?s)'judge'.*expected: auc"):
        headline_numbers(facts_of(results))


def test_a_truncated_result_is_an_error_that_names_the_file(results: dict[str, Path]) -> None:
    path = results["answers"] / "answers.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=re.escape(str(path))):
        facts_of(results)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567, "1,234,567"), (0.98765, "0.9877"), (3.0, "3"), (12345.6, "12,346"), ("x", "x")],
)
def test_numbers_read_well(value: Any, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.31, "0.3 s"), (42.4, "42 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_times_read_well(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
