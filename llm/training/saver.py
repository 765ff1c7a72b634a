"""Checkpoints beside the training: copied in a moment, then written by a thread that yields."""

from __future__ import annotations

import copy
import os
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from safetensors import SafetensorError
from torch import Tensor

from llm.errors import ServiceError
from llm.training import checkpoint
from llm.training.checkpoint import Checkpoint

# Of nice(1), whose weights on Linux are 1,024 for 0 and 36 for 15: where the training keeps every
# core busy, the writer takes a thirtieth of one; where it waits for the writer, all of it.
PRIORITY = 15


class Saver:
    """Writes the checkpoints of one training; entered for as long as the training goes on.

    `save` copies the state into host memory and returns; one thread then writes, hashes and syncs
    it. So a step waits for the copy alone, and at most one checkpoint is on its way: the next
    `save` waits for it. The copy's memory, once the size of weights and optimizer, is used again
    by every save; beside an accelerator it is page-locked, and the accelerator copies in the
    order of its own work, so that not even the Python thread waits (the scheme of CheckFreq,
    Mohan et al. 2021: snapshot, then persist).

    On leaving, what is on its way is finished, also where the training failed or was interrupted.
    """

    def __init__(self, folder: Path | None, *, keep: int, name: str) -> None:
        """folder: of this very training; None saves nothing. name: of the training, in errors."""
        self._folder = folder
        self._keep = keep
        self._name = name
        self._memory: dict[str, Tensor] = {}
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.wait()
            return
        try:
            self.wait()
        except ServiceError as second:  # the first one ended the training, so it is the one raised
            print(f"{self._name}: {second}", flush=True)

    def save(self, found: Checkpoint) -> None:
        """Copy `found` and write the copy in the background, after the one before it.

        Raises ServiceError where that one could not be written.
        """
        if self._folder is None:
            return
        self.wait()
        copied = Checkpoint(
            step=found.step,
            weights=self._copied("weights", found.weights),
            optimizer=self._copied("optimizer", found.optimizer),
            state=copy.deepcopy(found.state),
        )
        # torch leaves the constructor of Event untyped.
        ready: Any = torch.cuda.Event() if _on_cuda(found) else None  # type: ignore[no-untyped-call]
        if ready is not None:
            ready.record()
        # A daemon: who interrupts a second time does not wait for the disk.
        self._thread = threading.Thread(
            target=self._write, args=(copied, ready), name="checkpoint", daemon=True
        )
        self._thread.start()

    def save_together(self, found: Checkpoint, *, first: bool, hear: checkpoint.Hear) -> None:
        """Write `found`, of which each process holds a share; all call it, and wait for it.

        For the arguments see `checkpoint.save_together`. Raises ServiceError in all processes where
        one could not write.
        """
        if self._folder is None:
            return
        try:
            checkpoint.save_together(self._folder, found, keep=self._keep, first=first, hear=hear)
        except OSError as error:
            raise self._unwritten(error, {**found.weights, **found.optimizer}) from error

    def check(self) -> None:
        """Raise ServiceError where a write has failed; return at once where one is on its way."""
        if self._thread is not None and not self._thread.is_alive():
            self.wait()

    def wait(self) -> None:
        """Until nothing is on its way. Raises ServiceError where it could not be written."""
        if self._thread is None:
            return
        self._thread.join()
        self._thread = None
        error, self._error = self._error, None
        if isinstance(error, OSError | SafetensorError):
            raise self._unwritten(error, self._memory) from error
        if error is not None:
            raise error

    def _copied(self, part: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        copies = {}
        for name, tensor in tensors.items():
            place = f"{part}/{name}"
            memory = self._memory.get(place)
            if memory is None or (memory.shape, memory.dtype) != (tensor.shape, tensor.dtype):
                memory = torch.empty(
                    tensor.shape, dtype=tensor.dtype, pin_memory=tensor.device.type == "cuda"
                )
                self._memory[place] = memory
            copies[name] = memory.copy_(tensor.detach(), non_blocking=tensor.device.type == "cuda")
        return copies

    def _write(self, copied: Checkpoint, ready: Any) -> None:
        assert self._folder is not None
        if sys.platform == "linux":  # where threads have priorities of their own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), PRIORITY)
        try:
            if ready is not None:
                ready.synchronize()
            checkpoint.save(self._folder, copied, keep=self._keep)
        except Exception as error:  # noqa: BLE001 - the thread of the training raises it
            self._error = error

    def _unwritten(self, error: Exception, tensors: dict[str, Tensor]) -> ServiceError:
        assert self._folder is not None
        step = checkpoint.last_step(self._folder)
        return ServiceError(
            "A checkpoint could not be written.",
            where=f"{self._name}, {self._folder}",
            found=str(error).splitlines()[0],
            expected=f"room for {_gigabytes(tensors):.2f} GB beside the last checkpoint",
            remedy="free disk space, then start again: training goes on "
            + ("from its beginning" if step is None else f"from step {step}, which stays"),
        )


def _on_cuda(found: Checkpoint) -> bool:
    tensors = (*found.weights.values(), *found.optimizer.values())
    return any(tensor.device.type == "cuda" for tensor in tensors)


def _gigabytes(tensors: dict[str, Tensor]) -> float:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) / 1e9
