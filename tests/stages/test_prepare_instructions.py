"""The stage that prepares instruction records: disjoint splits, repeatable, and strict."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from llm.corpus.dedupe.similar import normalise
from llm.errors import InputError
from llm.files import read_manifest, write_manifest
from llm.stages.prepare_instructions import Config, run

SETTINGS = {
    "test_fraction": 0.1,
    "validation_fraction": 0.05,
    "judge_fraction": 0.3,
    "near_duplicate_similarity": 0.8,
    "seed": 1,
}
BOOK = (
    "raw.githubusercontent.com/rasbt/LLMs-from-scratch/28c65cdfbc3338e2e040016eea4b7fdf556e4d57/"
    "ch07/01_main-chapter-code/instruction-data.json"
)
SPLITS = ("train", "validation", "test", "judge")


def _raw(folder: Path, records: list[dict]) -> Path:
    raw = folder / "raw"
    raw.mkdir()
    lines = "".join(json.dumps(record) + "\n" for record in records)
    (raw / "instructions.jsonl").write_text(lines, encoding="utf-8")
    write_manifest(raw, sources=[])
    return raw


def test_it_writes_four_splits_and_the_same_bytes_twice(tmp_path: Path) -> None:
    records = [
        {"instruction": f"Spell word{n}", "input": "", "output": f"w {n}", "held_out": n % 9 == 0}
        for n in range(90)
    ]
    raw = _raw(tmp_path, [*records, records[0]])
    config = Config.model_validate(SETTINGS)
    metrics = run(config, raw=raw, instructions=tmp_path / "one")
    assert run(config, raw=raw, instructions=tmp_path / "two") == metrics
    made_by = "prepare_instructions"
    manifest = read_manifest(tmp_path / "one", made_by=made_by, verify=True)
    assert manifest == read_manifest(tmp_path / "two", made_by=made_by)
    assert (metrics["rows"], metrics["exact_duplicates"], metrics["records"]) == (91, 1, 90)
    assert metrics["test"] == 10
    assert sum(metrics[split] for split in SPLITS) == 90


def test_too_few_records_are_refused(tmp_path: Path) -> None:
    record = {"instruction": "a", "input": "", "output": "b"}
    with pytest.raises(InputError, match="holds no instruction record"):
        run(
            Config.model_validate(SETTINGS),
            raw=_raw(tmp_path, [record]),
            instructions=tmp_path / "out",
        )
    assert not (tmp_path / "out").exists()


def test_fractions_must_leave_something_to_train_on() -> None:
    with pytest.raises(ValidationError, match="nothing to train on"):
        Config.model_validate(SETTINGS | {"test_fraction": 0.6, "validation_fraction": 0.4})


def test_the_books_records_do_not_leak(mirror: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    shutil.copy(mirror / BOOK, raw)
    write_manifest(raw, sources=[])
    metrics = run(Config.model_validate(SETTINGS), raw=raw, instructions=tmp_path / "out")
    assert metrics["rows"] == 1100
    assert metrics["exact_duplicates"] >= 25
    prompts = [
        normalise(f"{row['instruction']} {row['input']}")
        for split in SPLITS
        for row in pq.read_table(tmp_path / f"out/{split}.parquet").to_pylist()
    ]
    assert len(prompts) == len(set(prompts)) == metrics["records"]
