"""A packed model computes what the model computes, and writes what it writes."""

import pytest
import torch

from llm.model.cache import KeyValueCache
from llm.model.config import GPTConfig
from llm.model.generate import generate
from llm.model.gpt import GPTModel
from llm.model.packed import PackedGPT, can_pack, ready_to_write
from llm.model.sampling import Sampling

pytestmark = pytest.mark.skipif(
    not can_pack(torch.bfloat16), reason="no oneDNN, or a processor without bfloat16"
)

CONFIG = GPTConfig(
    vocab_size=70,
    context_length=16,
    emb_dim=24,
    n_heads=3,
    n_layers=2,
    drop_rate=0.1,
    qkv_bias=True,
    tie_embeddings=True,
)
END = 69
ROUNDING = 4 * 2**-8  # bfloat16 keeps 8 binary digits; a few roundings follow one another


LLAMA = {
    "positions": "rotary",
    "norm": "rms",
    "feed_forward": "swiglu",
    "n_kv_heads": 1,
    "qk_norm": True,
    "sliding_window": 5,
    "qkv_bias": False,
    "bias": False,
}


def make(**changes: object) -> GPTModel:
    torch.manual_seed(2)
    model = GPTModel(CONFIG.model_copy(update=changes)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(20)
            else:
                parameter.add_(torch.randn_like(parameter) / 10)
    return model


def prompts_of(*lengths: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(5)
    return [torch.randint(END, (length,), generator=generator).tolist() for length in lengths]


@pytest.mark.parametrize("changes", [{}, {"tie_embeddings": False}, LLAMA], ids=str)
@torch.inference_mode()
def test_packed_in_float32_it_is_the_model(changes):
    model = make(**changes)
    tokens = torch.randint(CONFIG.vocab_size, (3, 12))
    torch.testing.assert_close(PackedGPT(model, torch.float32)(tokens), model(tokens))


@pytest.mark.parametrize("changes", [{}, {"tie_embeddings": False}, LLAMA], ids=str)
@torch.inference_mode()
def test_packed_in_bfloat16_it_is_the_model_under_autocast(changes):
    model = make(**changes)
    tokens = torch.randint(CONFIG.vocab_size, (3, 12))
    packed = PackedGPT(model, torch.bfloat16)(tokens)
    with torch.autocast("cpu", torch.bfloat16):
        expected = model(tokens)
    bound = ROUNDING * expected.abs().max().item()
    assert packed.dtype == expected.dtype == torch.bfloat16
    assert (packed - expected).abs().max() <= bound
    assert (packed.float() - model(tokens)).abs().max() <= 2 * bound


@pytest.mark.parametrize("lengths", [(4,), (1, 9, 4, 16, 2), (15, 3), (40, 3)], ids=str)
def test_it_writes_what_the_model_writes(lengths):
    model = make()
    prompts = prompts_of(*lengths)
    written = [
        generate(each, prompts, maximum_new_tokens=24, end_of_text=END)
        for each in (model, PackedGPT(model, torch.float32))
    ]
    assert written[0] == written[1]


@torch.inference_mode()
def test_in_bfloat16_a_text_read_in_pieces_stays_within_the_bound():
    model = PackedGPT(make(), torch.bfloat16)
    tokens = torch.randint(CONFIG.vocab_size, (3, 12))
    cache = KeyValueCache.empty(CONFIG, batch_size=3, slots=12)
    pieces = [model(tokens[:, :5], cache=cache)]
    for start, end in ((5, 6), (6, 10), (10, 12)):
        positions = torch.arange(start, end).expand(3, -1)
        pieces.append(model(tokens[:, start:end], positions=positions, cache=cache))
    whole = model(tokens)
    assert (torch.cat(pieces, dim=1) - whole).abs().max() <= ROUNDING * whole.abs().max()


def test_the_padded_vocabulary_is_never_written():
    model = make(vocab_size=3)
    with torch.no_grad():
        model.get_parameter("final_norm.bias").fill_(1.0)
        model.get_parameter("final_norm.weight").fill_(0.0)
        model.token_embedding.weight[:3] = -1.0  # the padding's logits are 0, so the highest
    (new,) = generate(
        PackedGPT(model, torch.bfloat16),
        [[0, 1, 2]],
        maximum_new_tokens=10,
        end_of_text=None,
        sampling=Sampling(temperature=5.0),
        seeds=[0],
    )
    assert set(new) == {0, 1, 2}


def test_the_model_stays_as_it_was_and_shares_its_embeddings():
    model = make().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    packed = PackedGPT(model, torch.bfloat16)
    assert packed.token_embedding.weight is model.token_embedding.weight
    assert model.training
    assert not packed.training
    assert not any(module.training for module in packed.modules())
    assert before.keys() == model.state_dict().keys()
    model(torch.tensor([[1, 2]])).sum().backward()  # its layers are still its own
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_ready_to_write_packs_once_and_by_autocast():
    model = make()
    with (
        ready_to_write(model, autocast=True) as ready,
        ready_to_write(ready, autocast=True) as same,
    ):
        assert isinstance(ready, PackedGPT)
        assert same is ready
        assert ready.packed_head.dtype == torch.bfloat16
    with ready_to_write(model, autocast=False) as ready:
        assert isinstance(ready, PackedGPT)
        assert ready.packed_head.dtype == torch.float32


def test_where_nothing_can_be_packed_it_is_the_model_under_autocast(monkeypatch):
    monkeypatch.setattr("llm.model.packed.can_pack", lambda _dtype: False)
    model = make()
    with ready_to_write(model, autocast=True) as ready:
        assert ready is model
        assert torch.is_autocast_enabled("cpu")
    assert not torch.is_autocast_enabled("cpu")
