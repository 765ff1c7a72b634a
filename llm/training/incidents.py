"""Steps out of the ordinary: a loss or gradient far above its usual level, or no number at all."""

from __future__ import annotations

import math
import statistics
from collections import deque
from pathlib import Path
from typing import Any

from llm.errors import InputError
from llm.training.checkpoint import last_step
from llm.training.config import TrainingConfig
from llm.training.history import NOT_FINITE, History
from llm.training.update import Updated

WINDOW_STEPS = 100  # the usual level is that of so many steps before
ENOUGH_STEPS = 20  # with fewer, nothing is usual yet
FAR = 7.0  # standard deviations; what OLMo 2 (Walsh et al. 2025) counts as a spike
# Standard deviations per median absolute deviation of normal noise (Hampel 1974).
DEVIATIONS = 1.4826
# Of logarithms: a loss that hardly moves has no spikes, and a gradient below twice the usual one
# is that of a batch like others (healthy trainings of 1,000 steps have some of these).
LEAST_DEVIATION = {"loss": 0.01, "gradient_norm": 0.1}
LEAST_VALUE = 1e-9  # zero has no logarithm
NAMED = 2  # samples in a printed line; the record has them all


class Watch:
    """Knows the usual loss and gradient norm, and tells the steps far above.

    Level and noise are the median and the median absolute deviation of the last WINDOW_STEPS
    steps: unlike mean and standard deviation, they are not moved by the spikes themselves. Only
    upwards is far, for a loss falls quickly when training begins. Distances are of logarithms:
    a loss near zero moves by factors, and a classifier's batch that is wrong for once is no spike.
    """

    def __init__(self) -> None:
        self._recent: dict[str, deque[float]] = {
            name: deque(maxlen=WINDOW_STEPS) for name in ("loss", "gradient_norm")
        }

    def look(self, step: int, found: Updated) -> dict[str, Any] | None:
        """A record of the update that made `step` finished steps, or None where it was as usual.

        kind: "not finite", or which of loss and gradient norm is far above. loss, gradient_norm:
        numbers, or "nan" and "inf", which JSON does not know. usual_loss, usual_gradient_norm:
        their levels before, None where too few steps came before.
        """
        values = {"loss": found.loss, "gradient_norm": found.gradient_norm}
        usual = {name: self._level(name) for name in values}
        if not found.finite:
            kind = NOT_FINITE
        else:
            kind = " and ".join(
                name.replace("_", " ") for name, value in values.items() if self._far(name, value)
            )
            for name, value in values.items():
                self._recent[name].append(value)
        if not kind:
            return None
        return {
            "step": step,
            "kind": kind,
            **{
                name: value if math.isfinite(value) else str(value)
                for name, value in values.items()
            },
            **{f"usual_{name}": level for name, level in usual.items()},
        }

    def state(self) -> dict[str, list[float]]:
        """What `restore` needs, as JSON values."""
        return {name: list(values) for name, values in self._recent.items()}

    def restore(self, state: dict[str, list[float]]) -> None:
        """Go on where `state` was taken."""
        for name, values in state.items():
            self._recent[name] = deque(values, maxlen=WINDOW_STEPS)

    def _level(self, name: str) -> float | None:
        recent = self._recent[name]
        return statistics.median(recent) if len(recent) >= ENOUGH_STEPS else None

    def _far(self, name: str, value: float) -> bool:
        recent = [_logarithm(old) for old in self._recent[name]]
        if len(recent) < ENOUGH_STEPS:
            return False
        level = statistics.median(recent)
        noise = DEVIATIONS * statistics.median(abs(old - level) for old in recent)
        return _logarithm(value) - level > FAR * max(noise, LEAST_DEVIATION[name])


def sentence(incident: dict[str, Any]) -> str:
    """One line of an incident, for a log: what it was, and its first samples."""
    samples = incident["samples"]
    more = f" and {len(samples) - NAMED} more" if len(samples) > NAMED else ""
    return (
        f"step {incident['step']} is out of the ordinary ({incident['kind']}): "
        f"loss {_short(incident['loss'])} (usual {_short(incident['usual_loss'])}), "
        f"gradient norm {_short(incident['gradient_norm'])} "
        f"(usual {_short(incident['usual_gradient_norm'])}); "
        f"samples: {'; '.join(samples[:NAMED]) or 'unknown'}{more}"
    )


def too_many(
    incident: dict[str, Any],
    history: History,
    config: TrainingConfig,
    *,
    name: str,
    checkpoints: Path | None,
) -> InputError:
    """The error that ends a training at `incident`, the last non-finite step that is allowed."""
    step = last_step(checkpoints) if checkpoints else None
    return InputError(
        "The loss or its gradient is not finite; the weights were not updated.",
        where=f"{name}, step {incident['step']}; "
        f"samples: {'; '.join(incident['samples']) or 'unknown'}",
        found=f"loss {incident['loss']}, gradient norm {incident['gradient_norm']}; "
        f"non-finite steps so far: {history.nonfinite_steps}",
        expected=f"fewer than training.maximum_nonfinite_steps, {config.maximum_nonfinite_steps}",
        remedy="look at these samples; lower learning_rate or max_grad_norm, lengthen "
        "warmup_fraction, or set precision to float32. The last good checkpoint stays"
        + ("" if step is None else f": step {step} in {checkpoints}"),
    )


def _logarithm(value: float) -> float:
    return math.log(max(value, LEAST_VALUE))


def _short(value: float | str | None) -> str:
    if value is None:
        return "not known yet"
    return value if isinstance(value, str) else f"{value:.4g}"
