"""GPT-2 as Hugging Face stores it: one table of names, read and written with checks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

from llm.errors import InputError
from llm.files import read_json, write_json
from llm.model.config import GPTConfig
from llm.model.gpt import INITIAL_STD, GPTModel
from llm.model.norm import NORM_EPSILON
from llm.weights.tensors import (
    CONFIG,
    WEIGHTS,
    Stored,
    fill,
    open_tensors,
    without_padding,
    write_tensors,
)

# Ours, theirs. GPT-2's Conv1D keeps a matrix as (inputs, outputs), nn.Linear as (outputs, inputs).
_OUTSIDE_BLOCKS = {
    "token_embedding.weight": Stored("wte.weight"),
    "position_embedding.weight": Stored("wpe.weight"),
    "final_norm.weight": Stored("ln_f.weight"),
    "final_norm.bias": Stored("ln_f.bias"),
}
_IN_EACH_BLOCK = {
    "attention_norm.weight": Stored("ln_1.weight"),
    "attention_norm.bias": Stored("ln_1.bias"),
    "attention.qkv.weight": Stored("attn.c_attn.weight", transposed=True),
    "attention.qkv.bias": Stored("attn.c_attn.bias"),
    "attention.project.weight": Stored("attn.c_proj.weight", transposed=True),
    "attention.project.bias": Stored("attn.c_proj.bias"),
    "feed_forward_norm.weight": Stored("ln_2.weight"),
    "feed_forward_norm.bias": Stored("ln_2.bias"),
    "feed_forward.expand.weight": Stored("mlp.c_fc.weight", transposed=True),
    "feed_forward.expand.bias": Stored("mlp.c_fc.bias"),
    "feed_forward.project.weight": Stored("mlp.c_proj.weight", transposed=True),
    "feed_forward.project.bias": Stored("mlp.c_proj.bias"),
}
_HEAD = Stored("lm_head.weight")
_PREFIX = "transformer."  # of every name but the head's; GPT-2's own files on the hub lack it

# Old files carry the causal mask as a buffer of each layer.
_MASK_BUFFER = re.compile(rf"(?:{re.escape(_PREFIX)})?h\.\d+\.attn\.(?:masked_)?bias")

# The sizes of Radford et al. 2019, by (layers, width): heads. A weights file does not tell its
# number of heads; only for these is it known without a config.json.
GPT2_HEADS = {
    (12, 768): 12,  # 124M parameters
    (24, 1024): 16,  # 355M
    (36, 1280): 20,  # 774M
    (48, 1600): 25,  # 1558M
}


def load_gpt2(path: Path, *, drop_rate: float, made_by: str) -> GPTModel:
    """Read a GPT-2 in Hugging Face's safetensors layout; sizes are read off the tensors.

    path: the safetensors file; a config.json beside it is read and checked where there is one,
    and needed for sizes that are not GPT-2's own. Raises InputError with every fault at once.
    """
    with open_tensors(path, made_by=made_by) as file:
        names = list(file.keys())
        prefix = _PREFIX if any(name.startswith(_PREFIX) for name in names) else ""
        embedding, places = prefix + "wte.weight", prefix + "wpe.weight"
        if embedding not in names or places not in names:
            raise InputError(
                "A weights file is not a GPT-2.",
                where=path,
                found=f"{len(names)} tensors: {', '.join(names[:5])} …",
                expected=f"among them {embedding} and {places}",
                remedy="point the source of the weights to a GPT-2 in Hugging Face's layout",
            )
        vocab_size, emb_dim = file.get_slice(embedding).get_shape()
        context_length = file.get_slice(places).get_shape()[0]
        # A head written out beside the embedding that it equals is still a tied head.
        tied = _HEAD.name not in names or torch.equal(
            file.get_tensor(_HEAD.name), file.get_tensor(embedding)
        )
    layers = {int(found[1]) for name in names if (found := re.search(r"\bh\.(\d+)\.ln_1", name))}
    config = GPTConfig(
        vocab_size=vocab_size,
        context_length=context_length,
        emb_dim=emb_dim,
        n_layers=max(layers, default=0) + 1,
        n_heads=_n_heads(path, (max(layers, default=0) + 1, emb_dim), made_by=made_by),
        drop_rate=drop_rate,
        qkv_bias=True,
        tie_embeddings=tied,
    )
    _check_config(path, config, made_by=made_by)
    with torch.device("meta"):
        model = GPTModel(config)
    return fill(
        model,
        config,
        path,
        {ours: [stored] for ours, stored in _table(config, prefix).items()},
        ignored=lambda name: bool(_MASK_BUFFER.fullmatch(name)) or (tied and name == _HEAD.name),
        made_by=made_by,
    )


def save_gpt2(model: GPTModel, directory: Path, *, end_of_text: int | None = None) -> None:
    """Write a folder that `transformers.GPT2LMHeadModel.from_pretrained` loads.

    GPT-2 always has a bias on queries, keys and values: a model without gets zeros. Raises
    ValueError for a model that GPT-2's layout cannot tell, see `is_gpt2`.
    """
    config = model.config
    if not is_gpt2(config):
        raise ValueError("the model has parts that GPT-2 has not")
    ours = without_padding(model, config)
    theirs = {}
    for name, stored in _table(config.model_copy(update={"qkv_bias": True}), _PREFIX).items():
        tensor = ours[name] if name in ours else torch.zeros(3 * config.emb_dim)
        theirs[stored.name] = (tensor.T if stored.transposed else tensor).contiguous()
    directory.mkdir(parents=True, exist_ok=True)
    write_tensors(directory / WEIGHTS, theirs)
    write_json(directory / CONFIG, _their_config(config, end_of_text))


def is_gpt2(config: GPTConfig) -> bool:
    """Whether a model is made of GPT-2's parts alone."""
    return (
        (config.positions, config.norm, config.feed_forward) == ("learned", "layer", "gelu")
        and config.middle_dim == 4 * config.emb_dim
        and config.key_value_heads == config.n_heads
        and config.bias
        and not config.qk_norm
        and config.sliding_window is None
    )


def _table(config: GPTConfig, prefix: str) -> dict[str, Stored]:
    """Our name of every parameter, and where GPT-2's file keeps it."""
    table = dict(_OUTSIDE_BLOCKS)
    for layer in range(config.n_layers):
        for ours, stored in _IN_EACH_BLOCK.items():
            table[f"blocks.{layer}.{ours}"] = Stored(f"h.{layer}.{stored.name}", stored.transposed)
    table = {ours: Stored(prefix + at.name, at.transposed) for ours, at in table.items()}
    if not config.tie_embeddings:
        table["output.weight"] = _HEAD
    return table


def _their_config(config: GPTConfig, end_of_text: int | None) -> dict[str, Any]:
    """The config.json that goes with our model."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        "layer_norm_epsilon": NORM_EPSILON,
        "initializer_range": INITIAL_STD,
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "n_embd": config.emb_dim,
        "n_layer": config.n_layers,
        "n_head": config.n_heads,
        "embd_pdrop": config.drop_rate,
        "attn_pdrop": config.drop_rate,
        "resid_pdrop": config.drop_rate,
        "tie_word_embeddings": config.tie_embeddings,
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "dtype": "float32",
    }


def _n_heads(path: Path, size: tuple[int, int], *, made_by: str) -> int:
    """The number of heads: from config.json, else from GPT-2's own sizes (layers, width)."""
    settings = path.with_name(CONFIG)
    n_heads = None
    if settings.is_file():
        found = read_json(settings, made_by=made_by)
        n_heads = found.get("n_head") if isinstance(found, dict) else None
    elif size in GPT2_HEADS:
        n_heads = GPT2_HEADS[size]
    if not isinstance(n_heads, int) or n_heads < 1 or size[1] % n_heads:
        raise InputError(
            "The number of attention heads is not known.",
            where=settings,
            found=f"n_head {n_heads!r} for {size[0]} layers of width {size[1]}",
            expected="a config.json with n_head that divides the width, "
            f"or one of GPT-2's sizes (layers, width): {', '.join(map(str, GPT2_HEADS))}",
            remedy="put the model's config.json beside its weights",
        )
    return n_heads


def _check_config(path: Path, config: GPTConfig, *, made_by: str) -> None:
    """Refuse a config.json that describes another computation than ours, or other sizes."""
    settings = path.with_name(CONFIG)
    if not settings.is_file():
        return
    found: dict[str, Any] = read_json(settings, made_by=made_by)
    allowed: dict[str, tuple[Any, ...]] = {
        "model_type": ("gpt2",),
        "activation_function": ("gelu_new", "gelu_pytorch_tanh"),  # two names of one formula
        "layer_norm_epsilon": (NORM_EPSILON,),
        "n_inner": (None, 4 * config.emb_dim),
        "scale_attn_weights": (True,),
        "scale_attn_by_inverse_layer_idx": (False,),
        "add_cross_attention": (False,),
        "vocab_size": (config.vocab_size,),
        "n_positions": (config.context_length,),
        "n_embd": (config.emb_dim,),
        "n_layer": (config.n_layers,),
    }
    faults = [
        f"{key}: found {found[key]!r}, expected {' or '.join(map(repr, values))}"
        for key, values in allowed.items()
        if key in found and found[key] not in values
    ]
    if faults:
        raise InputError(
            "The configuration beside the weights describes another model:\n    "
            + "\n    ".join(faults),
            where=settings,
            expected="a plain GPT-2 of the sizes that the weights have",
            remedy="put the config.json that belongs to the weights beside them",
        )
