"""The loop's laws: exact resume and repetition, right normalisation, an end that loses nothing."""

from __future__ import annotations

import csv
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from llm.errors import InputError
from llm.tokens.growing import GrowingWindows
from llm.tracking import MemoryTracker


class Stopped(Exception):
    """Stands for whatever ends a process in the middle."""


class Watched:
    """A loader that notes what it gives, and does something before a certain batch."""

    def __init__(self, loader: Any, *, before: int, act: Any) -> None:
        self.loader = loader
        self.before = before
        self.act = act
        self.seen: list[int] = []
        self.given = 0

    @property
    def batches_per_epoch(self) -> float:
        return self.loader.batches_per_epoch

    def next_batch(self) -> dict[str, Tensor]:
        if self.given == self.before:
            self.act()
        self.given += 1
        batch = self.loader.next_batch()
        self.seen += batch["sample_ids"].tolist()
        return batch

    def describe(self, sample_ids: list[int]) -> list[str]:
        return self.loader.describe(sample_ids)

    def state(self) -> dict[str, Any]:
        return self.loader.state()

    def restore(self, state: dict[str, Any]) -> None:
        self.loader.restore(state)


def stop() -> None:
    raise Stopped


def send(number: int) -> Any:
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("autocast", [False, True])
@pytest.mark.parametrize("killed_before", [0, 5, 7, 13, 19])
def test_resumed_equals_uninterrupted(
    small: Any, tmp_path: Path, killed_before: int, autocast: bool
) -> None:
    straight = small(autocast=autocast)
    expected = straight.train()
    first = small(autocast=autocast)
    with pytest.raises(Stopped):
        first.train(
            checkpoints=tmp_path,
            wrap=lambda loader: Watched(loader, before=killed_before, act=stop),
        )
    second = small(autocast=autocast)
    second.model.eval()  # as loaded weights come: dropout must be switched on again
    found = second.train(checkpoints=tmp_path)
    assert second.weights() == straight.weights()
    assert found.rows == expected.rows
    assert [sample["step"] for sample in found.samples] == [6, 12, 18, 20]
    assert (found.steps, found.tokens) == (20, 20 * 4 * 16)
    third = small(autocast=autocast)  # killed after training, before its results were written
    assert third.train(checkpoints=tmp_path).rows == expected.rows
    assert third.weights() == straight.weights()


@pytest.mark.parametrize("killed_before", [5, 17, 33])
def test_resumed_equals_uninterrupted_with_every_option_of_a_training(
    small: Any, tmp_path: Path, killed_before: int
) -> None:
    settings: dict[str, Any] = {
        "optimizer": "muon",
        "average_decay": 0.9,
        "accumulation_steps": 3,
        "batch_warmup_steps": 8,
    }

    def grow(loader: Any) -> GrowingWindows:
        return GrowingWindows(loader, batches=20)

    def stopped(loader: Any) -> Watched:
        return Watched(grow(loader), before=killed_before, act=stop)

    straight = small()
    expected = straight.train(wrap=grow, **settings)
    with pytest.raises(Stopped):
        small().train(checkpoints=tmp_path, wrap=stopped, **settings)
    second = small()
    found = second.train(checkpoints=tmp_path, wrap=grow, **settings)
    assert second.weights() == straight.weights()
    assert found.rows == expected.rows
    batches = 1 + 1 + 1 + 2 + 2 + 2 + 3 + 3 + 12 * 3
    assert (found.steps, found.tokens) == (20, batches * 4 * 16)
    assert found.last["epoch"] == round(batches * 4 / 27, 4)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_the_step_and_nothing_is_seen_twice(
    small: Any, tmp_path: Path, number: int
) -> None:
    watched: list[Watched] = []

    def watch(before: int, act: Any) -> Any:
        def wrap(loader: Any) -> Watched:
            watched.append(Watched(loader, before=before, act=act))
            return watched[-1]

        return wrap

    straight = small()
    straight.train(wrap=watch(-1, stop))
    handler = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        small().train(checkpoints=tmp_path, wrap=watch(7, send(number)))
    assert signal.getsignal(number) is handler
    assert (tmp_path / "step-000000008").is_dir()
    second = small()
    second.train(checkpoints=tmp_path, wrap=watch(-1, stop))
    assert second.weights() == straight.weights()
    whole, before, after = (loader.seen for loader in watched)
    assert before + after == whole
    assert sorted(whole[:27]) == sorted(whole[27:54]) == list(range(27))


def test_the_second_signal_does_not_wait(small: Any, tmp_path: Path) -> None:
    def twice() -> None:
        send(signal.SIGINT)()
        time.sleep(0.01)
        send(signal.SIGINT)()
        time.sleep(0.01)
        pytest.fail("the second signal was not heard")

    with pytest.raises(KeyboardInterrupt):
        small().train(
            checkpoints=tmp_path, wrap=lambda loader: Watched(loader, before=7, act=twice)
        )
    assert not (tmp_path / "step-000000008").exists()


SCRIPT = """
import sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
import torch
from conftest import Small
torch.set_num_threads(2)

class Slow:
    def __init__(self, loader):
        self.loader = loader
        self.batches_per_epoch = loader.batches_per_epoch
        self.state, self.restore, self.describe = loader.state, loader.restore, loader.describe
    def next_batch(self):
        time.sleep({pause})
        return self.loader.next_batch()

small = Small()
small.train(checkpoints=Path({checkpoints!r}), wrap=Slow)
Path({weights!r}).write_bytes(small.weights())
"""


@pytest.mark.slow
def test_killed_processes_resume_to_the_same_bits(small: Any, tmp_path: Path) -> None:
    straight = small()
    straight.train()
    checkpoints, weights = tmp_path / "checkpoints", tmp_path / "weights"

    def start(pause: float) -> subprocess.Popen[bytes]:
        script = SCRIPT.format(
            folder=str(Path(__file__).parent),
            pause=pause,
            checkpoints=str(checkpoints),
            weights=str(weights),
        )
        return subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])

    for last in ("step-000000005", "step-000000015"):
        process = start(pause=0.2)
        deadline = time.monotonic() + 120
        while not (checkpoints / last).exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    assert not weights.exists()
    assert start(pause=0).wait(timeout=120) == 0
    assert weights.read_bytes() == straight.weights()


def test_equal_seeds_give_equal_bits_whatever_is_watched_on_the_way(small: Any) -> None:
    first, second = small(autocast=True), small(autocast=True)
    first.train()
    second.train(evaluate_every_steps=3)
    assert first.weights() == second.weights()


@pytest.mark.slow
@pytest.mark.timeout(900)  # a compiler on a busy machine
@pytest.mark.usefixtures("compiler")
def test_compiled_resumes_to_the_same_bits(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    straight, first, second = (small(autocast=True, n_layers=1) for _ in range(3))
    straight.train(compile=True)
    with pytest.raises(Stopped):
        first.train(
            checkpoints=tmp_path / "checkpoints",
            compile=True,
            wrap=lambda loader: Watched(loader, before=13, act=stop),
        )
    torch._dynamo.reset()  # as in another process: compiled anew, from the cache
    second.train(checkpoints=tmp_path / "checkpoints", compile=True)
    assert second.weights() == straight.weights()
    assert any((tmp_path / "cache").iterdir())


@pytest.mark.slow
@pytest.mark.timeout(900)  # a compiler on a busy machine
@pytest.mark.usefixtures("compiler")
def test_compiled_equals_eager(small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    eager, compiled = (small(drop_rate=0.0, n_layers=1) for _ in range(2))
    eager.train(maximum_steps=5)
    compiled.train(maximum_steps=5, compile=True)
    for ours, theirs in zip(eager.model.parameters(), compiled.model.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(900)  # a compiler on a busy machine
def test_a_compiler_that_fails_leaves_training_uncompiled(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    eager, broken = small(), small()
    eager.train()
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    torch._dynamo.reset()
    with torch._inductor.config.patch({"cpp.cxx": (str(tmp_path / "no-compiler"),)}):
        broken.train(compile=True)
    assert "going on uncompiled" in capsys.readouterr().out
    assert broken.weights() == eager.weights()


def test_a_batch_equals_the_same_windows_accumulated(small: Any) -> None:
    # The targets ignored make the halves of a step unequal: a mean of means would differ.
    class Uneven:
        def __init__(self, loader: Any) -> None:
            self.loader = loader
            self.batches_per_epoch = loader.batches_per_epoch
            self.state = loader.state
            self.describe = loader.describe

        def next_batch(self) -> dict[str, Tensor]:
            batch = self.loader.next_batch()
            batch["targets"] = torch.where(
                torch.arange(16) < 2 + batch["sample_ids"][:, None] % 14, batch["targets"], -100
            )
            return batch

    found = []
    for settings in (
        {"batch_size": 8},
        {"batch_size": 1, "accumulation_steps": 8},
        {"batch_size": 4, "accumulation_steps": 2},
    ):
        one = small(drop_rate=0.0)
        one.task.count = lambda batch: int((batch["targets"] != -100).sum())
        history = one.train(maximum_steps=5, wrap=Uneven, **settings)
        found.append((one, history))
    for other, history in found[1:]:
        assert history.tokens == found[0][1].tokens == 5 * 8 * 16
        assert history.last["epoch"] == found[0][1].last["epoch"]
        for ours, theirs in zip(
            other.model.parameters(), found[0][0].model.parameters(), strict=True
        ):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=2e-4)


def test_training_learns_and_the_history_tells(small: Any, tmp_path: Path) -> None:
    tracker = MemoryTracker()
    one = small(drop_rate=0.0)
    history = one.train(maximum_steps=200, evaluate_every_steps=50, tracker=tracker)
    assert [row["step"] for row in history.rows] == [0, 50, 100, 150, 200]
    losses = [row["validation_loss"] for row in history.rows]
    assert losses[0] == pytest.approx(math.log(61), rel=0.05)
    assert losses[-1] < losses[0] - 0.3
    assert history.rows[0]["train_loss"] is None
    assert history.last["epoch"] == pytest.approx(200 * 4 / 27, abs=1e-3)
    assert not one.model.training

    history.write_csv(tmp_path / "history.csv")
    with (tmp_path / "history.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == [
        "step", "epoch", "tokens", "train_loss", "validation_loss", "learning_rate",
    ]  # fmt: skip
    assert rows[0]["train_loss"] == ""
    assert float(rows[-1]["learning_rate"]) == pytest.approx(1e-3)
    assert int(rows[-1]["tokens"]) == history.tokens == 200 * 4 * 16

    logged = {step: found for step, found in tracker.metrics if "validation_loss" in found}
    assert list(logged) == [0, 50, 100, 150, 200]
    assert sum("step_loss" in found for _, found in tracker.metrics) == 200
    assert tracker.timings["tokens_per_second"] > 0
    assert tracker.timings["training_seconds"] > tracker.timings["steps_seconds"]
    assert "samples/step-000200.txt" in tracker.texts


def test_the_train_loss_of_a_row_is_that_of_the_steps_since_the_row_before(small: Any) -> None:
    tracker = MemoryTracker()
    history = small().train(tracker=tracker)
    steps = [found["step_loss"] for _, found in tracker.metrics if "step_loss" in found]
    for row, begin in zip(history.rows[1:], (0, 7, 14), strict=True):
        part = steps[begin : row["step"]]
        assert row["train_loss"] == pytest.approx(sum(part) / len(part))


def test_frozen_weights_stay_and_are_not_saved(small: Any, tmp_path: Path) -> None:
    from safetensors import safe_open

    one = small()
    one.model.position_embedding.weight.requires_grad_(False)
    before = one.model.position_embedding.weight.clone()
    one.train(checkpoints=tmp_path)
    assert torch.equal(one.model.position_embedding.weight, before)
    with safe_open(tmp_path / "step-000000020" / "weights.safetensors", "pt") as stored:
        assert "position_embedding.weight" not in stored.keys()  # noqa: SIM118 - not a mapping
        assert "token_embedding.weight" in stored.keys()  # noqa: SIM118


def test_a_loss_that_is_not_finite_stops_before_the_update(small: Any, tmp_path: Path) -> None:
    one = small()
    healthy = one.task.loss
    last_good: list[bytes] = []
    one.task.loss = lambda model, batch: healthy(model, batch) * (math.nan if last_good else 1)

    def poison() -> None:
        last_good.append(one.weights())

    with pytest.raises(InputError) as error:
        one.train(checkpoints=tmp_path, wrap=lambda loader: Watched(loader, before=12, act=poison))
    assert "step 13; samples: window " in str(error.value)
    assert f"step 10 in {tmp_path}" in str(error.value)
    assert "nan" in str(error.value)
    assert one.weights() == last_good[0]
    assert (tmp_path / "step-000000010").is_dir()


def test_a_validation_loss_that_is_not_finite_stops(small: Any) -> None:
    one = small()
    one.task.evaluate = lambda model: {"validation_loss": math.inf}
    with pytest.raises(InputError, match="validation loss is not finite"):
        one.train()


def test_a_step_without_targets_stops(small: Any) -> None:
    one = small()
    one.task.count = lambda batch: 0
    with pytest.raises(InputError, match="nothing to learn"):
        one.train()
