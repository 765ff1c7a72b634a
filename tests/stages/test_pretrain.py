"""The stage pretrain: its outs repeat to the byte, also after a kill, and its metrics are whole."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError

from llm.corpus.documents import DOCUMENT_SCHEMA
from llm.errors import InputError
from llm.stages.pretrain import Config, run
from llm.tokens.tokenizer import train
from llm.tokens.writing import write_shards
from llm.tracking import MemoryTracker
from llm.weights.export import load_model

SETTINGS: dict[str, Any] = {
    "seed": 5,
    "model": {
        "context_length": 32,
        "emb_dim": 16,
        "n_heads": 2,
        "n_layers": 1,
        "drop_rate": 0.1,
        "qkv_bias": True,
        "tie_embeddings": True,
    },
    "stride": 32,
    "training": {
        "batch_size": 4,
        "epochs": 2.0,
        "learning_rate": 1e-2,
        "min_learning_rate": 1e-3,
        "warmup_fraction": 0.1,
        "weight_decay": 0.1,
        "evaluate_every_steps": 5,
        "checkpoint_every_steps": 4,
    },
    "evaluation_tokens": 60,
    "sample_every_steps": 10,
    "sample_prompt": "The",
    "sample_tokens": 4,
}


def documents(first: int, last: int) -> list[pa.RecordBatch]:
    rows = [
        {
            "id": f"{number:08d}",
            "text": f"The cat number {number} sat on mat {number % 7}, and slept. " * 3,
            "source": "tales",
            "licence": "CC0-1.0",
            "language": "en",
            "language_score": 1.0,
            "quality": 1.0,
            "cluster": f"{number:08d}",
            "raw_id": str(number),
        }
        for number in range(first, last)
    ]
    return [pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA)]


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    tokenizer = train([documents(0, 60)[0]["text"][i].as_py() for i in range(60)], vocab_size=280)
    tokenizer.save(tmp_path / "tokenizer")
    for split, (first, last) in (("train", (0, 50)), ("validation", (50, 60))):
        write_shards(
            documents(first, last),
            tmp_path / split,
            tokenizer=tokenizer,
            shard_tokens=1_000,
            threads=1,
        )
    (tmp_path / "validated.json").write_text("{}")
    paths = {name: tmp_path / name for name in ("tokenizer", "train", "validation")}
    return {**paths, "validated": tmp_path / "validated.json"}


def outputs(folder: Path) -> dict[str, Path]:
    return {
        "weights": folder / "weights",
        "history": folder / "history.csv",
        "samples": folder / "samples.json",
        "checkpoints": folder / "checkpoints",
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Killed(Exception):
    """Stands for the end of the process."""


class KillingTracker(MemoryTracker):
    """Ends the stage after a step."""

    def log_metrics(self, metrics: Any, *, step: int | None = None) -> None:
        super().log_metrics(metrics, step=step)
        if step == 9:
            raise Killed


def test_outs_repeat_to_the_byte_also_after_a_kill(inputs: dict[str, Path], tmp_path: Path) -> None:
    config = Config.model_validate(SETTINGS)
    tracker = MemoryTracker()
    metrics = run(config, **inputs, **outputs(tmp_path / "a"), tracker=tracker)
    with pytest.raises(Killed):
        run(config, **inputs, **outputs(tmp_path / "b"), tracker=KillingTracker())
    left = contents(tmp_path / "b")
    assert left
    assert all(name.startswith("checkpoints/") for name in left)
    assert run(config, **inputs, **outputs(tmp_path / "b"), tracker=MemoryTracker()) == metrics
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert "checkpoints" not in [path.name for path in (tmp_path / "a").iterdir()]
    assert tracker.models == {"pretrained": tmp_path / "a" / "weights"}


def test_documents_kept_apart_train_and_are_measured_differently(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    """From the first step on: weights and windows are the same."""
    settings = {**SETTINGS, "training": {**SETTINGS["training"], "maximum_steps": 2}}
    rows = {}
    for apart in (False, True):
        config = Config.model_validate({**settings, "separate_documents": apart})
        run(config, **inputs, **outputs(tmp_path / str(apart)), tracker=MemoryTracker())
        with (tmp_path / str(apart) / "history.csv").open() as stream:
            rows[apart] = list(csv.DictReader(stream))
    assert rows[False][0]["validation_loss"] != rows[True][0]["validation_loss"]
    assert rows[False][-1]["train_loss"] != rows[True][-1]["train_loss"]


def test_metrics_history_samples_and_weights_fit_together(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    metrics = run(
        Config.model_validate(SETTINGS), **inputs, **outputs(tmp_path), tracker=MemoryTracker()
    )
    assert {
        "validation_loss", "bits_per_byte", "trigram_loss", "train_loss",
        "parameters", "steps", "epochs", "tokens_seen",
    } <= set(metrics)  # fmt: skip
    assert json.loads(json.dumps(metrics)) == metrics
    assert metrics["tokens_seen"] == metrics["steps"] * 4 * 32
    with (tmp_path / "history.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert int(rows[-1]["step"]) == metrics["steps"]
    assert float(rows[-1]["validation_loss"]) < float(rows[0]["validation_loss"])
    samples = json.loads((tmp_path / "samples.json").read_text(encoding="utf-8"))
    assert all(sample["text"].startswith("The") for sample in samples)
    model = load_model(tmp_path / "weights", made_by="pretrain")
    assert sum(parameter.numel() for parameter in model.parameters()) >= metrics["parameters"]


def test_too_little_text_is_refused(inputs: dict[str, Path], tmp_path: Path) -> None:
    settings = {**SETTINGS, "model": {**SETTINGS["model"], "context_length": 100_000}}
    with pytest.raises(InputError, match="too little text"):
        run(
            Config.model_validate(settings),
            **inputs,
            **outputs(tmp_path),
            tracker=MemoryTracker(),
        )
    assert not (tmp_path / "weights").exists()


def test_a_stride_beyond_the_window_is_refused() -> None:
    with pytest.raises(ValidationError, match="stride"):
        Config.model_validate({**SETTINGS, "stride": 33})
