"""The one loop that every training uses: the task brings its loss, the loader its batches."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from llm.errors import InputError
from llm.progress import Progress
from llm.runtime import Runtime
from llm.tracking import Tracker
from llm.training import checkpoint
from llm.training.averaging import averaged, swap_averages
from llm.training.clock import Clock
from llm.training.config import TrainingConfig
from llm.training.determinism import deterministic
from llm.training.history import History
from llm.training.incidents import Watch, sentence, too_many
from llm.training.interrupt import Interrupts
from llm.training.optimizer import build_optimizer, optimizer_state, restore_optimizer
from llm.training.parallel import Crew, join
from llm.training.saver import Saver
from llm.training.schedule import learning_rate_at
from llm.training.task import Batch, Loader, Task
from llm.training.update import Updated, Updater, autocast


def train(
    model: nn.Module,
    task: Task,
    loader: Loader,
    *,
    config: TrainingConfig,
    runtime: Runtime,
    seed: int,
    checkpoints: Path | None,
    tracker: Tracker,
    name: str,
    sample_every_steps: int | None = None,
) -> History:
    """Train the trainable parameters of `model` in place; leave it in eval mode.

    checkpoints: the folder of this very training (`checkpoint.keyed`), or None to keep none. Where
    it holds a checkpoint, training goes on from there, and ends with the same bits as if it had
    never stopped: the caller removes it after success (`checkpoint.clear`). name: for messages.

    Raises InputError where loss or gradient is not finite too often, ServiceError where no
    checkpoint can be written, and KeyboardInterrupt, after writing a checkpoint, where SIGINT or
    SIGTERM arrived. Of several processes, as torchrun starts them, only the first one returns: the
    others' work is done, and they end.
    """
    with join(model, config=config, runtime=runtime) as crew:
        history = _Training(
            crew=crew,
            task=task,
            loader=loader,
            config=config,
            runtime=runtime,
            seed=seed,
            checkpoints=checkpoints,
            tracker=tracker,
            name=name,
            sample_every_steps=sample_every_steps,
        ).run()
    model.eval()
    return history


class _Training:
    """The state of one training, and what changes it. For the arguments see `train`."""

    def __init__(
        self,
        *,
        crew: Crew,
        task: Task,
        loader: Loader,
        config: TrainingConfig,
        runtime: Runtime,
        seed: int,
        checkpoints: Path | None,
        tracker: Tracker,
        name: str,
        sample_every_steps: int | None,
    ) -> None:
        self.crew = crew
        self.model = crew.model
        self.task = task
        self.loader = loader
        self.config = config
        self.runtime = runtime
        self.checkpoints = checkpoints
        self.tracker = tracker
        self.name = name
        self.sample_every_steps = sample_every_steps
        self.optimizer = build_optimizer(self.model, config)
        self.updater = Updater(
            crew, task, self.optimizer, config=config, runtime=runtime, seed=seed, name=name
        )
        self.total_steps = config.steps(loader.batches_per_epoch)
        self.history = History()
        self.watch = Watch()
        self.saver = Saver(checkpoints, keep=config.keep_checkpoints, name=name)
        # Since the last evaluation. Python floats, of which JSON keeps every bit.
        self.loss_sum, self.loss_count = 0.0, 0
        self.stop = False  # agreed with the other processes
        self.clock = Clock()

    def run(self) -> History:
        """Train from the last checkpoint, or from the start, to the end."""
        with (
            deterministic(),
            Interrupts(patient=self.crew.size > 1) as interrupts,
            self.clock.measure("training"),
            self.saver,
        ):
            self._resume()
            self.model.train()  # loaded weights come in eval mode, without dropout
            first = self.history.steps
            if first == 0:
                self._evaluate()
            with Progress(self.name, unit="steps", total=self.total_steps) as progress:
                progress.advance(first)
                for step in range(first, self.total_steps):
                    # The first step compiles, so it says nothing about the speed of the others.
                    with self.clock.measure("warmup" if step == first else "steps"):
                        tokens = self._update(step, interrupts)
                    self.clock.tokens += tokens if step > first else 0
                    progress.advance(1)
                    interrupts.worth_saving = True
                    self._after(step + 1, interrupts)
        swap_averages(self.optimizer)  # the last checkpoint has them in their places
        self.tracker.log_timings(self.clock.timings())
        return self.history

    def _update(self, step: int, interrupts: Interrupts) -> int:
        """Go one step, and update the weights; return the tokens that went through the model."""
        batches = [self.loader.next_batch() for _ in range(self.config.accumulation_at(step))]
        found = self.updater.update(
            step,
            batches,
            learning_rate=self._learning_rate(step),
            stop=lambda: interrupts.requested,
        )
        self.stop = found.stop
        self.history.steps = step + 1
        self.history.tokens += found.tokens
        if found.finite:
            self.loss_sum += found.loss * found.targets
            self.loss_count += found.targets
            self.tracker.log_metrics(
                {"step_loss": found.loss, "gradient_norm": found.gradient_norm}, step=step + 1
            )
        self._note(found, batches)
        return found.tokens

    def _note(self, found: Updated, batches: list[Batch]) -> None:
        """Record a step out of the ordinary, with its samples; stop where it is one too many."""
        incident = self.watch.look(self.history.steps, found)
        if incident is None:
            return
        numbers = [int(i) for batch in batches for i in batch.get("sample_ids", ())]
        incident["samples"] = self.loader.describe(numbers) if numbers else []
        self.history.incidents.append(incident)
        self._log_incidents()
        print(f"{self.name}: {sentence(incident)}", flush=True)
        if not found.finite and self.history.nonfinite_steps >= self.config.maximum_nonfinite_steps:
            self.saver.wait()  # so that the last good checkpoint is known
            raise too_many(
                incident, self.history, self.config, name=self.name, checkpoints=self.checkpoints
            )

    def _after(self, step: int, interrupts: Interrupts) -> None:
        """Evaluate, sample, save and stop, each where it is due after `step` finished steps."""
        last = step == self.total_steps
        if last or step % self.config.evaluate_every_steps == 0:
            self._evaluate()
        if self.sample_every_steps and (last or step % self.sample_every_steps == 0):
            self._sample()
        self.saver.check()
        # Several processes stop at the same step: the one in which they heard of it.
        stop = self.stop if self.crew.size > 1 else interrupts.requested
        if last or stop or step % self.config.checkpoint_every_steps == 0:
            self._save()
        if stop:
            self.saver.wait()
            self.crew.wait()  # for the first one, which saves
            if self.checkpoints:
                print(f"{self.name}: stopped; step {step} is saved.", flush=True)
            raise KeyboardInterrupt

    def _evaluate(self) -> None:
        with self.clock.measure("evaluation"), self._looking():
            measures = self.crew.look(self.task.evaluate)
        step = self.history.steps
        row: dict[str, Any] = {
            "step": step,
            "epoch": round(self._epoch(step), 4),
            "tokens": self.history.tokens,
            "train_loss": self.loss_sum / self.loss_count if self.loss_count else None,
            "learning_rate": self._learning_rate(max(0, step - 1)),
            **measures,
        }
        if not math.isfinite(row["validation_loss"]):
            raise InputError(
                "The validation loss is not finite.",
                where=f"{self.name}, step {step}",
                found=row["validation_loss"],
                remedy="look for broken validation data; lower learning_rate",
            )
        self.loss_sum, self.loss_count = 0.0, 0
        self.history.rows.append(row)
        self._log_row(row)

    def _sample(self) -> None:
        with self.clock.measure("sampling"), self._looking():
            text = self.crew.write(self.task.sample)
        if text is not None:
            step = self.history.steps
            self.history.samples.append({"step": step, "text": text})
            self.tracker.log_text(text, f"samples/step-{step:06d}.txt")

    def _save(self) -> None:
        if self.checkpoints is None or (self.crew.rank and not self.crew.shares_model):
            return
        with self.clock.measure("checkpoint"):
            state = {
                "history": asdict(self.history),
                "loader": self.loader.state(),
                "loss_sum": self.loss_sum,
                "loss_count": self.loss_count,
                "usual": self.watch.state(),
            }
            now = checkpoint.Checkpoint(
                step=self.history.steps,
                weights=self._changing(),
                optimizer=optimizer_state(self.model, self.optimizer),
                state=state,
            )
            if self.crew.shares_model:
                self.saver.save_together(now, first=self.crew.rank == 0, hear=self.crew.hear)
            else:
                self.saver.save(now)

    def _resume(self) -> None:
        found = self._last_checkpoint()
        if found is None:
            return
        with torch.no_grad():
            for name, tensor in self._changing().items():
                tensor.copy_(found.weights[name])
        restore_optimizer(self.model, self.optimizer, found.optimizer)
        self.loader.restore(found.state["loader"])
        self.history = History(**found.state["history"])
        self.loss_sum, self.loss_count = found.state["loss_sum"], found.state["loss_count"]
        self.watch.restore(found.state["usual"])
        print(f"{self.name}: going on from step {found.step} of {self.total_steps}.", flush=True)
        for row in self.history.rows:  # a resumed run is tracked anew, and should show it all
            self._log_row(row)
        if self.history.incidents:
            self._log_incidents()

    def _last_checkpoint(self) -> checkpoint.Checkpoint | None:
        """The same for every process: the first one looks, and removes what is damaged."""
        if self.checkpoints is None:
            return None
        like = self._changing() if self.crew.shares_model else None
        found = None if self.crew.rank else checkpoint.load_last(self.checkpoints, like=like)
        step = self.crew.agree(-1 if found is None else found.step)
        if self.crew.rank == 0 or step < 0:
            return found
        return checkpoint.load(self.checkpoints, step, like=like)

    def _changing(self) -> dict[str, Tensor]:
        """Trainable parameters and buffers; frozen ones are what the caller brought."""
        trainable = {n: p for n, p in self.model.named_parameters() if p.requires_grad}
        return {**trainable, **dict(self.model.named_buffers())}

    def _log_row(self, row: dict[str, Any]) -> None:
        step = row["step"]
        numbers = {k: float(v) for k, v in row.items() if k != "step" and v is not None}
        self.tracker.log_metrics(numbers, step=step)
        learned = "" if row["train_loss"] is None else f"train loss {row['train_loss']:.4f}, "
        print(
            f"{self.name}: step {step} of {self.total_steps}, {learned}"
            f"validation loss {row['validation_loss']:.4f}",
            flush=True,
        )

    def _log_incidents(self) -> None:
        text = json.dumps(self.history.incidents, indent=2, sort_keys=True, ensure_ascii=False)
        self.tracker.log_text(text, "incidents.json")

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """No dropout, no gradients, the training's number type, averages where they are kept."""
        self.model.eval()
        with torch.no_grad(), autocast(self.runtime), averaged(self.optimizer):
            yield
        self.model.train()

    def _epoch(self, steps: int) -> float:
        return self.config.batches(steps) / self.loader.batches_per_epoch

    def _learning_rate(self, step: int) -> float:
        return learning_rate_at(step, self.total_steps, self.config)
