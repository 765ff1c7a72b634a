"""Named tensors in a safetensors file, copied into a model whole and checked, or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from llm.errors import InputError
from llm.files import require
from llm.model.config import GPTConfig

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
FAULTS_SHOWN = 20

Model = TypeVar("Model", bound=nn.Module)

# The vocabulary's matrices: padded to whole tiles in memory, never on disk.
_PADDED = ("token_embedding.weight", "output.weight")


@dataclass(frozen=True)
class Stored:
    """Where a parameter stands in a file, or a part of it.

    name: of the tensor there. transposed: its axes are swapped. rows: of the parameter, how many
    it has, where several tensors one below the other make the parameter up.
    """

    name: str
    transposed: bool = False
    rows: int | None = None


@contextlib.contextmanager
def open_tensors(path: Path, *, made_by: str) -> Iterator[Any]:
    """Open a safetensors file for reading tensor by tensor; InputError where it is torn."""
    require(path, made_by=made_by)
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise InputError(
            "A weights file cannot be read: truncated, or not safetensors.",
            where=path,
            found=f"{path.stat().st_size} bytes; {error}",
            expected="a whole safetensors file",
            remedy=f"make it again: dvc repro --force {made_by}",
        ) from error


def fill(
    model: Model,
    config: GPTConfig,
    path: Path,
    stored: Mapping[str, Sequence[Stored]],
    *,
    ignored: Callable[[str], bool] | None = None,
    made_by: str,
) -> Model:
    """Give a model on the meta device its weights, as float32 on the CPU; in evaluation mode.

    stored: for every parameter of the model, where the file keeps it, part by part. ignored: names
    in the file that need no place in the model. One copy of the weights is held. Raises InputError
    with all missing, unknown and misshapen tensors at once, before any is read; or with the tensors
    that hold infinities or NaN.
    """
    state = model.state_dict()
    with open_tensors(path, made_by=made_by) as file:
        names = list(file.keys())
        present = {name: tuple(file.get_slice(name).get_shape()) for name in names}
        expected = {
            source.name: _stored_shape(ours, state[ours], config, source)
            for ours, sources in stored.items()
            for source in sources
        }
        faults = [f"missing: {name} {expected[name]}" for name in expected if name not in present]
        for name, shape in present.items():
            if name in expected and shape != expected[name]:
                faults.append(f"wrong shape: {name} {shape} instead of {expected[name]}")
            elif name not in expected and not (ignored and ignored(name)):
                faults.append(f"unknown: {name} {shape}")
        _refuse(faults, path, made_by=made_by)
        for ours, sources in stored.items():
            filled = torch.zeros(state[ours].shape, dtype=torch.float32)
            start = 0
            for source in sources:
                tensor = file.get_tensor(source.name)
                tensor = tensor.T if source.transposed else tensor
                filled[start : start + len(tensor)] = tensor
                start += len(tensor)
                if not torch.isfinite(tensor).all():
                    faults.append(f"infinities or NaN: {source.name}")
            state[ours] = filled
        _refuse(faults, path, made_by=made_by)
    model.load_state_dict(state, assign=True)
    return model.eval()


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file; equal tensors give equal bytes, whatever their order."""
    # The metadata says that PyTorch wrote it; transformers refuses a file without.
    save_file({name: tensors[name] for name in sorted(tensors)}, path, metadata={"format": "pt"})


def without_padding(model: nn.Module, config: GPTConfig) -> dict[str, Tensor]:
    """A model's weights by name on the CPU, a tied head once, the vocabulary unpadded."""
    return {
        name: (tensor[: config.vocab_size] if _is_padded(name) else tensor).cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }


def _is_padded(name: str) -> bool:
    return name.removeprefix("gpt.") in _PADDED


def _stored_shape(name: str, tensor: Tensor, config: GPTConfig, source: Stored) -> tuple[int, ...]:
    shape = tuple(tensor.shape)
    if _is_padded(name):
        shape = (config.vocab_size, *shape[1:])
    if source.rows is not None:
        shape = (source.rows, *shape[1:])
    return shape[::-1] if source.transposed else shape


def _refuse(faults: list[str], path: Path, *, made_by: str) -> None:
    if not faults:
        return
    shown = faults[:FAULTS_SHOWN]
    if len(faults) > len(shown):
        shown.append(f"and {len(faults) - len(shown)} more")
    raise InputError(
        f"{len(faults)} tensor{'s do' if len(faults) > 1 else ' does'} not fit the model:\n    "
        + "\n    ".join(shown),
        where=path,
        expected="exactly the tensors of the model that its configuration describes",
        remedy=f"give the right weights file and its config.json; it comes from {made_by!r}",
    )
