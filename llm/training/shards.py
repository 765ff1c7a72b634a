"""Tensors that several processes hold together: each writes its share, any number read them.

torch.distributed.checkpoint (DCP) plans who writes and reads what. Of its formats this is the
safetensors one: its own default keeps a pickled index, and nothing is ever unpickled here.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save


def write(folder: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write this process's share of the tensors into `folder`; every process calls it at once.

    A file per process, `shard-<process>-….safetensors`, which says where its rows belong. What is
    raised in one process, as OSError by a full disk, is raised in all.
    """
    logging.getLogger("torch.distributed.checkpoint").setLevel(logging.ERROR)
    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    try:
        save({name: tensor.detach() for name, tensor in tensors.items()}, storage_writer=writer)
    except CheckpointException as gathered:
        faults = [fault for fault, _ in gathered.failures.values()]
        raise next((f for f in faults if isinstance(f, OSError)), faults[0]) from gathered


def read(folder: Path, like: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """Read all tensors of `folder`, by any number of processes, each for itself.

    A tensor "<name>" or "<name>/<what>" of the shape of like["<name>"] comes in the same shares on
    the same device, of which no other process's is read; every other comes whole, on the CPU.
    """
    reader = HuggingFaceStorageReader(str(folder))
    found: dict[str, Tensor] = {}
    for name, kept in reader.read_metadata().state_dict_metadata.items():
        assert isinstance(kept, TensorStorageMetadata), name
        model = (like or {}).get(name.partition("/")[0])
        if model is not None and model.shape == kept.size:
            found[name] = torch.zeros_like(model, dtype=kept.properties.dtype, requires_grad=False)
        else:
            found[name] = torch.zeros(kept.size, dtype=kept.properties.dtype)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "torch.distributed is disabled", UserWarning)
        load(found, storage_reader=reader, no_dist=True)
    return found
