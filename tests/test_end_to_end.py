"""The whole house on the profile smoke: real stages, real DVC, real Prefect, and real kills."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from llm.__main__ import STAGES, main
from pipelines.graph import read_graph

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

# Holds times, so that its bytes differ from run to run.
TIMED = "report"
DATA_STAGES = {
    "download", "validate_raw", "clean", "dedupe", "validate_documents", "decontaminate", "split",
    "validate_splits", "train_tokenizer", "tokenize", "validate_tokens", "validate_drift",
    "prepare_classification", "validate_messages", "prepare_instructions", "validate_instructions",
}  # fmt: skip


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "LLM_TRACKING"}
    kept.pop("LLM_MIRROR", None)  # smoke needs no real data
    places = [str(Path(sys.executable).parent), kept["PATH"]]
    return {**kept, "PATH": os.pathsep.join(places), "PYTHONUNBUFFERED": "1"}


def call(place: Path, *words: str, seconds: float = 1200) -> subprocess.CompletedProcess[str]:
    """Run `python -m WORDS` in a checkout; past its time, let it end its children first."""
    command = [sys.executable, "-m", *words]
    with subprocess.Popen(
        command,
        cwd=place,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            stdout, stderr = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.terminate()
            raise
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def clone(root: Path, place: Path) -> Path:
    """A new checkout of the files that git knows or would know, set to the profile smoke."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).is_file() and name != "dvc.lock":
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, place / name)
    for words in (
        ("init", "-q"),
        ("add", "-A"),
        ("-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-qm", "all"),
    ):
        subprocess.run(["git", *words], cwd=place, check=True, capture_output=True)
    ended = call(place, "llm", "profile", "smoke", "--force")
    assert ended.returncode == 0, ended.stderr
    return place


def hashes(place: Path) -> dict[str, str]:
    """The hash of every out, by path, but those of the report."""
    lock = yaml.safe_load((place / "dvc.lock").read_text(encoding="utf-8"))
    return {
        out["path"]: out["md5"]
        for name, entry in lock["stages"].items()
        if name != TIMED
        for out in entry["outs"]
    }


def stages_run(output: str) -> list[str]:
    return re.findall(r"Running stage '(\w+)'", output)


@pytest.fixture(scope="session")
def finished(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which everything ran once, undisturbed. Tests work on copies of it."""
    place = clone(root, tmp_path_factory.mktemp("finished") / "a new folder")
    ended = call(place, "pipelines.repro", seconds=900)
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert set(stages_run(ended.stdout)) == set(STAGES)
    return place


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished checkout, to change."""
    place = tmp_path / "copy"
    shutil.copytree(finished, place, symlinks=True)
    return place


def test_everything_is_there_and_nothing_is_left(finished: Path):
    assert (finished / "data" / "reports" / "report.html").is_file()
    assert not any((finished / "data" / "checkpoints").glob("*/*"))
    assert not list((finished / "data").rglob("*.partial"))
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=finished, capture_output=True, text=True, check=True
    )
    changed = {line[3:] for line in status.stdout.splitlines()}
    assert changed <= {"params.yaml", "dvc.lock"}


def test_the_report_has_its_numbers(finished: Path):
    import json

    metrics = json.loads((finished / "data" / "reports" / "metrics.json").read_text("utf-8"))
    flat = {
        f"{section}.{name}"
        for section, values in metrics.items()
        if isinstance(values, dict)
        for name in values
    } | set(metrics)
    assert flat >= {
        "pretrain.validation_loss", "pretrain.bits_per_byte", "pretrain.trigram_loss",
        "classifier.f1", "classifier.pr_auc", "classifier.baseline_f1",
        "instructions.exact_match", "instructions.exact_match_before",
        "judge.mean_score", "judge.auc", "judge.parse_failure_fraction",
    }  # fmt: skip


def test_a_second_run_does_nothing(finished: Path):
    before = (finished / "dvc.lock").read_bytes()
    for command in (("pipelines.repro",), ("dvc", "repro")):
        ended = call(finished, *command)
        assert ended.returncode == 0, ended.stderr
        assert stages_run(ended.stdout) == []
    assert (finished / "dvc.lock").read_bytes() == before


def test_mlflow_heard_every_stage_under_one_parent(finished: Path):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{finished}/data/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("llm")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], max_results=500)
    by_stage = {run.data.tags["stage"]: run for run in runs if "stage" in run.data.tags}
    assert set(by_stage) >= set(STAGES)
    parents = {run.data.tags.get("mlflow.parentRunId") for run in by_stage.values()}
    assert len(parents) == 1
    assert {run.info.status for run in runs} == {"FINISHED"}
    lock = yaml.safe_load((finished / "dvc.lock").read_text(encoding="utf-8"))
    for dependency in lock["stages"]["pretrain"]["deps"]:
        tag = by_stage["pretrain"].data.tags["dependency." + dependency["path"]]
        assert tag == dependency["md5"]


def test_a_readme_is_no_dependency_and_a_judge_setting_concerns_judge_and_report(copy: Path):
    (copy / "README.md").write_text("Other words.\n", encoding="utf-8")
    ended = call(copy, "pipelines.repro")
    assert ended.returncode == 0, ended.stderr
    assert stages_run(ended.stdout) == []
    edit(copy / "params.yaml", "judge", shuffle_seed=7)
    ended = call(copy, "pipelines.repro")
    assert ended.returncode == 0, ended.stderr
    assert stages_run(ended.stdout) == ["judge", "report"]


def test_the_schedule_concerns_training_and_not_the_data(copy: Path):
    path = copy / "llm" / "training" / "schedule.py"
    path.write_text(path.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")
    ended = call(copy, "dvc", "status", "--json")
    import json

    changed = {name for name in json.loads(ended.stdout) if name in STAGES}
    assert "pretrain" in changed
    graph = read_graph(copy / "dvc.yaml")
    concerned = set(changed)
    for stage in graph.values():
        if concerned & set(stage.upstream):
            concerned.add(stage.name)
    assert not concerned & DATA_STAGES
    assert {"import_gpt2", "finetune_instructions", "answer", "judge", "report"} <= concerned


def test_the_flow_finds_everything_done(finished: Path):
    ended = call(finished, "pipelines.rebuild")
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert len(re.findall(r"^  \w+ +cached ", ended.stdout, re.MULTILINE)) == len(STAGES)


def test_the_flow_in_a_new_checkout_makes_the_same_bytes(
    finished: Path, root: Path, tmp_path: Path
):
    place = clone(root, tmp_path / "new")
    ended = call(place, "pipelines.rebuild")
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert hashes(place) == hashes(finished)


def kill_in(place: Path, stage: str, ready: Callable[[], bool]) -> None:
    """Start the pipeline; SIGKILL all of it once `stage` runs and is ready to be hurt."""
    with (place / "killed.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro", stage],
            cwd=place,
            env=environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            while process.poll() is None:
                if running(process.pid, stage) and ready():
                    os.killpg(process.pid, signal.SIGKILL)
                    break
                time.sleep(0.02)
            else:
                pytest.fail(f"{stage} ended before it could be killed")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def running(pid: int, stage: str) -> bool:
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(pid).children(recursive=True):
            if process.cmdline()[1:4] == ["-m", "llm", stage]:
                return True
    return False


def test_a_kill_in_any_stage_changes_no_byte(finished: Path, root: Path, tmp_path: Path):
    place = clone(root, tmp_path / "killed")
    data = place / "data"

    def started(seconds: float) -> Callable[[], bool]:
        first: list[float] = []

        def ready() -> bool:
            first.append(time.monotonic())
            return first[-1] - first[0] > seconds

        return ready

    def has_checkpoint(name: str) -> Callable[[], bool]:
        return lambda: any((data / "checkpoints" / name).glob("*/*"))

    kill_in(place, "clean", started(2.0))
    kill_in(place, "tokenize", started(1.0))
    kill_in(place, "pretrain", has_checkpoint("pretrain"))
    kill_in(place, "finetune_classifier", has_checkpoint("finetune_classifier"))
    kill_in(place, "finetune_instructions", has_checkpoint("finetune_instructions"))
    ended = call(place, "pipelines.repro")
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    assert hashes(place) == hashes(finished)


# Bad input: each fault has its exit code and a message that names it.


def edit(path: Path, section: str, **values: Any) -> Path:
    """Set values in one section of a params.yaml."""
    params = yaml.safe_load(path.read_text(encoding="utf-8"))
    params[section].update(values)
    path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")
    return path


class Bench:
    """Runs single stages on the finished checkout's data, writing elsewhere."""

    def __init__(self, finished: Path, scratch: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.finished = finished
        self.scratch = scratch
        self.params = scratch / "params.yaml"
        shutil.copy(finished / "params.yaml", self.params)
        self._capture = capture

    def run(self, stage: str, **paths: Path) -> tuple[int, str]:
        """Exit code and stderr of a stage; `paths` replace those of dvc.yaml, by flag."""
        command = read_graph(self.finished / "dvc.yaml")[stage].command[4:]
        known = {**dict(zip(command[::2], command[1::2], strict=True))}
        stage_out = read_graph(self.finished / "dvc.yaml")[stage].outputs
        words = [stage, "--params", str(self.params)]
        for flag, place in known.items():
            replaced = paths.get(flag.removeprefix("--").replace("-", "_"))
            written = place in stage_out or flag in ("--timings", "--docs", "--partial")
            default = (self.scratch if written else self.finished) / place
            words += [flag, str(replaced or default)]
        code = main(words)
        return code, self._capture.readouterr().err

    def source(self, holds: str, path: Path, **more: Any) -> None:
        """Let download take one kind from a local file or folder."""
        params = yaml.safe_load(self.params.read_text(encoding="utf-8"))
        for source in params["download"]["sources"]:
            if source["holds"] == holds:
                source.update({"urls": [f"file:{path}"], **more})
        self.params.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")

    def download(self) -> tuple[int, str]:
        return self.run("download")


@pytest.fixture
def bench(
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Bench:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LLM_MIRROR", raising=False)
    return Bench(finished, tmp_path, capsys)


def test_unknown_key(bench: Bench):
    edit(bench.params, "split", validation_fractoin=0.1)
    code, text = bench.run("split")
    assert code == 2
    assert "did you mean 'validation_fraction'?" in text


def test_wrong_type(bench: Bench):
    edit(bench.params, "split", validation_fraction="a tenth")
    code, text = bench.run("split")
    assert code == 2
    assert "split.validation_fraction: found 'a tenth'" in text


def test_missing_file(bench: Bench):
    code, text = bench.run("split", documents=bench.scratch / "nowhere")
    assert code == 3
    assert "nowhere" in text
    assert not (bench.scratch / "data" / "documents" / "train").exists()


def test_wrong_checksum(bench: Bench):
    (bench.scratch / "messages.csv").write_text("label,text\nham,hello\n", encoding="utf-8")
    bench.source("messages", bench.scratch / "messages.csv", sha256="0" * 64)
    code, text = bench.download()
    assert code in (3, 4)
    assert "0" * 64 in text
    assert not (bench.scratch / "data" / "raw" / "messages").exists()


def test_truncated_parquet(bench: Bench):
    documents = bench.scratch / "unique"
    shutil.copytree(bench.finished / "data" / "documents" / "unique", documents)
    part = documents / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-100])
    code, text = bench.run("split", documents=documents)
    assert code == 3
    assert "part-00000.parquet" in text


def test_empty_corpus(bench: Bench):
    corpus = bench.scratch / "corpus"
    corpus.mkdir()
    (corpus / "empty.txt").write_text("", encoding="utf-8")
    bench.source("corpus", corpus)
    code, text = bench.download()
    if code == 0:
        code, text = bench.run("clean", raw=bench.scratch / "data" / "raw" / "corpus")
    assert code == 3, text


def test_messages_without_labels(bench: Bench):
    (bench.scratch / "messages.csv").write_text("text\nhello\n", encoding="utf-8")
    bench.source("messages", bench.scratch / "messages.csv")
    assert bench.download()[0] == 0
    raw = bench.scratch / "data" / "raw" / "messages"
    code, text = bench.run("prepare_classification", raw=raw)
    assert code in (2, 3)
    assert "label" in text


def test_failed_gate(bench: Bench):
    edit(bench.params, "validate_documents", minimum_documents=1_000_000)
    code, text = bench.run("validate_documents")
    assert code == 3
    assert "1000000" in text or "1,000,000" in text
    assert not (bench.scratch / "data" / "validation" / "documents.json").exists()
