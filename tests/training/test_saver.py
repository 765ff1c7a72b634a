"""Checkpoints in the background: what was copied is written, nothing is lost quietly."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from llm.errors import ServiceError
from llm.training import checkpoint
from llm.training.checkpoint import Checkpoint, last_step, load_last
from llm.training.saver import PRIORITY, Saver
from tests.several import several


def state_of(weights: torch.Tensor, step: int) -> Checkpoint:
    return Checkpoint(
        step=step, weights={"w": weights}, optimizer={"w/exp_avg": weights}, state={"rows": []}
    )


class Gate:
    """A disk that takes its time: `fsync` waits until the gate is opened."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.fsync = os.fsync

    def __call__(self, descriptor: int) -> None:
        self.entered.set()
        assert self.open.wait(30)
        self.fsync(descriptor)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    gate = Gate()
    monkeypatch.setattr(os, "fsync", gate)
    yield gate
    gate.open.set()


def test_what_changes_while_it_is_written_is_not_in_it(tmp_path: Path, gate: Gate) -> None:
    weights = torch.arange(6.0).reshape(2, 3).T  # not contiguous
    found = state_of(weights, 3)
    with Saver(tmp_path, keep=2, name="small") as saver:
        saver.save(found)
        assert gate.entered.wait(30)
        saver.check()  # returns while the write goes on
        weights.fill_(-1.0)
        found.state["rows"].append("later")
        assert last_step(tmp_path) is None
        gate.open.set()
    loaded = load_last(tmp_path)
    assert loaded is not None
    assert torch.equal(loaded.weights["w"], torch.arange(6.0).reshape(2, 3).T)
    assert loaded.state == {"rows": []}


def test_the_next_save_waits_for_the_last(tmp_path: Path, gate: Gate) -> None:
    with Saver(tmp_path, keep=1, name="small") as saver:
        saver.save(state_of(torch.ones(2), 1))
        assert gate.entered.wait(30)
        threading.Timer(0.2, gate.open.set).start()
        began = time.monotonic()
        saver.save(state_of(torch.full((2,), 2.0), 2))
        assert time.monotonic() - began > 0.1
        assert last_step(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000002"]
    loaded = load_last(tmp_path)
    assert loaded is not None
    assert loaded.weights["w"].tolist() == [2.0, 2.0]


def test_at_most_one_thread_of_low_priority_writes(tmp_path: Path, gate: Gate) -> None:
    before = os.nice(0)
    with Saver(tmp_path, keep=2, name="small") as saver:
        saver.save(state_of(torch.ones(2), 1))
        assert gate.entered.wait(30)
        writers = [thread for thread in threading.enumerate() if thread.name == "checkpoint"]
        assert len(writers) == 1
        assert writers[0].native_id is not None
        assert os.getpriority(os.PRIO_PROCESS, writers[0].native_id) == PRIORITY
        assert os.nice(0) == before
        gate.open.set()
    assert not [thread for thread in threading.enumerate() if thread.name == "checkpoint"]


def full_disk(_descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_ends_the_training_and_the_last_good_one_stays(
    small: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = small()
    straight.train()
    real = checkpoint.save

    def save(folder: Path, found: Checkpoint, *, keep: int) -> Path:
        if found.step == 10:
            monkeypatch.setattr(os, "fsync", full_disk)
        return real(folder, found, keep=keep)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "save", save)
        fsync = os.fsync
        with pytest.raises(ServiceError, match="could not be written") as error:
            small().train(checkpoints=tmp_path)
        monkeypatch.setattr(os, "fsync", fsync)
    assert "No space left on device" in str(error.value)
    assert "goes on from step 5, which stays" in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000005"]  # and nothing half
    second = small()
    second.train(checkpoints=tmp_path)
    assert second.weights() == straight.weights()


def limit_files() -> None:
    """No file of this process may grow beyond what its share of a checkpoint takes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))


def fill_the_disk() -> None:
    setattr(os, "fsync", full_disk)  # noqa: B010 - in a process of its own


def fill_it_later() -> None:
    def write_manifest(*_arguments: Any, **_facts: Any) -> None:
        full_disk(0)

    setattr(checkpoint, "write_manifest", write_manifest)  # noqa: B010 - in a process of its own


def fails(small: Any, settings: dict[str, Any], faults: list[Callable[[], None] | None]) -> str:
    """The ServiceError that ends a training in which each process has its own fault at step 10."""
    real, act = checkpoint.save_together, faults[int(os.environ.get("RANK", "0"))]

    def save_together(folder: Path, found: Checkpoint, **more: Any) -> None:
        if found.step == 10 and act is not None:
            act()
        real(folder, found, **more)

    setattr(checkpoint, "save_together", save_together)  # noqa: B010 - in a process of its own
    try:
        small().train(**settings)
    except ServiceError as error:
        return f"{error}\nexit code {error.exit_code}"
    return "trained"


@pytest.mark.parametrize(
    ("faults", "told"),
    [
        ([None, limit_files], "File too large"),
        ([fill_the_disk, None], "No space left on device"),
        ([fill_it_later, None], "No space left on device"),  # once all shares are written
    ],
)
def test_where_one_of_several_processes_cannot_write_all_are_told_and_end(
    small: Any, tmp_path: Path, faults: list[Any], told: str
) -> None:
    settings = {"parallel": "fsdp", "checkpoints": tmp_path}
    for found in several(2, fails, small, settings, faults):
        assert "A checkpoint could not be written." in found
        assert f"where:    small, {tmp_path}" in found
        assert told in found
        assert "expected: room for 0.00 GB" in found
        assert "goes on from step 5, which stays" in found
        assert "exit code 4" in found
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000005"]  # and nothing half
    assert several(2, fails, small, settings, [None, None]) == ["trained", None]


def test_a_folder_that_cannot_be_made_ends_all_processes(small: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = {"parallel": "fsdp", "checkpoints": tmp_path / "file/checkpoints"}
    for found in several(2, fails, small, settings, [None, None]):
        assert "Not a directory" in found
        assert "goes on from its beginning" in found


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB; only root may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("a file system of its own cannot be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_a_disk_that_is_full_keeps_the_last_whole_checkpoint(
    small: Any, small_disk: Path, kind: str
) -> None:
    every = {"checkpoint_every_steps": 1, "keep_checkpoints": 100}
    settings = {"parallel": kind, "checkpoints": small_disk / "checkpoints", **every}
    # Without shares only the first process writes, and its end is the other's.
    found = several(1 if kind == "ddp" else 2, fails, small, settings, [None, None])
    steps = sorted(path.name for path in (small_disk / "checkpoints").iterdir())
    assert 2 < len(steps) < 20
    assert steps[-1] == f"step-{len(steps):09d}"
    for told in found:
        assert "No space left on device" in told
        assert f"goes on from step {len(steps)}, which stays" in told


def test_an_error_of_ours_is_raised_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saver = Saver(tmp_path, keep=2, name="small")
    saver.save(Checkpoint(step=1, weights={}, optimizer={}, state={"not JSON": object()}))
    with pytest.raises(TypeError):
        saver.wait()
    saver.wait()  # said once


def test_the_first_error_is_the_one_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "fsync", full_disk)

    def fail() -> None:
        with Saver(tmp_path, keep=2, name="small") as saver:
            saver.save(state_of(torch.ones(2), 1))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert "could not be written" in capsys.readouterr().out


def test_every_byte_is_on_the_disk_before_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files, then their folder, then the rename, then the folder above; older ones go last."""
    events: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        events.append(("sync", place.relative_to(tmp_path).as_posix()))
        fsync(descriptor)

    def renamed(old: Path, new: Path) -> None:
        events.append(("name", Path(new).relative_to(tmp_path).as_posix()))
        replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    checkpoint.save(tmp_path / "a/b", state_of(torch.ones(2), 7), keep=2)
    assert events[:2] == [("sync", "."), ("sync", "a")]  # the entries of the folders themselves
    named = events.index(("name", "a/b/step-000000007"))
    before, after = events[:named], events[named + 1 :]
    files = ("manifest.json", "optimizer.safetensors", "state.json", "weights.safetensors")
    last = {place: number for number, (what, place) in enumerate(before) if what == "sync"}
    folder = "a/b/.step-000000007.partial"
    assert all(last[f"{folder}/{name}"] < last[folder] for name in files)
    assert after == [("sync", "a/b")]
