"""One update of the weights: forward, backward, clipped, one step of the optimizer."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._dynamo.exc import BackendCompilerFailed

from llm.errors import InputError
from llm.model.attention import CausalSelfAttention
from llm.model.gpt import GPTModel
from llm.runtime import Runtime
from llm.training.config import TrainingConfig
from llm.training.optimizer import set_learning_rate
from llm.training.parallel import Crew, clip_gradients
from llm.training.task import Batch, Task

COMPILE_CACHE = Path("data/cache/inductor")


@dataclass(frozen=True, kw_only=True)
class Updated:
    """What one update found.

    loss: mean over the targets, nats, before the update. gradient_norm: before clipping. targets,
    tokens: how many were learned from, and how many went through the model. Where loss or gradient
    is not `finite`, nothing was updated. stop: whether one of the processes was asked to stop.
    """

    loss: float
    gradient_norm: float
    targets: int
    tokens: int
    stop: bool = False

    @property
    def finite(self) -> bool:
        """Whether loss and gradient are numbers, so that there was something to learn from."""
        return math.isfinite(self.loss) and math.isfinite(self.gradient_norm)


class Updater:
    """Changes the trainable parameters of the crew's model, a step at a time.

    name: of the training, for messages. seed: decides, with the step, what dropout drops.
    """

    def __init__(
        self,
        crew: Crew,
        task: Task,
        optimizer: torch.optim.Optimizer,
        *,
        config: TrainingConfig,
        runtime: Runtime,
        seed: int,
        name: str,
    ) -> None:
        self._crew = crew
        self._task = task
        self._optimizer = optimizer
        self._config = config
        self._runtime = runtime
        self._seed = seed
        self._name = name
        self._parameters = [p for p in crew.model.parameters() if p.requires_grad]
        for part in crew.model.modules():
            if isinstance(part, GPTModel | CausalSelfAttention):
                part.recompute = config.recompute
        self._loss = _compiled(task.loss) if runtime.compile else task.loss

    def update(
        self,
        step: int,
        batches: list[Batch],
        *,
        learning_rate: float,
        stop: Callable[[], bool],
    ) -> Updated:
        """Learn from the batches as if they were one; `step` updates came before.

        batches: the same in all processes. stop: whether this process was asked to stop, asked
        when its gradients are made. Where loss or gradient is not finite, weights and optimizer
        stay as they are. Raises InputError where the batches hold no target.
        """
        targets = sum(self._task.count(batch) for batch in batches)
        if targets == 0:
            raise InputError(
                "A step has nothing to learn: its batches hold no target.",
                where=f"{self._name}, step {step + 1}",
                remedy="raise batch_size, or the setting that cuts texts short",
            )
        loss = self._gradients(step, batches, targets)
        norm = clip_gradients(self._parameters, self._config.max_grad_norm)
        both = torch.stack([loss, torch.full_like(loss, stop())])
        loss, stops = self._crew.sum(both).unbind()
        # The only point of a step where the Python thread waits for an accelerator.
        mean_loss, gradient_norm, stopping = torch.stack([loss, norm.float(), stops]).tolist()
        found = Updated(
            loss=mean_loss,
            gradient_norm=gradient_norm,
            targets=targets,
            tokens=sum(batch["inputs"].numel() for batch in batches),
            stop=stopping > 0,
        )
        if found.finite:
            set_learning_rate(self._optimizer, learning_rate)
            self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        return found

    def _gradients(self, step: int, batches: list[Batch], targets: int) -> Tensor:
        """Fill the gradients of the mean loss over all `targets`.

        Returns what this process's rows add to that loss, ().
        """
        total = torch.zeros((), device=self._runtime.device)
        try:
            with _generators_of_its_own(_step_seed(self._seed, step, self._crew.rank)):
                for number, batch in enumerate(batches, start=1):
                    placed = {
                        key: value.to(self._runtime.device, non_blocking=True)
                        for key, value in self._crew.share(batch).items()
                    }
                    with self._crew.gradients(last=number == len(batches)):
                        with autocast(self._runtime):
                            loss = self._crew.run(self._loss, placed)
                        # Of gradients the mean over processes is taken, of losses the sum.
                        torch.autograd.backward(loss / (targets / self._crew.size))
                    total += loss.detach().float() / targets
        except BackendCompilerFailed as error:
            reason = str(error).strip().splitlines()[0]
            print(
                f"{self._name}: torch.compile failed ({reason}); going on uncompiled.", flush=True
            )
            self._loss = self._task.loss
            self._optimizer.zero_grad(set_to_none=True)
            return self._gradients(step, batches, targets)
        return total


def autocast(runtime: Runtime) -> torch.autocast:
    """The number type of the training, for everything that reads its model."""
    return torch.autocast(runtime.device.type, torch.bfloat16, enabled=runtime.autocast)


def _compiled(loss: Callable[[Any, Batch], Tensor]) -> Callable[[Any, Batch], Tensor]:
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(COMPILE_CACHE.resolve()))
    # tanh by exp, of which GELU is made: twice as fast on a CPU as the library's.
    return torch.compile(loss, dynamic=False, options={"cpp.use_decompose_tanh": True})


@contextmanager
def _generators_of_its_own(seed: int) -> Iterator[None]:
    """Random numbers that depend on `seed` alone, and that nobody else sees drawn.

    Dropout inside scaled_dot_product_attention takes no generator: it draws from the global one
    of its device. So that one is set aside, seeded, and put back, which is the same as a private
    one: what was drawn before changes nothing inside, and what is drawn inside nothing after.
    Seeded anew for each step, it needs no place in a checkpoint either.
    """
    devices = range(torch.cuda.device_count())  # manual_seed seeds them all
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def _step_seed(seed: int, step: int, rank: int = 0) -> int:
    """A seed for one step of one process, unrelated to those of others and of other seeds."""
    words = f"{seed} {step} {rank}" if rank else f"{seed} {step}"
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "big") >> 1
