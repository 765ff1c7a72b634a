"""AdamW with decay on matrices only, and its state by parameter name."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from llm.training.config import TrainingConfig


def build_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW (Loshchilov & Hutter 2019) over the trainable parameters, in one fused pass.

    Two groups: matrices and embeddings decay; biases and the scales of norms, whose size carries
    no surplus capacity, do not.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in trainable if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=all(parameter.device.type in ("cpu", "cuda") for parameter in trainable),
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Use `learning_rate` for the next update of every group."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def optimizer_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's tensors under "<parameter name>/<state name>"."""
    return {
        f"{name}/{key}": value
        for name, parameter in model.named_parameters()
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def restore_optimizer(
    model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Tensor]
) -> None:
    """Put back what `optimizer_state` returned, for a model with the same parameter names."""
    parameters = dict(model.named_parameters())
    for place, value in state.items():
        name, _, key = place.rpartition("/")
        parameter = parameters[name]
        optimizer.state[parameter][key] = value.to(parameter.device)
