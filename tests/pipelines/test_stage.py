"""One stage: ran or cached, its own exit code, and retries only where they can help."""

import logging
import threading
import time
from pathlib import Path

import pytest

from pipelines.processes import ChildStoppedError
from pipelines.stage import StageOutcome, key_metrics, reproduce, stage_task

LOGGER = logging.getLogger("test")


def bring(stage: str, place: Path, *, timeout_seconds: float | None = 60) -> StageOutcome:
    return reproduce(
        stage,
        root=place,
        pipeline_run="run-1",
        timeout_seconds=timeout_seconds,
        stop=threading.Event(),
        logger=LOGGER,
    )


def test_ran_then_cached(repository: Path):
    first, second = bring("one", repository), bring("one", repository)
    assert (first.state, second.state) == ("ran", "cached")
    assert (repository / "one.txt").read_text(encoding="utf-8") == "one\n"


def test_a_run_that_dvc_remembers_counts_as_cached(repository: Path):
    for stage in ("one", "two", "three"):
        bring(stage, repository)
    (repository / "three.txt").unlink()
    (repository / "dvc.lock").unlink()
    outcome = bring("three", repository)
    assert outcome.state == "cached"
    assert outcome.metrics == {"lines": 2}
    assert (repository / "three.txt").exists()


@pytest.mark.parametrize("code", [2, 3, 4, 130])
def test_the_stages_own_exit_code_is_kept(repository: Path, code: int):
    (repository / "dvc.yaml").write_text(
        f"stages:\n  one:\n    cmd: echo broken because && exit {code}\n", encoding="utf-8"
    )
    outcome = bring("one", repository)
    assert (outcome.state, outcome.exit_code) == ("failed", code)
    assert "broken because" in outcome.reason


def test_a_stage_past_its_time_fails(repository: Path):
    (repository / "dvc.yaml").write_text("stages:\n  one:\n    cmd: sleep 60\n", encoding="utf-8")
    outcome = bring("one", repository, timeout_seconds=2)
    assert (outcome.state, outcome.exit_code) == ("failed", 124)
    assert "longer than 2 s" in outcome.reason


def test_a_stopped_stage_ends_soon(repository: Path):
    (repository / "dvc.yaml").write_text("stages:\n  one:\n    cmd: sleep 60\n", encoding="utf-8")
    stop = threading.Event()
    threading.Timer(2.0, stop.set).start()
    began = time.monotonic()
    with pytest.raises(ChildStoppedError):
        reproduce(
            "one",
            root=repository,
            pipeline_run="run-1",
            timeout_seconds=None,
            stop=stop,
            logger=LOGGER,
        )
    assert time.monotonic() - began < 25


def test_only_stages_that_talk_to_the_outside_are_retried():
    stop = threading.Event()
    assert stage_task("download", stop).retries > 0
    assert stage_task("judge", stop).retries > 0
    assert stage_task("pretrain", stop).retries == 0


def test_key_metrics_are_plain_numbers(tmp_path: Path):
    path = tmp_path / "m.json"
    path.write_text('{"a": 1, "b": {"c": 2}, "d": "x", "e": true, "f": 0.5}', encoding="utf-8")
    assert key_metrics(path) == {"a": 1, "f": 0.5}
    assert key_metrics(tmp_path / "absent.json") == {}
