"""Several processes learn what one learns, go on where others stopped, and send little."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook

from llm.errors import ConfigError
from llm.runtime import Place
from llm.training import parallel
from tests.several import environment, several

KINDS = ["ddp", "fsdp"]
# Sums over rows are taken in another order: after 20 steps at a learning rate of 0.01 the losses
# differ by some 1e-7, the weights, of which AdamW takes steps of one size, by some 1e-5.
LOSS_BOUND, WEIGHT_BOUND = 1e-5, 1e-3

Found = tuple[list[dict[str, Any]], Any]


def learn(small: Any, settings: dict[str, Any]) -> Found:
    """The rows of the history and all weights, (N,)."""
    training = small(drop_rate=0.0)
    history = training.train(**settings)
    weights = torch.cat([p.detach().flatten() for p in training.model.parameters()])
    return history.rows, weights.numpy()


def assert_same(found: Found, expected: Found) -> None:
    (rows, weights), (expected_rows, expected_weights) = found, expected
    assert [row["step"] for row in rows] == [row["step"] for row in expected_rows]
    for row, other in zip(rows, expected_rows, strict=True):
        for name in ("validation_loss", "train_loss", "tokens", "epoch"):
            assert row[name] == pytest.approx(other[name], abs=LOSS_BOUND), (row["step"], name)
    assert abs(weights - expected_weights).max() < WEIGHT_BOUND


@pytest.mark.parametrize("size", [2, pytest.param(4, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("accumulation_steps", [1, 3])
def test_several_processes_learn_what_one_learns(
    small: Any, kind: str, size: int, accumulation_steps: int
) -> None:
    settings = {"accumulation_steps": accumulation_steps, "max_grad_norm": 0.05}
    (expected,) = several(1, learn, small, settings)
    found, *helpers = several(size, learn, small, {**settings, "parallel": kind})
    assert helpers == [None] * (size - 1)
    assert_same(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_several_processes_learn_by_muon_and_average_what_one_does(small: Any, kind: str) -> None:
    settings = {"optimizer": "muon", "average_decay": 0.9, "maximum_steps": 6}
    (expected,) = several(1, learn, small, settings)
    found, _ = several(2, learn, small, {**settings, "parallel": kind})
    # Its matrix products are in bfloat16, so that rounding is 2^-8 of an update, not 2^-24.
    (rows, weights), (expected_rows, expected_weights) = found, expected
    assert rows[-1]["validation_loss"] == pytest.approx(
        expected_rows[-1]["validation_loss"], abs=1e-3
    )
    assert abs(weights - expected_weights).max() < 0.01


def interrupted(small: Any, settings: dict[str, Any], batch: int) -> Found:
    """The same, but the last process alone is told to stop before a batch."""

    def told(loader: Any) -> Any:
        read, given = loader.next_batch, iter(range(1000))

        def next_batch() -> Any:
            if next(given) == batch and os.environ["RANK"] == str(dist.get_world_size() - 1):
                os.kill(os.getpid(), signal.SIGTERM)
            return read()

        loader.next_batch = next_batch
        return loader

    return learn(small, {**settings, "wrap": told})


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [("ddp", "ddp"), ("fsdp", "fsdp"), ("ddp", "fsdp")])
def test_training_goes_on_with_another_number_of_processes(
    small: Any, tmp_path: Path, kinds: tuple[str, str]
) -> None:
    (expected,) = several(1, learn, small, {})
    first, second = ({"parallel": kind, "checkpoints": tmp_path} for kind in kinds)
    assert several(2, interrupted, small, first, 4) == ["KeyboardInterrupt"] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000005"]
    assert several(4, interrupted, small, second, 3) == ["KeyboardInterrupt"] * 4
    assert (tmp_path / "step-000000009").is_dir()
    (found,) = several(1, learn, small, second)
    assert_same(found, expected)


def test_a_damaged_share_is_found_and_the_checkpoint_before_it_taken(
    small: Any, tmp_path: Path
) -> None:
    settings = {"parallel": "fsdp", "checkpoints": tmp_path}
    expected, _ = several(2, learn, small, settings)
    (share,) = (tmp_path / "step-000000020").glob("shard-00002*")
    share.write_bytes(share.read_bytes()[:-1] + b"x")
    found, _ = several(2, learn, small, settings)
    assert_same(found, expected)


def count_messages(small: Any, settings: dict[str, Any]) -> dict[str, int]:
    """How often each kind of collective ran, DDP's buckets among them."""
    counts = {"all_reduce": 0, "reduce_scatter_single": 0}

    def counting(name: str) -> Any:
        act = getattr(dist, name)

        def counted(*arguments: Any, **more: Any) -> Any:
            counts[name] += 1
            return act(*arguments, **more)

        return counted

    for name in counts:
        setattr(dist, name, counting(name))

    class Heard(parallel.Replicated):
        """DDP's buckets go through Python, where they are counted."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self._act.register_comm_hook(None, allreduce_hook)

    setattr(parallel, "Replicated", Heard)  # noqa: B010 - in a process of its own
    learn(small, settings)
    return counts


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # One bucket, and the sum of the losses.
        ("ddp", {"all_reduce": 2, "reduce_scatter_single": 0}),
        # Two blocks and the rest, and the sum of the losses.
        ("fsdp", {"all_reduce": 1, "reduce_scatter_single": 3}),
    ],
)
def test_gradients_are_sent_once_a_step_however_many_batches_it_has(
    small: Any, kind: str, expected: dict[str, int]
) -> None:
    settings = {"parallel": kind, "accumulation_steps": 3, "maximum_steps": 4}
    counts, _ = several(2, count_messages, small, settings)
    assert counts == {name: 4 * count for name, count in expected.items()}


def held(small: Any) -> list[str]:
    """What DDP holds that has a part in C++, in the order in which it would be let go."""
    found: list[str] = []

    class Seen(parallel.Replicated):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            parts = vars(self._act)
            assert parts["group"] is dist.group.WORLD
            found.extend(name for name in parts if name in {"reducer", "logger", "group"})

    setattr(parallel, "Replicated", Seen)  # noqa: B010 - in a process of its own
    learn(small, {"parallel": "ddp", "maximum_steps": 1})
    return found


def test_the_group_outlives_the_part_of_ddp_that_would_hang_in_its_end(small: Any) -> None:
    found, _ = several(2, held, small)
    assert found[-1] == "group" and "reducer" in found


@pytest.mark.parametrize(
    ("settings", "size", "told"),
    [
        ({"batch_size": 6}, 4, "set batch_size to 8"),
        ({"parallel": "none"}, 2, "set parallel to ddp"),
    ],
)
def test_what_cannot_be_shared_is_told(
    small: Any, monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], size: int, told: str
) -> None:
    for name, value in environment(Place(world_size=size), port=1).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=told):
        small().train(**settings)
