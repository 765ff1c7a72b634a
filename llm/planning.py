"""Before training: parameters, work, memory, time and cost, by arithmetic alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from llm.model.config import GPTConfig

# Tokens per parameter that spend a fixed amount of work best (Hoffmann et al. 2022, table 3).
CHINCHILLA_TOKENS_PER_PARAMETER = 20
# Fraction of the peak that a well-tuned GPT-2 124M reaches: llm.c on an H100 41 %.
USUAL_UTILISATION = 0.4
_FLOAT32_BYTES = 4


@dataclass(frozen=True, kw_only=True)
class Hardware:
    """One accelerator. flops: bfloat16 matrix products a second, dense, by the maker's sheet."""

    flops: float
    memory_bytes: int


HARDWARE: Mapping[str, Hardware] = MappingProxyType(
    {  # NVIDIA's data sheets, the SXM modules
        "A100": Hardware(flops=312e12, memory_bytes=80 * 10**9),
        "H100": Hardware(flops=989e12, memory_bytes=80 * 10**9),
        "H200": Hardware(flops=989e12, memory_bytes=141 * 10**9),
    }
)


def _gpt(context_length: int, emb_dim: int, n_heads: int, n_layers: int) -> GPTConfig:
    return GPTConfig(
        vocab_size=50_257,
        context_length=context_length,
        emb_dim=emb_dim,
        n_heads=n_heads,
        n_layers=n_layers,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
    )


MODELS: Mapping[str, GPTConfig] = MappingProxyType(
    {  # Radford et al. 2019, table 2; Brown et al. 2020, table 2.1
        "gpt2": _gpt(1024, 768, 12, 12),
        "gpt2-medium": _gpt(1024, 1024, 16, 24),
        "gpt2-large": _gpt(1024, 1280, 20, 36),
        "gpt2-xl": _gpt(1024, 1600, 25, 48),
        "gpt3": _gpt(2048, 12_288, 96, 96),
    }
)


def count_parameters(config: GPTConfig) -> int:
    """Trained numbers of a model, embeddings included; the vocabulary's padding is not counted."""
    C = config.emb_dim
    attention = 3 * C * C + 3 * C * config.qkv_bias + C * C + C
    feed_forward = 4 * C * C + 4 * C + 4 * C * C + C
    norms = 2 * 2 * C
    embeddings = (config.vocab_size + config.context_length) * C
    head = 0 if config.tie_embeddings else config.vocab_size * C
    return config.n_layers * (attention + feed_forward + norms) + 2 * C + embeddings + head


def flops_per_token(config: GPTConfig) -> int:
    """Floating-point operations of one training token, forward and backward: 6 N + 12 L C T.

    N are the parameters but the positions', which are looked up (with tied embeddings the token
    embedding is the head, and counts), L the layers, C the width, T the context length: 6 per
    parameter (Kaplan et al. 2020, section 2.1) and attention's products over the whole window
    (Chowdhery et al. 2022, appendix B).
    """
    parameters = count_parameters(config) - config.context_length * config.emb_dim
    if not config.tie_embeddings:
        parameters -= config.vocab_size * config.emb_dim  # looked up, not multiplied
    attention = 12 * config.n_layers * config.emb_dim * config.context_length
    return 6 * parameters + attention


def training_flops(config: GPTConfig, tokens: int) -> float:
    """The published estimate of a whole training: 6 N D (Kaplan et al. 2020).

    GPT-3's 3.14e23 (Brown et al. 2020, table D.1) is this, with its 300 billion tokens.
    """
    return 6.0 * count_parameters(config) * tokens


def memory_bytes(config: GPTConfig, *, batch_size: int, devices: int = 1) -> dict[str, int]:
    """An estimate of what training holds on each of `devices`, by part.

    Weights, gradients and AdamW's two moments in float32, split over the devices as FSDP does;
    activations in bfloat16, 34 bytes per token, width and layer (Korthikanti et al. 2022,
    equation 1, without the attention matrix, which a fused kernel never stores); logits and their
    gradient in float32. batch_size: sequences per device. Fragments and the runtime come on top.
    """
    parameters = count_parameters(config)
    tokens = batch_size * config.context_length
    share = -(-parameters * _FLOAT32_BYTES // devices)
    return {
        "weights": share,
        "gradients": share,
        "optimizer": 2 * share,
        "activations": 34 * tokens * config.emb_dim * config.n_layers,
        "logits": 2 * _FLOAT32_BYTES * tokens * config.padded_vocab_size,
    }


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A training on some hardware. utilisation: the fraction of the peak that is reached."""

    name: str
    tokens_per_second: float
    seconds: float
    cost: float | None
    fits: bool | None


def estimate(
    config: GPTConfig,
    *,
    tokens: int,
    batch_size: int,
    devices: int = 1,
    utilisation: float = USUAL_UTILISATION,
    price_per_hour: float | None = None,
    measured_tokens_per_second: float | None = None,
) -> list[Estimate]:
    """Time and cost on each known accelerator, and here where a measured rate is given.

    price_per_hour: of one device, in any currency. fits: whether the estimated memory is below
    the device's; None here, where it is not known.
    """
    need = sum(memory_bytes(config, batch_size=batch_size, devices=devices).values())
    rates: list[tuple[str, float, bool | None]] = []
    if measured_tokens_per_second:
        rates.append(("here", measured_tokens_per_second, None))
    for name, hardware in HARDWARE.items():
        rate = devices * hardware.flops * utilisation / flops_per_token(config)
        rates.append((name, rate, need < hardware.memory_bytes))
    found = []
    for name, rate, fits in rates:
        seconds = tokens / rate
        paid = None if price_per_hour is None else seconds / 3600 * price_per_hour * devices
        found.append(
            Estimate(name=name, tokens_per_second=rate, seconds=seconds, cost=paid, fits=fits)
        )
    return found
