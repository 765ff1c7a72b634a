"""Steps out of the ordinary: found, named, counted, the same after a resume; noise is none."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from llm.errors import InputError
from llm.tracking import MemoryTracker
from llm.training.incidents import ENOUGH_STEPS, WINDOW_STEPS, Watch, sentence
from llm.training.update import Updated
from tests.several import several


def found(loss: float, norm: float = 1.0) -> Updated:
    return Updated(loss=loss, gradient_norm=norm, targets=1, tokens=1)


def noisy(steps: int) -> list[float]:
    return (3.0 + 0.1 * np.random.default_rng(1).standard_normal(steps)).tolist()


def test_noise_and_a_falling_loss_are_usual() -> None:
    watch = Watch()
    for step, noise in enumerate(noisy(2_000)):
        assert watch.look(step, found(noise + 4.0 * math.exp(-step / 50))) is None


def test_a_spike_is_told_with_its_level_and_not_taken_for_the_level() -> None:
    watch = Watch()
    for step, loss in enumerate(noisy(WINDOW_STEPS)):
        watch.look(step, found(loss))
    for step in range(WINDOW_STEPS, WINDOW_STEPS + 10):
        told = watch.look(step, found(5.0))
        assert told is not None
        assert told["kind"] == "loss"
        assert told["usual_loss"] == pytest.approx(3.0, abs=0.05)
    assert watch.look(0, found(3.0, 1.9)) is None  # gradients differ that much
    both = watch.look(0, found(9.0, 2.1))
    assert both is not None
    assert both["kind"] == "loss and gradient norm"
    assert watch.look(0, found(1.0, 0.1)) is None  # below is no spike


def test_nothing_is_usual_at_first() -> None:
    watch = Watch()
    for step, loss in enumerate(noisy(ENOUGH_STEPS - 1)):
        watch.look(step, found(loss))
    assert watch.look(0, found(50.0)) is None
    assert watch.look(0, found(50.0)) is not None


def test_a_loss_that_hardly_moves_makes_no_spikes_of_its_digits() -> None:
    watch = Watch()
    for step in range(WINDOW_STEPS):
        watch.look(step, found(2.0))
    assert watch.look(0, found(2.1)) is None
    assert watch.look(0, found(2.2)) is not None


def test_the_watch_goes_on_where_it_was() -> None:
    losses = [*noisy(150), 9.0, *noisy(20), 4.2]
    straight, first, second = Watch(), Watch(), Watch()
    expected = [straight.look(step, found(loss)) for step, loss in enumerate(losses)]
    for step, loss in enumerate(losses[:130]):
        first.look(step, found(loss))
    second.restore(json.loads(json.dumps(first.state())))
    assert [second.look(130 + n, found(x)) for n, x in enumerate(losses[130:])] == expected[130:]
    assert sum(told is not None for told in expected) == 2


class Poisoned:
    """A loader whose batches of some numbers are marked, for a loss to spoil."""

    def __init__(self, loader: Any, marks: dict[int, float]) -> None:
        self.loader = loader
        self.marks = marks
        self.batches_per_epoch = loader.batches_per_epoch
        self.describe = loader.describe

    def next_batch(self) -> dict[str, Tensor]:
        state = self.loader.state()
        number = (state["epoch"] * 27 + state["position"]) // 4
        batch: dict[str, Tensor] = self.loader.next_batch()
        return {**batch, "factor": torch.tensor(self.marks.get(number, 1.0))}

    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.loader.state()
        return state

    def restore(self, state: dict[str, Any]) -> None:
        self.loader.restore(state)


def poison(one: Any) -> Any:
    healthy = one.task.loss
    one.task.loss = lambda model, batch: healthy(model, batch) * batch["factor"]
    return one


MARKS = {12: math.nan, 40: 3.0, 47: math.inf}


def test_skipped_steps_and_spikes_are_the_same_after_a_resume(small: Any, tmp_path: Path) -> None:
    settings = {"maximum_steps": 60, "maximum_nonfinite_steps": 3, "evaluate_every_steps": 20}
    straight = poison(small())
    tracker = MemoryTracker()
    expected = straight.train(
        tracker=tracker, wrap=lambda loader: Poisoned(loader, MARKS), **settings
    )
    assert [(told["step"], told["kind"]) for told in expected.incidents] == [
        (13, "not finite"),
        (41, "loss and gradient norm"),
        (48, "not finite"),
    ]
    assert expected.incidents[0]["loss"] == "nan"
    assert expected.incidents[2]["loss"] == "inf"
    assert all(len(told["samples"]) == 4 for told in expected.incidents)
    assert (expected.steps, expected.tokens) == (60, 60 * 4 * 16)
    assert all(math.isfinite(row["train_loss"]) for row in expected.rows[1:])
    metrics = expected.incident_metrics()
    assert (metrics["nonfinite_steps"], metrics["spikes"]) == (2, 1)
    assert json.loads(tracker.texts["incidents.json"]) == expected.incidents
    assert 13 not in [step for step, found in tracker.metrics if "step_loss" in found]

    class Stopped(Exception):
        pass

    class Ends(Poisoned):
        def next_batch(self) -> dict[str, Tensor]:
            if self.loader.state() == {"epoch": 6, "position": 14}:  # batch 44
                raise Stopped
            return super().next_batch()

    with pytest.raises(Stopped):
        poison(small()).train(
            checkpoints=tmp_path, wrap=lambda loader: Ends(loader, MARKS), **settings
        )
    second = poison(small())
    again = MemoryTracker()
    resumed = second.train(
        checkpoints=tmp_path,
        tracker=again,
        wrap=lambda loader: Poisoned(loader, MARKS),
        **settings,
    )
    assert resumed.incidents == expected.incidents
    assert resumed.rows == expected.rows
    assert second.weights() == straight.weights()
    assert again.texts["incidents.json"] == tracker.texts["incidents.json"]


class Spoiled:
    """A task whose loss is multiplied by `factor` where its rows hold one of some windows."""

    def __init__(self, task: Any, factors: dict[int, float]) -> None:
        self.count, self.evaluate, self.sample = task.count, task.evaluate, task.sample
        self.healthy = task.loss
        self.factors = factors

    def loss(self, model: Any, batch: dict[str, Tensor]) -> Tensor:
        here = [self.factors.get(number, 1.0) for number in batch["sample_ids"].tolist()]
        spoiled: Tensor = self.healthy(model, batch) * math.prod(here)
        return spoiled


def told(small: Any, settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The incidents of a training in which two windows are bad."""
    one = small(drop_rate=0.0)
    one.task = Spoiled(one.task, {5: math.nan, 20: 1e3})
    incidents: list[dict[str, Any]] = one.train(
        maximum_steps=30, maximum_nonfinite_steps=30, **settings
    ).incidents
    return incidents


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_several_processes_tell_the_samples_of_all_as_one_does(small: Any, kind: str) -> None:
    """Of the four windows of a batch each process has two, and the bad one is with one of them."""
    (alone,) = several(1, told, small, {})
    found, _ = several(2, told, small, {"parallel": kind})
    assert {incident["kind"] for incident in alone} >= {"not finite", "loss and gradient norm"}
    for name in ("step", "kind", "samples"):
        assert [incident[name] for incident in found] == [incident[name] for incident in alone]
    assert all(len(incident["samples"]) == 4 for incident in found)
    for incident in found:
        bad = {"window 5", "window 20"} & set(incident["samples"])
        assert len(bad) == 1, incident


def test_a_skipped_step_leaves_weights_and_optimizer_alone(small: Any) -> None:
    """The steps after it see what they would have seen had its batch been empty."""
    one = poison(small(drop_rate=0.0))
    before: list[bytes] = []

    class Notes(Poisoned):
        def next_batch(self) -> dict[str, Tensor]:
            before.append(one.weights())
            return super().next_batch()

    one.train(wrap=lambda loader: Notes(loader, {12: math.inf}), maximum_nonfinite_steps=2)
    assert before[12] == before[13]
    assert before[13] != before[14]


def test_training_stops_at_so_many_and_names_their_samples(small: Any, tmp_path: Path) -> None:
    marks = {4: math.nan, 12: math.nan, 13: math.nan}
    with pytest.raises(InputError) as error:
        poison(small()).train(
            checkpoints=tmp_path,
            wrap=lambda loader: Poisoned(loader, marks),
            maximum_nonfinite_steps=2,
        )
    assert "step 13; samples: window" in str(error.value)
    assert "non-finite steps so far: 2" in str(error.value)
    assert f"step 10 in {tmp_path}" in str(error.value)


def test_the_sentence_names_some_samples_and_counts_the_rest() -> None:
    told = Watch().look(7, found(math.nan))
    assert told is not None
    line = sentence({**told, "samples": [f"d{n}" for n in range(10)]})
    assert "step 7" in line
    assert "d1 and 8 more" in line
    assert "d2" not in line
