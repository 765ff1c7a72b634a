"""What every stage left, read from disk: all that the report shows."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.files import open_parquet, read_json, require
from llm.lineage import git_state


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the page shows, read from disk.

    stages: metrics by stage. histories: CSV rows by stage. timings: seconds, bytes and rates by
    stage. lineage: dvc.lock's entries by stage.
    """

    stages: dict[str, dict[str, Any]]
    histories: dict[str, list[dict[str, float]]]
    samples: list[dict[str, Any]]
    gates: dict[str, dict[str, Any]]
    timings: dict[str, dict[str, float]]
    predictions: dict[str, list[Any]]
    answers: list[dict[str, Any]]
    scores: list[dict[str, Any]]
    lineage: dict[str, dict[str, Any]]
    commit: str
    examples: int


def collect(
    *,
    results: Path,
    gates: Path,
    answers: Path,
    scores: Path,
    lock: Path,
    timings_dir: Path,
    examples: int,
) -> Facts:
    """Read every result. Raises InputError where a file is missing or broken."""
    stages = {path.stem: _json(path) for path in sorted(results.glob("*.json"))}
    samples: Any = stages.pop("pretrain_samples", [])
    return Facts(
        stages=stages,
        histories={
            path.stem.removesuffix("_history"): _history(path)
            for path in sorted(results.glob("*_history.csv"))
        },
        samples=samples,
        gates={path.stem: _json(path) for path in sorted(gates.glob("*.json"))},
        timings={path.stem: _json(path) for path in sorted(timings_dir.glob("*.json"))},
        predictions=_columns(
            results / "classifier_predictions.parquet", made_by="finetune_classifier"
        ),
        answers=_rows(answers / "answers.parquet", made_by="answer"),
        scores=_rows(scores / "scores.parquet", made_by="judge"),
        lineage=_lineage(lock),
        commit=_commit(lock.resolve().parent),
        examples=examples,
    )


def _json(path: Path) -> Any:
    return read_json(path, made_by=path.stem)


def _history(path: Path) -> list[dict[str, float]]:
    """Rows of a history; an empty cell, as of the training loss before step 1, is NaN."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            {key: float(value) if value else math.nan for key, value in row.items()}
            for row in csv.DictReader(stream)
        ]


def _rows(path: Path, *, made_by: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = open_parquet(path, made_by=made_by).read().to_pylist()
    return rows


def _columns(path: Path, *, made_by: str) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = open_parquet(path, made_by=made_by).read().to_pydict()
    return columns


def _lineage(lock: Path) -> dict[str, dict[str, Any]]:
    """Per stage: command, hashes of data and code it read, settings, hashes of what it wrote."""
    from ruamel.yaml import YAML

    require(lock, made_by="judge")
    stages = YAML(typ="safe", pure=True).load(lock.read_text(encoding="utf-8"))["stages"]
    return {
        name: {
            "command": entry["cmd"],
            "data": [dep for dep in entry.get("deps", []) if dep["path"].startswith("data/")],
            "code": [dep for dep in entry.get("deps", []) if not dep["path"].startswith("data/")],
            "params": entry.get("params", {}).get("params.yaml", {}).get(name, {}),
            "outs": entry.get("outs", []),
        }
        for name, entry in stages.items()
        if name != "report"  # this very run has no entry yet; an older one would mislead
    }


def _commit(repository: Path) -> str:
    """The git commit, marked where the working tree differs from it."""
    state = git_state(repository)
    if not state:
        return "not under git"
    changed = " with uncommitted changes" if state["git.dirty"] == "true" else ""
    return state["git.commit"] + changed
