"""Checkpoints are whole or ignored, the last two stay, and none belongs to other settings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from llm.training.checkpoint import Checkpoint, clear, code_files, keyed, load_last, save


def checkpoint(step: int) -> Checkpoint:
    return Checkpoint(
        step=step,
        weights={"w": torch.full((3, 2), step / 3)},
        optimizer={"w/step": torch.tensor(float(step))},
        state={"loss_sum": 0.1 + 0.2, "loader": {"epoch": 1}},
    )


def test_comes_back_as_it_was(tmp_path: Path) -> None:
    save(tmp_path, checkpoint(7), keep=2)
    found = load_last(tmp_path)
    assert found is not None
    assert found.step == 7
    assert torch.equal(found.weights["w"], torch.full((3, 2), 7 / 3))
    assert found.optimizer["w/step"].item() == 7
    assert found.state == {"loss_sum": 0.1 + 0.2, "loader": {"epoch": 1}}


@pytest.mark.parametrize("keep", [1, 2, 4])
def test_the_last_are_kept(tmp_path: Path, keep: int) -> None:
    for step in (5, 10, 100):
        save(tmp_path, checkpoint(step), keep=keep)
    kept = ["step-000000005", "step-000000010", "step-000000100"][-keep:]
    assert sorted(path.name for path in tmp_path.iterdir()) == kept


def test_a_training_keeps_as_many_as_it_is_told(small: Any, tmp_path: Path) -> None:
    small().train(checkpoints=tmp_path, keep_checkpoints=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"step-{step:09d}" for step in (10, 15, 20)
    ]


def test_there_may_be_none(tmp_path: Path) -> None:
    assert load_last(tmp_path / "absent") is None


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a bit of the weights": lambda path: flip(path / "weights.safetensors"),
    "half the optimizer": lambda path: (path / "optimizer.safetensors").write_bytes(b"half"),
    "no state": lambda path: (path / "state.json").unlink(),
    "no manifest": lambda path: (path / "manifest.json").unlink(),
    "a torn manifest": lambda path: (path / "manifest.json").write_text('{"files": {'),
    "an empty manifest": lambda path: (path / "manifest.json").write_text("[]"),
    "a manifest of nothing": lambda path: (path / "manifest.json").write_text('{"files": {}}'),
    "a manifest of binary": lambda path: (path / "manifest.json").write_bytes(b"\xff\xfe\x00"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_one_is_named_and_the_one_before_is_used(
    damage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save(tmp_path, checkpoint(5), keep=2)
    last = save(tmp_path, checkpoint(10), keep=2)
    DAMAGES[damage](last)
    found = load_last(tmp_path)
    assert found is not None
    assert found.step == 5
    assert str(last) in capsys.readouterr().out
    assert not last.exists()


def test_what_a_kill_in_the_middle_of_writing_leaves_is_removed(tmp_path: Path) -> None:
    whole = save(tmp_path, checkpoint(5), keep=2)
    shutil.copytree(whole, tmp_path / ".step-000000010.partial")
    found = load_last(tmp_path)
    assert found is not None
    assert found.step == 5
    assert [path.name for path in tmp_path.iterdir()] == [whole.name]


def test_other_settings_inputs_or_code_have_another_folder(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text("a = 1")
    first = keyed(tmp_path, {"learning_rate": 1.0}, code)
    assert keyed(tmp_path, {"learning_rate": 1.0}, code) == first
    assert keyed(tmp_path, {"learning_rate": 2.0}, code) != first
    code.write_text("a = 2")
    assert keyed(tmp_path, {"learning_rate": 1.0}, code) != first


def test_code_files_are_the_rooms_sources() -> None:
    names = [path.name for path in code_files("training", "model")]
    assert names[0] == "runtime.py"
    assert {"loop.py", "loss.py", "gpt.py"} <= set(names)


def test_success_leaves_nothing(tmp_path: Path) -> None:
    root = tmp_path / "checkpoints"
    first, second = root / "a", root / "b"
    for folder in (first, second):
        save(folder, checkpoint(1), keep=2)
    clear(first)
    assert second.exists()
    clear(second)
    assert not root.exists()
    clear(second)
