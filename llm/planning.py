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


def _llama(
    context_length: int, emb_dim: int, middle: int, heads: tuple[int, int, int]
) -> GPTConfig:
    n_heads, n_kv_heads, n_layers = heads
    return GPTConfig(
        vocab_size=32_000,
        context_length=context_length,
        emb_dim=emb_dim,
        n_heads=n_heads,
        n_kv_heads=n_kv_heads,
        n_layers=n_layers,
        drop_rate=0.0,
        qkv_bias=False,
        bias=False,
        tie_embeddings=False,
        positions="rotary",
        norm="rms",
        feed_forward="swiglu",
        feed_forward_dim=middle,
    )


MODELS: Mapping[str, GPTConfig] = MappingProxyType(
    {  # Radford et al. 2019, table 2; Brown et al. 2020, table 2.1; Touvron et al. 2023 a and b
        "gpt2": _gpt(1024, 768, 12, 12),
        "gpt2-medium": _gpt(1024, 1024, 16, 24),
        "gpt2-large": _gpt(1024, 1280, 20, 36),
        "gpt2-xl": _gpt(1024, 1600, 25, 48),
        "gpt3": _gpt(2048, 12_288, 96, 96),
        "llama-7b": _llama(2048, 4096, 11_008, (32, 32, 32)),
        "llama-2-70b": _llama(4096, 8192, 28_672, (64, 8, 80)),
    }
)


def count_parameters(config: GPTConfig) -> int:
    """Trained numbers of a model, embeddings included; the vocabulary's padding is not counted."""
    C, M = config.emb_dim, config.middle_dim
    heads = config.n_heads + 2 * config.key_value_heads
    attention = (C + config.qkv_bias) * heads * config.head_dim + C * C + C * config.bias
    attention += 2 * config.head_dim * config.qk_norm
    expanded = 2 * M if config.feed_forward == "swiglu" else M
    feed_forward = (C + config.bias) * expanded + M * C + C * config.bias
    norm = C if config.norm == "rms" else C + C * config.bias
    head = 0 if config.tie_embeddings else config.vocab_size * C
    blocks = config.n_layers * (attention + feed_forward + 2 * norm)
    return blocks + norm + config.vocab_size * C + _positions(config) + head


def _positions(config: GPTConfig) -> int:
    """Trained numbers of the learned positions."""
    return config.context_length * config.emb_dim if config.positions == "learned" else 0


def flops_per_token(config: GPTConfig, *, length: int | None = None) -> int:
    """Floating-point operations of one training token, forward and backward: 6 N + 12 L C T.

    N are the parameters but the positions', which are looked up (with tied embeddings the token
    embedding is the head, and counts), L the layers, C the width, T the context length, or the
    sliding window where it is shorter: 6 per parameter (Kaplan et al. 2020, section 2.1) and
    attention's products over the whole window (Chowdhery et al. 2022, appendix B). length: of the
    texts in training, where it is not the context length.
    """
    parameters = count_parameters(config) - _positions(config)
    if not config.tie_embeddings:
        parameters -= config.vocab_size * config.emb_dim  # looked up, not multiplied
    seen = length or config.context_length
    seen = min(seen, config.sliding_window or seen)
    return 6 * parameters + 12 * config.n_layers * config.emb_dim * seen


def training_flops(config: GPTConfig, tokens: int) -> float:
    """The published estimate of a whole training: 6 N D (Kaplan et al. 2020).

    GPT-3's 3.14e23 (Brown et al. 2020, table D.1) is this, with its 300 billion tokens.
    """
    return 6.0 * count_parameters(config) * tokens


def memory_bytes(config: GPTConfig, *, batch_size: int, devices: int = 1) -> dict[str, int]:
    """An estimate of what training holds on each of `devices`, by part.

    Weights, gradients and AdamW's two moments in float32, split over the devices as FSDP does;
    activations in bfloat16, of GPT-2's shape 34 bytes per token, width and layer (Korthikanti et
    al. 2022, section 4.1, without the attention matrix, which a fused kernel never stores): 18 but
    for the keys and values that heads share, and 4 per number in the middle of the feed-forward
    part, twice that with its gate; logits and their
    gradient in float32. batch_size: sequences per device. Fragments and the runtime come on top.
    """
    parameters = count_parameters(config)
    tokens = batch_size * config.context_length
    C, M = config.emb_dim, config.middle_dim
    shared = config.key_value_heads * config.head_dim  # width of the keys, and of the values
    in_layer = 14 * C + 4 * shared + (8 * M if config.feed_forward == "swiglu" else 4 * M)
    share = -(-parameters * _FLOAT32_BYTES // devices)
    return {
        "weights": share,
        "gradients": share,
        "optimizer": 2 * share,
        "activations": in_layer * tokens * config.n_layers,
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
