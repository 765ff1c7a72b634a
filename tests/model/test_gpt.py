"""Laws of the GPT: sizes, causality, padding, dropout, compilation."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.runtime import has_compiler
from llm.weights.export import count_parameters

SMALL = GPTConfig(
    vocab_size=70,
    context_length=16,
    emb_dim=24,
    n_heads=3,
    n_layers=2,
    drop_rate=0.0,
    qkv_bias=True,
    tie_embeddings=True,
)


def model_of(**changes) -> GPTModel:
    torch.manual_seed(7)
    return GPTModel(SMALL.model_copy(update=changes))


def token_ids_of(*size: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(SMALL.vocab_size, size, generator=generator)


@pytest.mark.parametrize(
    ("layers", "width", "heads", "qkv_bias", "tied", "parameters"),
    [
        (12, 768, 12, True, True, 124_439_808),  # Radford et al. 2019, as the book loads them
        (12, 768, 12, False, True, 124_412_160),  # the book, chapter 4
        (12, 768, 12, False, False, 163_009_536),  # the book, chapter 4, two vocabulary matrices
        (24, 1024, 16, True, True, 354_823_168),
        (36, 1280, 20, True, True, 774_030_080),
        (48, 1600, 25, True, True, 1_557_611_200),
    ],
)
def test_parameters_are_counted_as_in_the_literature(
    layers, width, heads, qkv_bias, tied, parameters
):
    with torch.device("meta"):
        model = GPTModel(
            GPTConfig(
                vocab_size=50_257,
                context_length=1024,
                emb_dim=width,
                n_heads=heads,
                n_layers=layers,
                drop_rate=0.1,
                qkv_bias=qkv_bias,
                tie_embeddings=tied,
            )
        )
    assert count_parameters(model) == parameters


@pytest.mark.parametrize("tied", [True, False])
def test_the_logits_are_those_of_real_tokens_alone(tied):
    model = model_of(tie_embeddings=tied)
    hidden = model.hidden(token_ids_of(2, 5))
    logits = model(token_ids_of(2, 5))
    assert logits.shape == (2, 5, SMALL.vocab_size)
    torch.testing.assert_close(logits, hidden @ model.head_weight[: SMALL.vocab_size].T)


def test_a_token_never_sees_a_later_one():
    model = model_of().eval()
    before = token_ids_of(3, 12)
    after = before.clone()
    after[:, 7:] = (after[:, 7:] + 1) % SMALL.vocab_size
    torch.testing.assert_close(model(before)[:, :7], model(after)[:, :7], rtol=0, atol=0)
    assert not torch.allclose(model(before)[:, 7:], model(after)[:, 7:])


def test_the_order_of_tokens_matters():
    model = model_of().eval()
    last = model(torch.tensor([[1, 2, 3]]))[:, -1]
    swapped = model(torch.tensor([[2, 1, 3]]))[:, -1]
    assert not torch.allclose(last, swapped)


def test_a_text_gives_the_same_alone_and_in_a_batch_padded_on_the_right():
    model = model_of().eval()
    text = token_ids_of(1, 5)
    batch = torch.cat([torch.cat([text, token_ids_of(1, 4)], dim=1), token_ids_of(1, 9, seed=1)])
    torch.testing.assert_close(model(batch)[:1, :5], model(text))


def test_an_untrained_model_knows_nothing():
    tokens = token_ids_of(4, 16)
    logits = model_of()(tokens[:, :-1])
    loss = cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
    assert loss.item() == pytest.approx(math.log(SMALL.vocab_size), abs=0.1)


def test_weights_start_as_gpt2s():
    weights = model_of(emb_dim=192, n_layers=8).state_dict()
    for part in ("attention.qkv", "feed_forward.expand"):
        assert weights[f"blocks.3.{part}.weight"].std().item() == pytest.approx(0.02, rel=0.05)
    for part in ("attention.project", "feed_forward.project"):
        assert weights[f"blocks.3.{part}.weight"].std().item() == pytest.approx(0.02 / 4, rel=0.05)
        assert not weights[f"blocks.3.{part}.bias"].any()
    assert weights["final_norm.weight"].eq(1).all()


@pytest.mark.parametrize("tied", [True, False])
def test_no_training_moves_the_padding_of_the_vocabulary(tied):
    model = model_of(tie_embeddings=tied)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.1)
    for step in range(3):
        tokens = token_ids_of(4, 16, seed=step)
        cross_entropy(model(tokens).flatten(0, 1), tokens.flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    assert not model.token_embedding.weight[SMALL.vocab_size :].any()
    assert not model.head_weight[SMALL.vocab_size :].any()


def test_dropout_is_decided_by_the_seed_and_only_in_training():
    model = model_of(drop_rate=0.5)
    tokens = token_ids_of(2, 8)

    def seeded(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return model(tokens)

    assert torch.equal(seeded(1), seeded(1))
    assert not torch.allclose(seeded(1), seeded(2))
    model.eval()
    assert torch.equal(seeded(1), seeded(2))


def test_a_text_longer_than_the_window_is_refused():
    with pytest.raises(RuntimeError, match="must match"):
        model_of()(token_ids_of(1, SMALL.context_length + 1))


def test_bfloat16_autocast_stays_near_float32():
    model = model_of().eval()
    tokens = token_ids_of(2, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = model(tokens)
    # bfloat16 keeps 8 bits: 2^-8 of each product, and logits here are of the order of 0.1.
    torch.testing.assert_close(low.float(), model(tokens), rtol=0, atol=0.01)


@pytest.mark.slow
@pytest.mark.skipif(not has_compiler(), reason="torch.compile needs a C++ compiler")
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch's compiler uses it
def test_the_compiled_model_is_one_graph_and_computes_the_same():
    model = model_of()
    tokens = token_ids_of(2, 16)
    compiled = torch.compile(model, fullgraph=True)
    torch.testing.assert_close(compiled(tokens), model(tokens), rtol=1e-4, atol=1e-5)
    gradients = []
    for forward in (compiled, model):
        model.zero_grad()
        cross_entropy(forward(tokens).flatten(0, 1), tokens.flatten()).backward()
        gradients.append({name: weight.grad for name, weight in model.named_parameters()})
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-5)
