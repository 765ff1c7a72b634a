"""Decoding of GPT-2 124M: tokens per second and the time to the first, against other projects.

.venv/bin/python -m benchmarks.decoding

All have the same random weights, for speed does not depend on them, and take turns in one process.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import Row, alternate, cores, row, table, version

if TYPE_CHECKING:
    from llm.model.config import GPTConfig
    from llm.model.gpt import GPTModel

_PROMPT_TOKENS, _NEW_TOKENS = 32, 100
_LONG_PROMPT_TOKENS = 1000
_BATCHES = (1, 8, 32)
_SEED = 1
_BANDWIDTH_BYTES = 2**29  # read at once, far more than a processor's own memory holds

Prompts = list[list[int]]
Generate = Callable[[Prompts, int], Any]  # prompts of one length, new tokens of each


def rows(*, repeats: int = 3, shape: GPTConfig | None = None) -> list[Row]:
    """Six rows, in about three minutes. Of transformers' two attention kernels the faster counts.

    A rate is of the whole call, reading the prompts included. shape: GPT-2's smallest where none is
    given; its context holds the long prompt.
    """
    import torch

    from llm.model.gpt import GPTModel
    from llm.model.packed import ready_to_write

    torch.set_num_threads(cores())
    torch.manual_seed(_SEED)
    model = GPTModel(shape or gpt2_124m())
    found: list[Row] = []
    with ready_to_write(model, autocast=True) as ready, tempfile.TemporaryDirectory() as folder:
        ours, book = _ours(ready), _book(model)
        theirs = _transformers(model, Path(folder))
        for batch in _BATCHES:
            peers = {"book": book, **theirs} if batch == 1 else theirs
            prompts = _prompts(model, batch, _PROMPT_TOKENS)
            seconds = _seconds({"ours": ours, **peers}, prompts, _NEW_TOKENS, repeats)
            rates = {name: batch * _NEW_TOKENS / took for name, took in seconds.items()}
            found += _rate_rows(f"decoding 124M, batch {batch}", rates)
            if batch == 1:
                found.append(_bandwidth_row(model, rates["ours"]))
        prompts = _prompts(model, 1, _LONG_PROMPT_TOKENS)
        seconds = _seconds({"ours": ours, **theirs}, prompts, 1, repeats)
        found.append(_first_token_row(seconds))
    return found


def gpt2_124m() -> GPTConfig:
    """GPT-2's smallest size (Radford et al. 2019)."""
    from llm.model.config import GPTConfig

    return GPTConfig(
        vocab_size=50257,
        context_length=1024,
        emb_dim=768,
        n_heads=12,
        n_layers=12,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
    )


def _ours(model: GPTModel) -> Generate:
    from llm.model.generate import generate

    return lambda prompts, tokens: generate(
        model, prompts, maximum_new_tokens=tokens, end_of_text=None
    )


def _book(model: GPTModel) -> Generate:
    import torch

    from benchmarks.peers import book_cache

    book = book_cache.BookGPT(model)
    return lambda prompts, tokens: book_cache.generate(
        book, torch.tensor(prompts), maximum_new_tokens=tokens
    ).tolist()


def _transformers(model: GPTModel, folder: Path) -> dict[str, Generate]:
    """transformers in bfloat16 with its default cache, by kernel of attention."""
    import torch
    from transformers import GPT2LMHeadModel

    from llm.weights.gpt2 import save_gpt2

    save_gpt2(model, folder)

    def generator(kernel: str) -> Generate:
        theirs: Any = GPT2LMHeadModel.from_pretrained(
            folder, dtype=torch.bfloat16, attn_implementation=kernel
        ).eval()

        def run(prompts: Prompts, tokens: int) -> Any:
            token_ids = torch.tensor(prompts)
            return theirs.generate(
                token_ids,
                attention_mask=torch.ones_like(token_ids),
                max_new_tokens=tokens,
                do_sample=False,
                pad_token_id=0,
                eos_token_id=None,
            ).tolist()

        return run

    return {f"transformers, {kernel}": generator(kernel) for kernel in ("sdpa", "eager")}


def _prompts(model: GPTModel, batch: int, tokens: int) -> Prompts:
    import torch

    prompts: Prompts = torch.randint(model.config.vocab_size, (batch, tokens)).tolist()
    return prompts


def _seconds(
    generators: dict[str, Generate], prompts: Prompts, new_tokens: int, repeats: int
) -> dict[str, float]:
    """The median time of each, in turns, after one short call of each to warm up."""

    def measure(generate: Generate) -> float:
        began = time.perf_counter()
        generate(prompts, new_tokens)
        return time.perf_counter() - began

    for generate in generators.values():
        generate(prompts, min(new_tokens, 3))
    medians = alternate(
        repeats, *(lambda generate=generate: measure(generate) for generate in generators.values())
    )
    return dict(zip(generators, medians, strict=True))


def _rate_rows(name: str, rates: dict[str, float]) -> list[Row]:
    fastest = max(
        (peer for peer in rates if peer.startswith("transformers")), key=rates.__getitem__
    )
    found = [
        row(
            f"{name}, against transformers",
            unit="tokens/s",
            ours=rates["ours"],
            peer=rates[fastest],
            peer_name=f"{_named(fastest)}, bfloat16",
            at_least=1.5,
        )
    ]
    if "book" in rates:
        found.append(
            row(
                f"{name}, against the book",
                unit="tokens/s",
                ours=rates["ours"],
                peer=rates["book"],
                peer_name="the book's key-value cache, float32",
                at_least=2.0,
            )
        )
    return found


def _first_token_row(seconds: dict[str, float]) -> Row:
    peers = {peer: took for peer, took in seconds.items() if peer != "ours"}
    fastest = min(peers, key=peers.__getitem__)
    return row(
        f"time to first token, 124M, prompt of {_LONG_PROMPT_TOKENS} tokens",
        unit="s",
        ours=seconds["ours"],
        peer=seconds[fastest],
        peer_name=f"{_named(fastest)}, bfloat16",
        at_least=2.0,
        lower_is_better=True,
    )


def _named(peer: str) -> str:
    library, kernel = peer.split(", ")
    return f"{library} {version(library)}, {kernel}"


def _bandwidth_row(model: GPTModel, rate: float) -> Row:
    """How near a batch of one comes to reading nothing but weights: the bound of its rate."""
    matrices = sum(weight.numel() for name, weight in model.named_parameters() if _is_read(name))
    return row(
        "decoding 124M, batch 1: weights read",
        unit="GB/s",
        ours=rate * matrices * 2 / 1e9,  # bfloat16
        peer=read_bandwidth() / 1e9,
        peer_name="the memory, read in one stream",
        at_least=0.0,  # the bound is what to aim at, not a bar
    )


def _is_read(name: str) -> bool:
    """Whether each token reads the whole of it: matrices of layers, and the head (tied)."""
    return name == "token_embedding.weight" or (name.startswith("blocks.") and "norm" not in name)


def read_bandwidth() -> float:
    """Bytes per second that all cores together read from memory; the best of five."""
    import torch

    numbers = torch.ones(_BANDWIDTH_BYTES // 4)
    times = []
    for _ in range(6):
        began = time.perf_counter()
        numbers.sum()
        times.append(time.perf_counter() - began)
    return _BANDWIDTH_BYTES / min(times)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decoding", description=__doc__)
    parser.add_argument("--repeats", type=int, default=3, help="of which the median counts")
    print(table(rows(repeats=parser.parse_args(arguments).repeats)))


if __name__ == "__main__":
    main()
