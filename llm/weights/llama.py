"""Llama as Hugging Face stores it: our fused matrices in parts, read and written with checks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from llm.errors import InputError
from llm.files import read_json, write_json
from llm.model.config import GPTConfig
from llm.model.gpt import INITIAL_STD, GPTModel
from llm.model.norm import NORM_EPSILON
from llm.weights.tensors import CONFIG, WEIGHTS, Stored, fill, without_padding, write_tensors


def is_llama(config: GPTConfig) -> bool:
    """Whether a model is made of Llama's parts alone (Touvron et al. 2023)."""
    return (
        (config.positions, config.norm, config.feed_forward) == ("rotary", "rms", "swiglu")
        and config.qkv_bias == config.bias
        and not config.qk_norm
        and config.sliding_window is None
    )


def save_llama(model: GPTModel, directory: Path, *, end_of_text: int | None = None) -> None:
    """Write a folder that `transformers.LlamaForCausalLM.from_pretrained` loads.

    Raises ValueError for a model that Llama's layout cannot tell, see `is_llama`.
    """
    config = model.config
    if not is_llama(config):
        raise ValueError("the model has parts that Llama has not")
    ours = without_padding(model, config)
    theirs = {}
    for name, parts in _table(config).items():
        sizes = [part.rows or len(ours[name]) for part in parts]
        for part, tensor in zip(parts, torch.split(ours[name], sizes), strict=True):
            theirs[part.name] = tensor.contiguous()
    directory.mkdir(parents=True, exist_ok=True)
    write_tensors(directory / WEIGHTS, theirs)
    write_json(directory / CONFIG, _their_config(config, end_of_text))


def load_llama(path: Path, *, drop_rate: float, made_by: str) -> GPTModel:
    """Read a Llama in Hugging Face's safetensors layout.

    path: the safetensors file, with its config.json beside it. Raises InputError where that
    describes another computation than ours, or with every tensor that does not fit it.
    """
    config = _our_config(path.with_name(CONFIG), drop_rate=drop_rate, made_by=made_by)
    with torch.device("meta"):
        model = GPTModel(config)
    return fill(
        model,
        config,
        path,
        _table(config),
        ignored=lambda name: config.tie_embeddings and name == "lm_head.weight",
        made_by=made_by,
    )


def _table(config: GPTConfig) -> dict[str, list[Stored]]:
    """Our name of every parameter, and the tensors of Llama's file that make it up."""
    D, M = config.head_dim, config.middle_dim
    of_queries, of_keys = config.n_heads * D, config.key_value_heads * D
    table = {
        "token_embedding.weight": [Stored("model.embed_tokens.weight")],
        "final_norm.weight": [Stored("model.norm.weight")],
    }
    if not config.tie_embeddings:
        table["output.weight"] = [Stored("lm_head.weight")]
    for layer in range(config.n_layers):
        here, there = f"blocks.{layer}.", f"model.layers.{layer}."
        table[f"{here}attention_norm.weight"] = [Stored(f"{there}input_layernorm.weight")]
        after = Stored(f"{there}post_attention_layernorm.weight")
        table[f"{here}feed_forward_norm.weight"] = [after]
        for kind in ("weight", "bias") if config.bias else ("weight",):
            table[f"{here}attention.qkv.{kind}"] = [
                Stored(f"{there}self_attn.q_proj.{kind}", rows=of_queries),
                Stored(f"{there}self_attn.k_proj.{kind}", rows=of_keys),
                Stored(f"{there}self_attn.v_proj.{kind}", rows=of_keys),
            ]
            table[f"{here}feed_forward.expand.{kind}"] = [
                Stored(f"{there}mlp.gate_proj.{kind}", rows=M),
                Stored(f"{there}mlp.up_proj.{kind}", rows=M),
            ]
            attended = Stored(f"{there}self_attn.o_proj.{kind}")
            table[f"{here}attention.project.{kind}"] = [attended]
            table[f"{here}feed_forward.project.{kind}"] = [Stored(f"{there}mlp.down_proj.{kind}")]
    return table


def _their_config(config: GPTConfig, end_of_text: int | None) -> dict[str, Any]:
    """The config.json that goes with our model."""
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "rms_norm_eps": NORM_EPSILON,
        "initializer_range": INITIAL_STD,
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "hidden_size": config.emb_dim,
        "intermediate_size": config.middle_dim,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.key_value_heads,
        "head_dim": config.head_dim,
        "attention_bias": config.qkv_bias,
        "mlp_bias": config.bias,
        "attention_dropout": config.drop_rate,
        "rope_parameters": {"rope_theta": config.rotary_base, "rope_type": "default"},
        "tie_word_embeddings": config.tie_embeddings,
        "bos_token_id": end_of_text,
        "eos_token_id": end_of_text,
        "dtype": "float32",
    }


def _our_config(path: Path, *, drop_rate: float, made_by: str) -> GPTConfig:
    """The shape that a config.json of Llama's describes; refused where we compute otherwise."""
    found: dict[str, Any] = read_json(path, made_by=made_by)
    rope = found.get("rope_parameters") or {"rope_theta": found.get("rope_theta", 10_000.0)}
    try:
        config = GPTConfig(
            vocab_size=found["vocab_size"],
            context_length=found["max_position_embeddings"],
            emb_dim=found["hidden_size"],
            n_heads=found["num_attention_heads"],
            n_kv_heads=found.get("num_key_value_heads"),
            n_layers=found["num_hidden_layers"],
            drop_rate=drop_rate,
            qkv_bias=found.get("attention_bias", False),
            bias=found.get("mlp_bias", False),
            tie_embeddings=found.get("tie_word_embeddings", False),
            positions="rotary",
            rotary_base=float(rope["rope_theta"]),
            norm="rms",
            feed_forward="swiglu",
            feed_forward_dim=found["intermediate_size"],
        )
    except (ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            "A Llama's shape cannot be read.",
            where=path,
            found=" ".join(str(error).split()),
            expected="the config.json of a LlamaForCausalLM",
            remedy="put the config.json that belongs to the weights beside them",
        ) from error
    # Hugging Face's defaults, where a key is left out.
    told = {"rms_norm_eps": 1e-6, **found, "rope_type": rope.get("rope_type", "default")}
    expected = {
        "model_type": "llama",
        "hidden_act": "silu",
        "rms_norm_eps": NORM_EPSILON,
        "rope_type": "default",
        "rope_scaling": None,
        "head_dim": config.head_dim,
        "mlp_bias": config.qkv_bias,
    }
    faults = [
        f"{key}: found {told[key]!r}, expected {value!r}"
        for key, value in expected.items()
        if key in told and told[key] != value
    ]
    if faults:
        raise InputError(
            "The configuration beside the weights describes another model:\n    "
            + "\n    ".join(faults),
            where=path,
            expected="a plain Llama",
            remedy="put the config.json that belongs to the weights beside them",
        )
    return config
