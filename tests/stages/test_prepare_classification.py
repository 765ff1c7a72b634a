"""The stage that prepares labelled messages: leak-free, repeatable, and strict."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from llm.errors import InputError
from llm.files import read_manifest, write_manifest
from llm.stages.prepare_classification import Config, run

SETTINGS = {
    "format": "csv",
    "text_column": "text",
    "label_column": "label",
    "positive_label": "spam",
    "negative_label": "ham",
    "train_fraction": 0.7,
    "validation_fraction": 0.1,
    "near_duplicate_similarity": 0.7,
    "seed": 1,
}
SMS = (
    "raw.githubusercontent.com/AlexandreBoult/Spam-Filter/"
    "f7eee2953bd89f4cd0af2f696bfcd6266600a1c7/SMSSpamCollection"
)


def _raw(folder: Path, content: str, name: str = "messages.csv") -> Path:
    raw = folder / "raw"
    raw.mkdir()
    (raw / name).write_text(content, encoding="utf-8")
    write_manifest(raw, sources=[])
    return raw


def _rows(count: int) -> str:
    words = [
        "ash",
        "elm",
        "oak",
        "fir",
        "yew",
        "bay",
        "fig",
        "nut",
        "pear",
        "plum",
        "rose",
        "fern",
        "moss",
        "reed",
        "iris",
    ]
    return "label,text\n" + "".join(
        f"{'spam' if number % 4 == 0 else 'ham'},"
        f"{words[number % 15]} {words[number // 15 % 15]} {words[number * 7 % 15]}"
        f" thing{chr(97 + number % 26) * 3} and {chr(97 + number // 26) * 5}\n"
        for number in range(count)
    )


def test_it_writes_three_splits_and_the_same_bytes_twice(tmp_path: Path) -> None:
    raw = _raw(tmp_path, _rows(200))
    config = Config.model_validate(SETTINGS)
    metrics = run(config, raw=raw, messages=tmp_path / "one")
    assert run(config, raw=raw, messages=tmp_path / "two") == metrics
    manifest = read_manifest(tmp_path / "one", made_by="prepare_classification", verify=True)
    assert manifest == read_manifest(tmp_path / "two", made_by="prepare_classification")
    assert manifest["classes"] == ["ham", "spam"]
    rows = {
        s: pq.read_table(tmp_path / f"one/{s}.parquet") for s in ("train", "validation", "test")
    }
    assert sum(table.num_rows for table in rows.values()) == metrics["messages"]
    assert metrics["train"]["positive"] == sum(rows["train"]["label"].to_pylist())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("name,text\na,b\n", "no column 'label'"),
        ("label,text\n", "lacks a class"),
        ("label,text\nham,a\nham,b\n", "lacks a class"),
    ],
)
def test_messages_that_cannot_be_used_leave_nothing(
    tmp_path: Path, content: str, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        run(
            Config.model_validate(SETTINGS),
            raw=_raw(tmp_path, content),
            messages=tmp_path / "messages",
        )
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValidationError, match="nothing for the test"):
        Config.model_validate(SETTINGS | {"train_fraction": 0.9})
    with pytest.raises(ValidationError, match="are the same"):
        Config.model_validate(SETTINGS | {"negative_label": "spam"})


def test_the_real_collection_is_read_whole_and_does_not_leak(mirror: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    shutil.copy(mirror / SMS, raw)
    write_manifest(raw, sources=[])
    metrics = run(
        Config.model_validate(SETTINGS | {"format": "tsv"}), raw=raw, messages=tmp_path / "messages"
    )
    assert metrics["rows"] == 5574
    assert metrics["exact_duplicates"] >= 403
    clusters = {
        split: set(pq.read_table(tmp_path / f"messages/{split}.parquet")["cluster"].to_pylist())
        for split in ("train", "validation", "test")
    }
    assert not clusters["test"] & (clusters["train"] | clusters["validation"])
    assert metrics["test"]["positive"] / metrics["test"]["messages"] == pytest.approx(
        0.124, abs=0.005
    )
