"""Full training state on disk: whole or absent, checked when read, nothing unpickled."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

import llm
from llm.errors import InputError
from llm.files import fingerprint, new_directory, read_manifest, write_json, write_manifest
from llm.training import shards

WEIGHTS, OPTIMIZER, STATE = "weights.safetensors", "optimizer.safetensors", "state.json"
_NAME = re.compile(r"step-(\d{9})")
# Given what went wrong in this process, if anything: what did in the first of those where it did.
Hear = Callable[[OSError | None], OSError | None]


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """One moment of a training, complete enough to go on from it bit by bit.

    step: finished updates. weights: trainable parameters and buffers by name. optimizer: its
    tensors by name. state: JSON values, as the loader's position and the history so far.
    """

    step: int
    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: dict[str, Any]


def keyed(root: Path, *parts: object) -> Path:
    """The folder below `root` for the training that `parts` determine.

    parts: all that can change the result, as `files.fingerprint` takes it: settings, input
    folders (by manifest) and code files. Other settings have another folder, so a checkpoint is
    never resumed under settings that it does not belong to.
    """
    return root / fingerprint(*parts)


def code_files(*rooms: str) -> list[Path]:
    """The source files of the named rooms of llm, and of the runtime, in fixed order."""
    package = Path(llm.__file__).parent
    files = [path for room in rooms for path in sorted((package / room).glob("*.py"))]
    return [package / "runtime.py", *files]


def save(folder: Path, checkpoint: Checkpoint, *, keep: int) -> Path:
    """Write a checkpoint as a new folder below `folder`, keep the last `keep`, return its path.

    It appears under its name once every byte of it is on the disk, manifest included; older ones
    go only then. So at each moment, a power cut included, the newest one named is whole.
    """
    _make_folder(folder)
    path = folder / _name(checkpoint.step)
    with new_directory(path) as temporary:
        save_file(_storable(checkpoint.weights), temporary / WEIGHTS)
        save_file(_storable(checkpoint.optimizer), temporary / OPTIMIZER)
        write_json(temporary / STATE, checkpoint.state)
        write_manifest(temporary, step=checkpoint.step)
    _keep_last(folder, keep)
    return path


def save_together(
    folder: Path, checkpoint: Checkpoint, *, keep: int, first: bool, hear: Hear
) -> None:
    """As `save`, by all processes at once, where each holds a share of the tensors.

    All must see the same folder. first: in one of them, which completes it. Raises OSError in all
    of them where one could not write: none goes on alone, to wait for the others for ever.
    """
    path = folder / _name(checkpoint.step)
    with contextlib.ExitStack() as opened:
        with _for_all(hear):
            if first:
                _make_folder(folder)
                opened.enter_context(new_directory(path))
        temporary = path.with_name(f".{path.name}.partial")
        shards.write(temporary, {**checkpoint.weights, **checkpoint.optimizer})
        with _for_all(hear):
            if first:
                write_json(temporary / STATE, checkpoint.state)
                write_manifest(temporary, step=checkpoint.step)
                opened.close()  # gives it its name
                _keep_last(folder, keep)


def last_step(folder: Path) -> int | None:
    """The step of the newest checkpoint by name, not read; None where there is none."""
    found = _all(folder)
    return int(found[-1].name.removeprefix("step-")) if found else None


def load_last(folder: Path, *, like: Mapping[str, Tensor] | None = None) -> Checkpoint | None:
    """The newest whole checkpoint below `folder`, or None.

    like: where processes share the model, its tensors; those read come in the same shares.

    A torn or altered one (a file missing, or of another size or SHA-256 than its manifest says)
    is named in a printed line and removed, and the one before it is tried.
    """
    for leftover in folder.glob(".*.partial"):
        shutil.rmtree(leftover)
    for path in reversed(_all(folder)):
        try:
            return _read(path, like)
        except (InputError, SafetensorError, KeyError, TypeError, AttributeError, ValueError) as e:
            print(f"The checkpoint {path} is damaged and removed: {str(e).splitlines()[0]}")
            shutil.rmtree(path)
    return None


def load(folder: Path, step: int, *, like: Mapping[str, Tensor] | None = None) -> Checkpoint:
    """The checkpoint of a step that `load_last` found whole, in another process."""
    return _tensors(folder / _name(step), step, like)


def clear(folder: Path) -> None:
    """Remove a training's checkpoints after its success, and the root once it is empty."""
    shutil.rmtree(folder, ignore_errors=True)
    root = folder.parent
    if root.is_dir() and not any(root.iterdir()):
        root.rmdir()


def _read(path: Path, like: Mapping[str, Tensor] | None) -> Checkpoint:
    manifest = read_manifest(path, made_by="train", verify=True)
    names = set(manifest["files"])
    whole = {WEIGHTS, OPTIMIZER, STATE}
    if names != whole and {name for name in names if not name.startswith("shard-")} != {STATE}:
        raise ValueError("its manifest names other files than a checkpoint has")
    return _tensors(path, int(manifest["step"]), like)


def _tensors(path: Path, step: int, like: Mapping[str, Tensor] | None) -> Checkpoint:
    state = json.loads((path / STATE).read_text(encoding="utf-8"))
    if like is None and (path / WEIGHTS).exists():
        weights, optimizer = load_file(path / WEIGHTS), load_file(path / OPTIMIZER)
    else:
        found = shards.read(path, like)
        weights = {name: tensor for name, tensor in found.items() if "/" not in name}
        optimizer = {name: tensor for name, tensor in found.items() if "/" in name}
    return Checkpoint(step=step, weights=weights, optimizer=optimizer, state=state)


@contextlib.contextmanager
def _for_all(hear: Hear) -> Iterator[None]:
    """Raise an OSError of one process in all, once all are here."""
    fault = None
    try:
        yield
    except OSError as error:
        fault = error
    fault = hear(fault)
    if fault is not None:
        raise fault


def _keep_last(folder: Path, count: int) -> None:
    for old in _all(folder)[:-count]:
        shutil.rmtree(old)


def _name(step: int) -> str:
    return f"step-{step:09d}"


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each entry on the disk before what it will hold."""
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        place.mkdir(exist_ok=True)
        descriptor = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _all(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("step-*") if _NAME.fullmatch(path.name))


def _storable(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
