"""The processes of one training: alone, each with the whole model (DDP), or with a share (FSDP2).

Every process reads the same global batches and takes its rows of each; the number of targets is
known to all without asking. So a training depends on the number of processes by rounding alone
(dropout apart, which each draws for its own rows), and goes on with another number of them.
"""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from llm.errors import ConfigError
from llm.runtime import Place, Runtime, place
from llm.training.config import TrainingConfig
from llm.training.task import Batch

T = TypeVar("T")
E = TypeVar("E", bound=Exception)


class Crew(Protocol):
    """The processes that train together, as one of them sees it.

    rank: of this process; 0 alone prints, tracks and writes. size: how many there are. model: what
    this process trains, under the names of the whole model's parameters. shares_model: whether
    each holds a part of it only.
    """

    rank: int
    size: int
    model: nn.Module
    shares_model: bool

    def share(self, batch: Batch) -> Batch:
        """This process's rows of a global batch."""

    def run(self, act: Callable[..., T], *arguments: object) -> T:
        """`act(model, *arguments)`, with the model's weights at hand: for losses."""

    def look(self, act: Callable[[Any], T]) -> T:
        """The same without gradients, in all processes at once, for evaluations.

        All evaluate the same and find the same, as one process would to the bit: so the figures
        do not depend on their number. No process waits for another meanwhile.
        """

    def write(self, act: Callable[[Any], T]) -> T | None:
        """What process 0 makes of the whole model, in evaluation mode; None in the others."""

    def gradients(self, *, last: bool) -> AbstractContextManager[None]:
        """Around forward and backward of one of a step's batches.

        After the last one, gradients are the mean over processes; before it nothing is sent.
        """

    def sum(self, values: Tensor) -> Tensor:
        """The sum over processes, in place."""

    def agree(self, number: int) -> int:
        """What process 0 says."""

    def hear(self, fault: E | None) -> E | None:
        """Of what went wrong in the processes, if anything did, the first one's, in all."""

    def wait(self) -> None:
        """Until all are here."""

    def finish(self) -> None:
        """Bring the trained weights home to the whole model."""


class Alone:
    """One process, which holds everything."""

    rank = 0
    size = 1
    shares_model = False

    def __init__(self, model: nn.Module, runtime: Runtime) -> None:
        self.model = model.to(runtime.device)

    def share(self, batch: Batch) -> Batch:
        return batch

    def run(self, act: Callable[..., T], *arguments: object) -> T:
        return act(self.model, *arguments)

    def look(self, act: Callable[[Any], T]) -> T:
        return act(self.model)

    def write(self, act: Callable[[Any], T]) -> T | None:
        return act(self.model) if self.rank == 0 else None

    # The protocol names the argument; alone there is nothing to send.
    def gradients(self, *, last: bool) -> AbstractContextManager[None]:  # noqa: ARG002
        return contextlib.nullcontext()

    def sum(self, values: Tensor) -> Tensor:
        return values

    def agree(self, number: int) -> int:
        return number

    def hear(self, fault: E | None) -> E | None:
        return fault

    def wait(self) -> None: ...

    def finish(self) -> None: ...


class _Together(Alone):
    """One of several processes that share the rows of every batch."""

    def __init__(self, runtime: Runtime) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._device = runtime.device

    def share(self, batch: Batch) -> Batch:
        return {key: rows[self.rank :: self.size].contiguous() for key, rows in batch.items()}

    def sum(self, values: Tensor) -> Tensor:
        dist.all_reduce(values)
        return values

    def agree(self, number: int) -> int:
        said = torch.tensor(number, device=self._device)
        dist.broadcast(said, src=0)
        return int(said)

    def hear(self, fault: E | None) -> E | None:
        faults: list[E | None] = [None] * self.size
        dist.all_gather_object(faults, fault)
        return next((found for found in faults if found is not None), None)

    def wait(self) -> None:
        dist.barrier()


class Replicated(_Together):
    """Each process holds the whole model and averages its gradients with the others (DDP).

    They are sent in buckets while the backward pass still runs (Li et al. 2020).
    """

    def __init__(self, model: nn.Module, runtime: Runtime) -> None:
        super().__init__(runtime)
        self.model = model.to(runtime.device)
        self._act = DistributedDataParallel(
            _Act(self.model), forward_sync_buffers=False, gradient_as_bucket_view=True
        )
        # The last to be let go of what DDP holds. Were that its C++ part, it would wait, holding
        # the interpreter's lock, for gloo's thread, which may wait for the lock (torch 2.13.0).
        vars(self._act)["group"] = dist.group.WORLD

    def run(self, act: Callable[..., T], *arguments: object) -> T:
        found: T = self._act(act, *arguments)
        return found

    @contextlib.contextmanager
    def gradients(self, *, last: bool) -> Iterator[None]:
        with contextlib.nullcontext() if last else self._act.no_sync():
            yield


class Sharded(_Together):
    """Each process holds a share of every weight, gradient and optimizer state (FSDP2).

    A block's weights are gathered just before its turn and let go after it (Zhao et al. 2023);
    embeddings, last norm and head stay gathered from forward to backward, so that a tied head is
    one weight. The whole model waits in the host's memory, and gets the weights at the end.
    """

    shares_model = True

    def __init__(self, model: nn.Module, runtime: Runtime) -> None:
        super().__init__(runtime)
        self._whole = model
        self.model = copy.deepcopy(model)
        mesh = init_device_mesh(runtime.device.type, (self.size,))
        for stack in [module for module in self.model.modules() if type(module) is nn.ModuleList]:
            for block in stack:
                fully_shard(block, mesh=mesh)
        self._root: Any = fully_shard(_Act(self.model), mesh=mesh)

    def run(self, act: Callable[..., T], *arguments: object) -> T:
        found: T = self._root(act, *arguments)
        return found

    def look(self, act: Callable[[Any], T]) -> T:
        try:
            return self.run(act)
        finally:
            self._root.reshard()

    @contextlib.contextmanager
    def gradients(self, *, last: bool) -> Iterator[None]:
        self._root.set_requires_gradient_sync(last)
        self._root.set_is_last_backward(last)
        yield

    def write(self, act: Callable[[Any], T]) -> T | None:
        self._bring_home()
        return act(self._whole.eval()) if self.rank == 0 else None

    def finish(self) -> None:
        self._bring_home()
        self._whole.to(self._device)

    @torch.no_grad()
    def _bring_home(self) -> None:
        trained = dict(self.model.named_parameters())
        for name, parameter in self._whole.named_parameters():
            parameter.copy_(whole(trained[name]))


class _Act(nn.Module):
    """Whatever is done with the model as one forward pass, so that DDP's and FSDP's hooks run."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, act: Callable[..., T], *arguments: object) -> T:
        return act(self.model, *arguments)


@contextlib.contextmanager
def join(model: nn.Module, *, config: TrainingConfig, runtime: Runtime) -> Iterator[Crew]:
    """Meet the other processes that torchrun started, if any; part from them at the end.

    On leaving without an exception, processes but the first end with exit code 0: there is
    nothing left for them to do. Raises ConfigError where batches cannot be shared evenly.
    """
    here = place()
    if here.world_size == 1:
        crew = Alone(model, runtime)
        yield crew
        crew.finish()
        return
    _check(config, here)
    if runtime.device.type == "cuda":
        torch.cuda.set_device(runtime.device)
    dist.init_process_group("nccl" if runtime.device.type == "cuda" else "gloo")
    try:
        crew = (Sharded if config.parallel == "fsdp" else Replicated)(model, runtime)
        yield crew
        crew.finish()
        crew.wait()
    finally:
        dist.destroy_process_group()
    if here.rank:
        raise SystemExit(0)


def whole(tensor: Tensor) -> Tensor:
    """A tensor with the shares of all processes, in all of them."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def clip_gradients(parameters: list[nn.Parameter], maximum: float | None) -> Tensor:
    """Scale gradients down to a norm of `maximum`; return the norm before, over all processes."""
    return whole(nn.utils.clip_grad_norm_(parameters, math.inf if maximum is None else maximum))


def _check(config: TrainingConfig, here: Place) -> None:
    if config.parallel == "none":
        raise ConfigError(
            "This training is for one process.",
            where="training.parallel",
            found=f"none, and {here.world_size} processes",
            expected="ddp or fsdp",
            remedy="set parallel to ddp, or start it without torchrun",
        )
    if config.batch_size % here.world_size:
        fitting = config.batch_size + -config.batch_size % here.world_size
        raise ConfigError(
            "The processes cannot share batches evenly.",
            where="training.batch_size, LLM_NPROC × LLM_NODES",
            found=f"batches of {config.batch_size} rows for {here.world_size} processes",
            expected="as many rows for each",
            remedy=f"set batch_size to {fitting}, or start a number of processes that divides "
            f"{config.batch_size}",
        )
