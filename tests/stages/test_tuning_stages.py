"""From a base model to judged answers: every stage on small data, resumed, repeated, refused."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from llm.corpus.instructions import INSTRUCTION_SCHEMA
from llm.corpus.messages import MESSAGE_SCHEMA
from llm.errors import InputError, PipelineError
from llm.files import read_manifest, write_json, write_manifest, write_parquet
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.stages import answer, finetune_classifier, finetune_instructions, finetune_judge, judge
from llm.tokens import tokenizer as tokens
from llm.tracking import MemoryTracker
from llm.weights.export import load_classifier, load_model, save_model
from tests.several import several

COLOURS = ("red", "blue", "green", "white", "black", "grey", "brown", "pink")
TRAINING = {
    "batch_size": 8,
    "epochs": 3,
    "maximum_steps": None,
    "learning_rate": 1e-2,
    "min_learning_rate": 1e-3,
    "warmup_fraction": 0.1,
    "weight_decay": 0.1,
    "precision": "float32",
    "evaluate_every_steps": 5,
    "checkpoint_every_steps": 3,
}
TUNING = {"seed": 1, "prompt_style": "plain", "maximum_tokens": 96, "training": TRAINING}
CLASSIFIER = {
    "seed": 1,
    "maximum_tokens": 32,
    "trainable": "all",
    "class_weights": "balanced",
    "interval_samples": 100,
    "training": TRAINING,
}
ANSWER = {
    "prompt_style": "plain",
    "maximum_new_tokens": 8,
    "batch_size": 4,
    "limit": None,
    "temperature": 0.0,
    "seed": 1,
}
JUDGE = {
    "prompt_style": "plain",
    "method": "likelihood",
    "batch_size": 4,
    "shuffle_seed": 1,
    "chat": {
        "model": None,
        "json_replies": True,
        "maximum_parse_failure_fraction": 0.1,
        "discrimination_records": 5,
        "retries": 0,
        "timeout_seconds": 10,
    },
}


def _instructions(folder: Path) -> None:
    folder.mkdir()
    counts = {"train": 64, "validation": 8, "test": 10, "judge": 32}
    for start, (split, count) in enumerate(counts.items()):
        rows = [
            {
                "id": f"{split}{n:03d}",
                "instruction": "Say it.",
                "input": COLOURS[(n + start) % len(COLOURS)],
                "output": COLOURS[(n + start) % len(COLOURS)],
                "family": "repeat" if n % 2 else "copy",
            }
            for n in range(count)
        ]
        _write(rows, folder / f"{split}.parquet", INSTRUCTION_SCHEMA)
    write_manifest(folder, held_out=False)


def _messages(folder: Path) -> None:
    folder.mkdir()
    for split, count in {"train": 80, "validation": 20, "test": 30}.items():
        rows = [
            {
                "id": f"{split}{n:03d}",
                "text": f"{'win the' if n % 4 == 0 else 'see a'} {COLOURS[n % 8]} ball {n}",
                "label": int(n % 4 == 0),
                "cluster": f"{split}{n:03d}",
            }
            for n in range(count)
        ]
        _write(rows, folder / f"{split}.parquet", MESSAGE_SCHEMA)
    write_manifest(folder, classes=["ham", "spam"])


def _write(rows: list[dict[str, Any]], path: Path, schema: Any) -> None:
    import pyarrow as pa

    write_parquet(pa.Table.from_pylist(rows, schema=schema), path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stages before leave behind: a base model, its tokenizer, records, gates."""
    folder = tmp_path_factory.mktemp("made")
    text = " ".join(COLOURS) + " Instruction: Say it. Input: Response: win see a ball "
    words = tokens.train([text * 30], vocab_size=290)
    words.save(folder / "tokenizer")
    torch.manual_seed(1)
    config = GPTConfig(
        vocab_size=words.vocab_size,
        context_length=128,
        emb_dim=32,
        n_heads=2,
        n_layers=2,
        drop_rate=0.1,
        qkv_bias=True,
        tie_embeddings=True,
    )
    save_model(GPTModel(config), folder / "base")
    _instructions(folder / "instructions")
    _messages(folder / "messages")
    write_json(folder / "validated.json", {"success": True})
    return folder


def _tune(stage: Any, made: Path, out: Path, *, tracker: Any = None, **changes: Any) -> Any:
    return stage.run(
        stage.Config.model_validate(TUNING | changes),
        base=made / "base",
        instructions=made / "instructions",
        tokenizer=made / "tokenizer",
        validated=made / "validated.json",
        weights=out / "weights",
        history=out / "history.csv",
        checkpoints=out.parent / f"{out.name}-checkpoints",
        tracker=tracker or MemoryTracker(),
    )


def _classify(made: Path, out: Path, *, tracker: Any = None, **changes: Any) -> Any:
    return finetune_classifier.run(
        finetune_classifier.Config.model_validate(CLASSIFIER | changes),
        base=made / "base",
        messages=made / "messages",
        tokenizer=made / "tokenizer",
        validated=made / "validated.json",
        classifier=out / "classifier",
        predictions=out / "predictions.parquet",
        history=out / "history.csv",
        checkpoints=out.parent / f"{out.name}-checkpoints",
        tracker=tracker or MemoryTracker(),
    )


def _answer(made: Path, instructed: Path, out: Path, **changes: Any) -> Any:
    return answer.run(
        answer.Config.model_validate(ANSWER | changes),
        base=made / "base",
        instructed=instructed,
        instructions=made / "instructions",
        tokenizer=made / "tokenizer",
        answers=out / "answers",
        tracker=MemoryTracker(),
    )


def _judge(made: Path, judge_weights: Path, out: Path, **changes: Any) -> Any:
    return judge.run(
        judge.Config.model_validate(JUDGE | changes),
        answers=out / "answers",
        judge_weights=judge_weights,
        tokenizer=made / "tokenizer",
        scores=out / "scores",
        replies=out / "replies",
    )


@pytest.fixture(scope="module")
def instructed(made: Path) -> Path:
    out = made / "instructed"
    _tune(finetune_instructions, made, out, training=TRAINING | {"epochs": 15})
    return out


@pytest.fixture(scope="module")
def judge_model(made: Path) -> Path:
    out = made / "judge"
    _tune(finetune_judge, made, out, seed=2, training=TRAINING | {"epochs": 20})
    return out


class InterruptingTracker(MemoryTracker):
    """Stops the training as Ctrl-C would, once the metrics of a step arrive."""

    def log_metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        if step is not None and step >= 10:
            raise KeyboardInterrupt
        super().log_metrics(metrics, step=step)


def _hashes(out: Path) -> dict[str, bytes]:
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("name", ["instructions", "classifier"])
def test_a_resumed_training_equals_an_undisturbed_one(
    made: Path, tmp_path: Path, name: str
) -> None:
    def tune(out: Path, tracker: Any) -> Any:
        if name == "classifier":
            return _classify(made, out, tracker=tracker)
        return _tune(finetune_instructions, made, out, tracker=tracker)

    whole = tune(tmp_path / "whole", MemoryTracker())
    with pytest.raises(KeyboardInterrupt):
        tune(tmp_path / "parts", InterruptingTracker())
    assert not (tmp_path / "parts").exists()
    assert any((tmp_path / "parts-checkpoints").rglob("state.json"))
    assert tune(tmp_path / "parts", MemoryTracker()) == whole
    assert _hashes(tmp_path / "parts") == _hashes(tmp_path / "whole")
    assert not (tmp_path / "parts-checkpoints").exists()


def test_instruction_tuning_learns_and_tells(made: Path, instructed: Path, tmp_path: Path) -> None:
    tracker = MemoryTracker()
    metrics = _tune(finetune_instructions, made, tmp_path / "out", tracker=tracker)
    assert metrics["validation_loss"] < 0.5 * metrics["validation_loss_before"]
    assert (metrics["records"], metrics["records_too_long"]) == (64, 0)
    assert tracker.models == {"instructed": tmp_path / "out/weights"}
    assert load_model(tmp_path / "out/weights", made_by="finetune_instructions")
    with (tmp_path / "out/history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[-1]["validation_loss"]) == pytest.approx(metrics["validation_loss"], rel=1e-4)


def test_long_records_are_left_out_and_counted(made: Path, tmp_path: Path) -> None:
    path = tmp_path / "made"
    shutil.copytree(made, path, ignore=shutil.ignore_patterns("instructed", "judge"))
    rows = pq.read_table(path / "instructions/train.parquet").to_pylist()
    rows[3]["output"] = "red " * 200
    _write(rows, path / "instructions/train.parquet", INSTRUCTION_SCHEMA)
    write_manifest(path / "instructions", held_out=False)
    metrics = _tune(finetune_instructions, path, tmp_path / "out")
    assert (metrics["records"], metrics["records_too_long"]) == (63, 1)


def test_the_classifier_learns_and_stands_beside_its_baseline(made: Path, tmp_path: Path) -> None:
    tracker = MemoryTracker()
    metrics = _classify(made, tmp_path / "out", tracker=tracker)
    assert metrics["f1"] > 0.9
    for name in ("accuracy", "precision", "recall", "f1", "pr_auc"):
        for prefix in ("", "baseline_"):
            low, high = metrics[f"{prefix}{name}_low"], metrics[f"{prefix}{name}_high"]
            assert 0 <= low <= metrics[f"{prefix}{name}"] <= high <= 1
    assert sum(map(sum, metrics["confusion"])) == metrics["test_messages"] == 30
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics
    table = pq.read_table(tmp_path / "out/predictions.parquet")
    expected = ["id", "label", "probability", "baseline_probability", "text"]
    assert table.column_names == expected
    assert table.num_rows == 30
    assert load_classifier(tmp_path / "out/classifier", made_by="finetune_classifier")
    assert tracker.models == {"classifier": tmp_path / "out/classifier"}


@pytest.mark.parametrize("trainable", ["head", "last_block"])
def test_frozen_weights_stay_as_they_were(made: Path, tmp_path: Path, trainable: str) -> None:
    _classify(made, tmp_path / "out", trainable=trainable)
    before = load_model(made / "base", made_by="import_gpt2").state_dict()
    after = load_classifier(tmp_path / "out/classifier", made_by="x").gpt.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    if trainable == "head":
        assert not changed
    else:
        assert changed
        assert all(name.startswith(("blocks.1.", "final_norm.")) for name in changed)


def test_a_context_too_short_is_refused(made: Path, tmp_path: Path) -> None:
    for refused in (
        lambda: _tune(finetune_instructions, made, tmp_path / "out", maximum_tokens=129),
        lambda: _classify(made, tmp_path / "out", maximum_tokens=129),
    ):
        with pytest.raises(InputError, match="context_length 128"):
            refused()
    with pytest.raises(InputError, match="raise maximum_tokens"):
        _tune(finetune_instructions, made, tmp_path / "out", maximum_tokens=8)
    assert not (tmp_path / "out").exists()


def test_answers_are_measured_before_and_after(
    made: Path, instructed: Path, tmp_path: Path
) -> None:
    metrics = _answer(made, instructed / "weights", tmp_path)
    again = _answer(made, instructed / "weights", tmp_path / "again", batch_size=3)
    assert metrics == again
    assert metrics["exact_match"] > metrics["exact_match_before"]
    assert set(metrics["by_family"]) == set(metrics["by_family_before"]) == {"copy", "repeat"}
    assert 0 <= metrics["rouge_l"] <= 1
    assert metrics["records"] == 10
    rows = pq.read_table(tmp_path / "answers/answers.parquet").to_pylist()
    hits = sum(row["response"] == row["reference"] for row in rows)
    assert metrics["exact_match"] == pytest.approx(hits / 10)
    limited = _answer(made, instructed / "weights", tmp_path / "limited", limit=3)
    assert limited["records"] == 3


def test_the_judge_scores_and_is_itself_measured(
    made: Path, instructed: Path, judge_model: Path, tmp_path: Path
) -> None:
    _answer(made, instructed / "weights", tmp_path)
    metrics = _judge(made, judge_model / "weights", tmp_path)
    assert 0 <= metrics["mean_score"] <= 100
    assert metrics["auc"] > 0.8
    assert metrics["parse_failure_fraction"] == 0
    scores = pq.read_table(tmp_path / "scores/scores.parquet").to_pylist()
    rows = pq.read_table(tmp_path / "answers/answers.parquet").to_pylist()
    for row, score in zip(rows, scores, strict=True):
        assert row["id"] == score["id"]
        if row["response"] == row["reference"]:
            assert score["score"] == pytest.approx(100.0)
    quality = json.loads((tmp_path / "scores/discrimination.json").read_text())
    assert quality["likelihood"]["auc"] == metrics["auc"]
    first = read_manifest(tmp_path / "scores", made_by="judge")
    assert _judge(made, judge_model / "weights", tmp_path) == metrics
    assert read_manifest(tmp_path / "scores", made_by="judge") == first


@pytest.mark.parametrize("own", ["instructed", "base"])
def test_no_model_judges_itself(made: Path, instructed: Path, tmp_path: Path, own: str) -> None:
    _answer(made, instructed / "weights", tmp_path)
    weights = instructed / "weights" if own == "instructed" else made / "base"
    with pytest.raises(InputError, match="one of the judged"):
        _judge(made, weights, tmp_path)
    assert not (tmp_path / "scores").exists()


def test_the_chat_judge_needs_a_model() -> None:
    with pytest.raises(ValueError, match=r"chat\.model"):
        judge.Config.model_validate(JUDGE | {"method": "chat"})


@pytest.mark.parametrize(
    "call",
    [
        lambda made, out: _tune(finetune_instructions, made, out),
        _classify,
        lambda made, out: _answer(made, made / "nowhere", out),
    ],
)
def test_a_missing_or_torn_input_names_its_stage(
    made: Path, tmp_path: Path, call: Callable[[Path, Path], Any]
) -> None:
    path = tmp_path / "made"
    shutil.copytree(made, path, ignore=shutil.ignore_patterns("instructed", "judge"))
    for name in ("messages/train.parquet", "instructions/train.parquet"):
        content = (path / name).read_bytes()
        (path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(PipelineError) as caught:
        call(path, tmp_path / "out")
    assert "dvc repro" in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
@pytest.mark.parametrize("work", ["instructions", "classification"])
def test_two_processes_tune_what_one_tunes(
    made: Path, tmp_path: Path, work: str, kind: str
) -> None:
    """Rows of unequal length, rows without a target: the loss is normalised over all of them."""
    here = tmp_path / "made"
    shutil.copytree(made, here)
    model = load_model(here / "base", made_by="import_gpt2")
    config = model.config.model_copy(update={"drop_rate": 0.0})  # each draws its own dropout
    shutil.rmtree(here / "base")
    save_model(GPTModel(config), here / "base")
    changes = {"training": TRAINING | {"epochs": 1, "learning_rate": 1e-3, "parallel": kind}}

    def tune(out: Path) -> dict[str, Any]:
        found: dict[str, Any] = (
            _classify(here, out, **changes)
            if work == "classification"
            else _tune(finetune_instructions, here, out, **changes)
        )
        return found

    (expected,) = several(1, tune, tmp_path / "one")
    found, helper = several(2, tune, tmp_path / "two")
    assert helper is None
    assert found["steps"] == expected["steps"]
    assert found["validation_loss"] == pytest.approx(expected["validation_loss"], abs=1e-5)
    assert (tmp_path / "two" / "history.csv").read_bytes()
    assert not (tmp_path / "two-checkpoints").exists()
