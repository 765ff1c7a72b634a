"""Plans agree with the real model and with what was published."""

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.planning import (
    HARDWARE,
    MODELS,
    count_parameters,
    estimate,
    flops_per_token,
    memory_bytes,
    training_flops,
)
from llm.weights.export import count_parameters as count_real

LLAMA = {
    "positions": "rotary",
    "norm": "rms",
    "feed_forward": "swiglu",
    "qkv_bias": False,
    "bias": False,
}


def small(**changes) -> GPTConfig:
    settings: dict[str, Any] = {
        "vocab_size": 70,
        "context_length": 16,
        "emb_dim": 24,
        "n_heads": 3,
        "n_layers": 2,
        "drop_rate": 0.0,
        "qkv_bias": True,
        "tie_embeddings": True,
    }
    return GPTConfig(**{**settings, **changes})


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("tied", [True, False])
def test_the_formula_counts_what_the_model_has(bias, tied):
    config = small(qkv_bias=bias, tie_embeddings=tied)
    assert count_parameters(config) == count_real(GPTModel(config))


@pytest.mark.parametrize(
    "options",
    [
        {"positions": "rotary"},
        {"norm": "rms"},
        {"feed_forward": "swiglu"},
        {"feed_forward_dim": 17},
        {"n_kv_heads": 1},
        {"qk_norm": True},
        {"bias": False},
        {**LLAMA, "n_kv_heads": 1, "qk_norm": True},
    ],
    ids=str,
)
def test_the_formula_counts_every_shape(options):
    config = small(**options)
    assert count_parameters(config) == count_real(GPTModel(config))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # meta-llama's checkpoints of these names
        ("llama-7b", 6_738_415_616),
        ("llama-2-70b", 68_976_648_192),
        # openai-community's checkpoints of these names
        ("gpt2", 124_439_808),
        ("gpt2-medium", 354_823_168),
        ("gpt2-large", 774_030_080),
        ("gpt2-xl", 1_557_611_200),
    ],
)
def test_models_have_their_published_sizes(name, parameters):
    assert count_parameters(MODELS[name]) == parameters


def test_gpt3_costs_what_was_published():
    # Brown et al. 2020, table D.1: 174.6 billion parameters, 300 billion tokens, 3.14e23
    assert count_parameters(MODELS["gpt3"]) == pytest.approx(174.6e9, rel=1e-3)
    assert training_flops(MODELS["gpt3"], 300 * 10**9) == pytest.approx(3.14e23, rel=5e-3)


@pytest.mark.parametrize(
    "options", [{}, {"tie_embeddings": False}, {**LLAMA, "n_kv_heads": 1}], ids=str
)
def test_the_work_of_a_token_is_what_torch_counts(options):
    # Short enough for attention written out: torch does not count the fused kernel's work.
    config = small(emb_dim=96, context_length=64, vocab_size=512, **options)
    model = GPTModel(config).eval()
    counter = FlopCounterMode(display=False)
    with counter:
        loss = model(torch.zeros(1, 64, dtype=torch.long)).sum()
        loss.backward()
    per_token = counter.get_total_flops() / 64
    assert flops_per_token(config) == pytest.approx(per_token, rel=0.05)


def test_a_window_and_short_texts_make_attention_cheaper():
    whole, near = small(), small(sliding_window=4)
    fewer = 12 * whole.n_layers * whole.emb_dim * (16 - 4)
    assert flops_per_token(whole) - flops_per_token(near) == fewer
    assert flops_per_token(whole, length=4) == flops_per_token(near)
    assert flops_per_token(near, length=8) == flops_per_token(near)


def test_activations_are_those_of_the_literature_and_of_the_shape():
    config = small()
    found = memory_bytes(config, batch_size=2)["activations"]
    assert found == 34 * 2 * 16 * config.emb_dim * config.n_layers  # Korthikanti et al. 2022
    shared = memory_bytes(small(n_kv_heads=1), batch_size=2)["activations"]
    assert found - shared == 4 * 16 * 2 * 16 * config.n_layers  # two of three heads of 8, K and V


def test_memory_is_split_over_devices_but_for_what_each_batch_needs():
    one, four = (memory_bytes(MODELS["gpt2"], batch_size=8, devices=n) for n in (1, 4))
    assert one["optimizer"] == 2 * one["weights"] == 8 * 124_439_808
    assert four["weights"] == one["weights"] // 4
    assert four["activations"] == one["activations"] and four["logits"] == one["logits"]


def test_time_and_cost_follow_rate_and_price():
    rows = estimate(
        MODELS["gpt2"],
        tokens=10**9,
        batch_size=8,
        devices=2,
        utilisation=0.5,
        price_per_hour=3.0,
        measured_tokens_per_second=1000.0,
    )
    assert [row.name for row in rows] == ["here", *HARDWARE]
    here, a100 = rows[0], rows[1]
    assert here.seconds == 10**6 and here.cost == pytest.approx(10**6 / 3600 * 3 * 2)
    assert a100.tokens_per_second * flops_per_token(MODELS["gpt2"]) == pytest.approx(312e12)
    assert a100.fits is True
    big = estimate(MODELS["gpt3"], tokens=1, batch_size=1)
    assert not any(row.fits for row in big)


def plan(*arguments, cwd):
    command = [sys.executable, "-m", "llm", "plan", *arguments]
    return subprocess.run(command, cwd=cwd, check=False, timeout=60, capture_output=True, text=True)


def test_the_command_plans_what_params_yaml_asks_for(root):
    done = plan("--tokens", "2000000", "--tokens-per-second", "5000", "--price", "2", cwd=root)
    assert done.returncode == 0, done.stderr
    for words in ("parameters", "tokens per parameter", "here", "H200", "6 min 40 s"):
        assert words in done.stdout


def test_the_command_names_a_model_and_a_wrong_one(root):
    done = plan("--model", "gpt2-xl", "--tokens", "100", cwd=root)
    assert done.returncode == 0 and "1,557,611,200" in done.stdout
    assert plan("--model", "gpt9", cwd=root).returncode == 2
    without = plan("--model", "gpt2", cwd=root)
    assert without.returncode == 2 and "--tokens" in without.stderr
