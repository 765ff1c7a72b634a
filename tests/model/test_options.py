"""Laws that hold for every shape a GPT may take, and each option against its formula."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from llm.model.attention import CausalSelfAttention
from llm.model.classifier import Classifier, set_trainable
from llm.model.config import GPTConfig
from llm.model.feed_forward import SwiGLU
from llm.model.generate import generate
from llm.model.gpt import GPTModel
from llm.model.norm import NORM_EPSILON
from llm.model.packed import ready_to_write
from llm.model.rotary import rotate, rotation
from llm.runtime import has_compiler
from llm.training.next_token import NextTokenTask
from llm.weights.export import load_classifier, load_model, save_classifier, save_model

LLAMA = {
    "positions": "rotary",
    "norm": "rms",
    "feed_forward": "swiglu",
    "feed_forward_dim": 40,
    "n_kv_heads": 2,
    "qkv_bias": False,
    "bias": False,
}
OPTIONS: dict[str, dict[str, Any]] = {
    "gpt2": {},
    "rotary": {"positions": "rotary", "rotary_base": 100.0},
    "rms": {"norm": "rms"},
    "swiglu": {"feed_forward": "swiglu"},
    "grouped": {"n_kv_heads": 2},
    "one key": {"n_kv_heads": 1},
    "qk norm": {"qk_norm": True},
    "window": {"sliding_window": 5},
    "no bias": {"bias": False, "qkv_bias": False},
    "llama": LLAMA,
    "all": {**LLAMA, "qk_norm": True, "sliding_window": 5},
}
END = 69

every_shape = pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)


def config_of(options: dict[str, Any]) -> GPTConfig:
    fields: dict[str, Any] = {
        "vocab_size": 70,
        "context_length": 16,
        "emb_dim": 32,
        "n_heads": 4,
        "n_layers": 2,
        "drop_rate": 0.0,
        "qkv_bias": True,
        "tie_embeddings": False,
    }
    return GPTConfig(**{**fields, **options})


def model_of(options: dict[str, Any]) -> GPTModel:
    """Of strong opinions, so that no near-tie hides a difference."""
    torch.manual_seed(4)
    model = GPTModel(config_of(options))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(15)
            else:
                parameter.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


def token_ids_of(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(END, size, generator=torch.Generator().manual_seed(seed))


@every_shape
def test_cached_decoding_is_uncached_decoding_for_prompts_of_any_length(options):
    model = model_of(options)
    prompts = [token_ids_of(length, seed=length).tolist() for length in (1, 9, 4, 16, 23)]
    cached, uncached = (
        generate(model, prompts, maximum_new_tokens=24, end_of_text=END, use_cache=use_cache)
        for use_cache in (True, False)
    )
    assert cached == uncached  # past the context, too
    alone = [
        generate(model, [p], maximum_new_tokens=24, end_of_text=END, use_cache=False)[0]
        for p in prompts
    ]
    assert cached == alone
    assert len({token for new in cached for token in new}) > 2  # the law was put to the test


@every_shape
def test_the_packed_model_writes_the_same(options):
    model = model_of(options)
    prompts = [token_ids_of(length, seed=length).tolist() for length in (1, 9, 4)]
    with ready_to_write(model, autocast=False) as packed:
        found = generate(packed, prompts, maximum_new_tokens=20, end_of_text=END)
    assert found == generate(model, prompts, maximum_new_tokens=20, end_of_text=END)


@every_shape
@pytest.mark.parametrize("z_loss", [0.0, 0.01])
def test_eight_texts_at_once_teach_what_they_teach_one_by_one(options, z_loss):
    model = model_of(options).train()
    tokens = token_ids_of(8, 17)
    task = NextTokenTask(validation_loss=lambda _: 0.0, z_loss=z_loss)

    def gradients(rows: int) -> list[torch.Tensor]:
        model.zero_grad()
        for part in tokens.split(rows):
            task.loss(model, {"inputs": part[:, :-1], "targets": part[:, 1:]}).backward()
        return [p.grad.clone() for p in model.parameters() if p.grad is not None]

    for together, alone in zip(gradients(8), gradients(1), strict=True):
        error = (together - alone).norm() / together.norm().clamp(min=1e-6)
        assert error < 1e-3


@every_shape
@pytest.mark.parametrize("training", [True, False])
def test_documents_in_one_row_are_read_as_each_alone(options, training):
    model = model_of(options).train(training)
    lengths = [1, 7, 8]
    tokens = token_ids_of(2, 16)
    document_ids = torch.repeat_interleave(torch.arange(3), torch.tensor(lengths)).repeat(2, 1)
    together = model(tokens, document_ids=document_ids)  # (2, 16, V)
    start = 0
    for length in lengths:
        alone = model(tokens[:, start : start + length])
        torch.testing.assert_close(together[:, start : start + length], alone, rtol=1e-4, atol=1e-4)
        start += length
    assert not torch.allclose(together, model(tokens), atol=1e-3)


@every_shape
def test_a_token_never_sees_a_later_one_nor_padding_on_the_right(options):
    model = model_of(options)
    before = token_ids_of(3, 12)
    after = before.clone()
    after[:, 7:] = (after[:, 7:] + 1) % END
    torch.testing.assert_close(model(before)[:, :7], model(after)[:, :7], rtol=1e-4, atol=1e-4)
    assert not torch.allclose(model(before)[:, 7:], model(after)[:, 7:])


@every_shape
def test_the_order_of_tokens_matters(options):
    model = model_of(options)
    last, swapped = (model(torch.tensor([ids]))[:, -1] for ids in ([1, 2, 3], [2, 1, 3]))
    assert not torch.allclose(last, swapped, atol=1e-3)


@every_shape
def test_padding_of_the_vocabulary_is_never_drawn(options):
    model = model_of({**options, "vocab_size": 3})
    assert model(token_ids_of(2, 5) % 3).shape == (2, 5, 3)
    new = generate(model, [[0, 1, 2]] * 4, maximum_new_tokens=20, end_of_text=None)
    assert all(token < 3 for text in new for token in text)


@every_shape
def test_weights_come_back_from_their_folder(options, tmp_path):
    ours = model_of(options)
    save_model(ours, tmp_path / "gpt")
    found = load_model(tmp_path / "gpt", made_by="pretrain")
    assert found.config == ours.config
    tokens = token_ids_of(2, 16)
    assert torch.equal(found(tokens), ours(tokens))
    classifier = Classifier(ours, n_classes=2)
    save_classifier(classifier, tmp_path / "classifier")
    read = load_classifier(tmp_path / "classifier", made_by="finetune_classifier").eval()
    lengths = torch.tensor([3, 16])
    assert torch.equal(read(tokens, lengths), classifier.eval()(tokens, lengths))


@every_shape
@pytest.mark.parametrize("part", ["head", "last_block", "all"])
def test_a_classifier_learns_with_every_weight_it_is_told_to(options, part):
    model = Classifier(model_of(options), n_classes=2)
    set_trainable(model, part)
    model(token_ids_of(4, 6), torch.tensor([1, 2, 5, 6])).sum().backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) is parameter.requires_grad, name
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert (frozen == {"gpt.output.weight"}) is (part == "all")


@every_shape
def test_bfloat16_autocast_stays_near_float32(options):
    torch.manual_seed(7)
    model = GPTModel(config_of(options)).eval()
    tokens = token_ids_of(2, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = model(tokens)
    # bfloat16 keeps 8 bits: 2^-8 of each product, and logits here are of the order of 0.1.
    torch.testing.assert_close(low.float(), model(tokens), rtol=0, atol=0.01)


@pytest.mark.slow
@pytest.mark.skipif(not has_compiler(), reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch's compiler uses it
@pytest.mark.parametrize("name", ["window", "all"])
def test_the_compiled_model_is_one_graph_and_computes_the_same(name):
    model = model_of(OPTIONS[name])
    tokens = token_ids_of(2, 16)
    compiled = torch.compile(model, fullgraph=True)
    torch.testing.assert_close(compiled(tokens), model(tokens), rtol=1e-3, atol=1e-3)


# ------------------------------------------------------------ each option against its formula


def test_rotary_positions_are_products_of_complex_numbers():
    """Equation 34 of Su et al. 2021 read as complex numbers: x_i e^(i m θ_i)."""
    x = torch.randn(2, 6, 3, 8, dtype=torch.float64)
    found = rotate(x, rotation(torch.arange(6), 8, 50.0))
    for place in range(6):
        for pair in range(4):
            turned = torch.complex(x[:, place, :, pair], x[:, place, :, pair + 4])
            turned = turned * complex(
                math.cos(place * 50.0 ** (-pair / 4)), math.sin(place * 50.0 ** (-pair / 4))
            )
            # The angles are float32.
            torch.testing.assert_close(found[:, place, :, pair], turned.real, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(
                found[:, place, :, pair + 4], turned.imag, rtol=1e-5, atol=1e-5
            )


def test_turned_queries_and_keys_know_their_distance_alone():
    torch.manual_seed(0)
    query, key = torch.randn(2, 1, 1, 1, 8)

    def product(at: int, other: int) -> float:
        turned = [
            rotate(x, rotation(torch.tensor([place]), 8, 10_000.0))
            for x, place in ((query, at), (key, other))
        ]
        return float((turned[0] * turned[1]).sum())

    assert product(9, 4) == pytest.approx(product(105, 100), abs=1e-4)
    assert product(9, 4) != pytest.approx(product(9, 5), abs=1e-2)


def test_the_gated_part_is_its_formula():
    torch.manual_seed(0)
    part = SwiGLU(config_of(LLAMA))
    x = torch.randn(2, 5, 32)
    gate, content = x @ part.expand.weight[:40].T, x @ part.expand.weight[40:].T  # (2, 5, M)
    expected = (gate * torch.sigmoid(gate) * content) @ part.project.weight.T
    torch.testing.assert_close(part(x), expected)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {"n_kv_heads": 2},
        {"qk_norm": True},
        {"sliding_window": 3},
        {"positions": "rotary"},
        {"n_kv_heads": 1, "qk_norm": True, "sliding_window": 2, "positions": "rotary"},
    ],
    ids=str,
)
def test_attention_is_what_its_words_say_token_by_token(options, training):
    """One head, one token at a time, by loops: which key, which neighbours, which norm."""
    config = config_of(options)
    model = model_of(options).train(training)
    attention = model.get_submodule("blocks.0.attention")
    assert isinstance(attention, CausalSelfAttention)
    seen: dict[str, Any] = {}

    def keep(_module: nn.Module, args: Any, settings: dict[str, Any], found: torch.Tensor) -> None:
        seen.update(x=args[0], found=found, **settings)

    handle = attention.register_forward_hook(keep, with_kwargs=True)
    model(token_ids_of(1, 9))
    handle.remove()
    expected = slow_attention(attention, config, seen["x"][0])
    torch.testing.assert_close(seen["found"][0], expected, rtol=1e-4, atol=1e-4)


def slow_attention(
    attention: CausalSelfAttention, config: GPTConfig, x: torch.Tensor
) -> torch.Tensor:
    """x: (T, C) -> (T, C)."""
    n_heads, n_shared, width = config.n_heads, config.key_value_heads, config.head_dim
    qkv = attention.qkv(x)  # (T, (H + 2K) D)

    def part(token: int, number: int, norm: nn.Module | None) -> torch.Tensor:
        vector = qkv[token, number * width : (number + 1) * width]
        if norm is None:
            return vector
        if config.qk_norm:
            vector = vector / (vector.square().mean() + NORM_EPSILON).sqrt() * norm.weight
        if config.positions == "rotary":
            vector = rotate(
                vector.view(1, 1, 1, width),
                rotation(torch.tensor([token]), width, config.rotary_base),
            ).flatten()
        return vector

    query_norm = getattr(attention, "query_norm", nn.Identity())
    key_norm = getattr(attention, "key_norm", nn.Identity())
    rows = []
    for token in range(len(x)):
        heads = []
        for head in range(n_heads):
            shared = head // (n_heads // n_shared)
            first = max(0, token + 1 - (config.sliding_window or len(x)))
            query = part(token, head, query_norm)
            scores = torch.stack(
                [
                    query @ part(other, n_heads + shared, key_norm) / math.sqrt(width)
                    for other in range(first, token + 1)
                ]
            )
            values = torch.stack(
                [
                    part(other, n_heads + n_shared + shared, None)
                    for other in range(first, token + 1)
                ]
            )
            heads.append(scores.softmax(0) @ values)
        rows.append(torch.cat(heads))
    return attention.project(torch.stack(rows))
