"""AdamW or Muon, decay on matrices only, and an optimizer's state by parameter name."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from llm.training.averaging import keep_average
from llm.training.config import TrainingConfig
from llm.training.muon import Muon


def build_optimizer(model: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """The optimizer that the settings name, over the trainable parameters.

    AdamW (Loshchilov & Hutter 2019) in one fused pass; with Muon it is left with the embeddings,
    the heads and the vectors, and the matrices of the blocks are Muon's. Matrices and embeddings
    decay; biases and the scales of norms, whose size carries no surplus capacity, do not.
    """
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    of_muon = {
        name
        for name, parameter in trainable.items()
        if config.optimizer == "muon" and "blocks." in name and parameter.ndim == 2
    }
    others = [parameter for name, parameter in trainable.items() if name not in of_muon]
    groups = [
        {"params": [p for p in others if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimizer: torch.optim.Optimizer = torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        fused=all(parameter.device.type in ("cpu", "cuda") for parameter in others),
    )
    if of_muon:
        optimizer = Muon(
            [trainable[name] for name in trainable if name in of_muon],
            optimizer,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
    if config.average_decay is not None:
        keep_average(optimizer, config.average_decay)
    return optimizer


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
