"""Our own folder of a model: its weights without padding, its shape, and a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import nn

from llm.errors import InputError
from llm.files import new_directory, read_json, read_manifest, write_json, write_manifest
from llm.model.classifier import Classifier
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.weights.tensors import CONFIG, WEIGHTS, Model, Stored, fill, without_padding, write_tensors


def save_model(model: GPTModel, directory: Path, **facts: Any) -> None:
    """Write a GPT's folder, whole or not at all; equal weights give equal bytes.

    facts: what else the manifest tells, as the source of the weights.
    """
    _save(model, model.config, directory, {"kind": "gpt", **_shape(model.config)}, facts)


def load_model(directory: Path, *, made_by: str) -> GPTModel:
    """Read a GPT's folder, checked against its manifest: on the CPU, in evaluation mode.

    Raises InputError where a file is missing, altered or of another kind; made_by is the stage.
    """
    read_manifest(directory, made_by=made_by, verify=True)
    config = _read_config(directory, "gpt", made_by=made_by)[0]
    with torch.device("meta"):
        model = GPTModel(config)
    return _fill(model, config, directory, made_by=made_by)


def save_classifier(model: Classifier, directory: Path, **facts: Any) -> None:
    """Write a classifier's folder, as `save_model`; facts may name the classes."""
    config = model.gpt.config
    shape = {"kind": "classifier", "n_classes": model.n_classes, **_shape(config)}
    _save(model, config, directory, shape, facts)


def load_classifier(directory: Path, *, made_by: str) -> Classifier:
    """Read a classifier's folder, as `load_model`."""
    read_manifest(directory, made_by=made_by, verify=True)
    config, n_classes = _read_config(directory, "classifier", made_by=made_by)
    with torch.device("meta"):
        model = Classifier(GPTModel(config), n_classes)
    return _fill(model, config, directory, made_by=made_by)


def count_parameters(model: nn.Module) -> int:
    """How many numbers the model's folder stores: a tied head once, the padding not at all."""
    gpt = model.gpt if isinstance(model, Classifier) else model
    assert isinstance(gpt, GPTModel)
    padding = (gpt.config.padded_vocab_size - gpt.config.vocab_size) * gpt.config.emb_dim
    matrices = 1 if gpt.config.tie_embeddings else 2
    return sum(parameter.numel() for parameter in model.parameters()) - matrices * padding


def _shape(config: GPTConfig) -> dict[str, Any]:
    """What config.json tells: of the settings that have a default, those that differ from it."""
    return config.model_dump(exclude_defaults=True)


def _save(
    model: nn.Module,
    config: GPTConfig,
    directory: Path,
    shape: dict[str, Any],
    facts: dict[str, Any],
) -> None:
    with new_directory(directory) as folder:
        write_tensors(folder / WEIGHTS, without_padding(model, config))
        write_json(folder / CONFIG, shape)
        write_manifest(folder, **facts)


def _fill(model: Model, config: GPTConfig, directory: Path, *, made_by: str) -> Model:
    stored = {name: [Stored(name)] for name in model.state_dict()}
    return fill(model, config, directory / WEIGHTS, stored, made_by=made_by)


def _read_config(directory: Path, kind: str, *, made_by: str) -> tuple[GPTConfig, int]:
    """The shape that config.json tells, and the number of classes (0 of a GPT)."""
    path = directory / CONFIG
    fields = read_json(path, made_by=made_by)
    try:
        found = fields.pop("kind")
        n_classes = fields.pop("n_classes", 0)
        config = GPTConfig.model_validate(fields)
    except (ValidationError, KeyError, AttributeError) as error:
        raise InputError(
            "A model's shape cannot be read.",
            where=path,
            found=" ".join(str(error).split()),
            expected="the fields of a GPT's configuration, and its kind",
            remedy=f"make it again: dvc repro --force {made_by}",
        ) from error
    if found != kind:
        raise InputError(
            "A folder holds another kind of model.",
            where=path,
            found=found,
            expected=kind,
            remedy=f"make it again: dvc repro --force {made_by}",
        )
    return config, n_classes
