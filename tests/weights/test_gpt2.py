"""Our GPT against Hugging Face's: same logits there and back, and every bad file refused."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from llm.errors import InputError
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.weights.gpt2 import GPT2_HEADS, load_gpt2, save_gpt2
from llm.weights.tensors import CONFIG, WEIGHTS, without_padding

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
    model = GPTModel(SMALL.model_copy(update=changes))
    for parameter in model.parameters():  # biases and norms that do nothing would hide a mix-up
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def token_ids() -> torch.Tensor:
    return torch.randint(SMALL.vocab_size, (2, 16), generator=torch.Generator().manual_seed(0))


def their_model(**changes):
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(5)
    config = GPT2Config(
        vocab_size=70, n_positions=16, n_embd=24, n_layer=2, n_head=3, bos_token_id=69,
        eos_token_id=69, **changes,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def load(path, **settings) -> GPTModel:
    return load_gpt2(path / WEIGHTS, drop_rate=0.0, made_by="download", **settings)


def rewrite(path, change) -> None:
    """Change the tensors of a file in place."""
    tensors = load_file(path / WEIGHTS)
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    change(tensors)
    save_file(tensors, path / WEIGHTS, metadata={"format": "pt"})


@pytest.mark.parametrize("tied", [True, False])
@torch.inference_mode()
def test_their_model_gives_the_same_logits_in_our_house(tmp_path, tied):
    theirs = their_model(tie_word_embeddings=tied)
    theirs.save_pretrained(tmp_path)
    ours = load(tmp_path)
    assert ours.config == SMALL.model_copy(update={"tie_embeddings": tied})
    assert not ours.training
    torch.testing.assert_close(ours(token_ids()), theirs(token_ids()).logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("qkv_bias", [True, False])
def test_our_model_gives_the_same_logits_in_their_house(tmp_path, tied, qkv_bias):
    from transformers import GPT2LMHeadModel

    ours = model_of(tie_embeddings=tied, qkv_bias=qkv_bias)
    save_gpt2(ours, tmp_path, end_of_text=69)
    theirs, told = GPT2LMHeadModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(told.values()), told
    with torch.inference_mode():
        found = theirs.eval()(token_ids()).logits
        torch.testing.assert_close(found, ours(token_ids()), rtol=1e-5, atol=1e-5)
    assert theirs.config.eos_token_id == 69


@pytest.mark.parametrize("tied", [True, False])
def test_there_and_back_no_number_changes(tmp_path, tied):
    ours = model_of(tie_embeddings=tied)
    save_gpt2(ours, tmp_path)
    before, after = (without_padding(model, model.config) for model in (ours, load(tmp_path)))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_equal_weights_give_equal_bytes(tmp_path):
    for name in ("one", "two"):
        save_gpt2(model_of(), tmp_path / name)
    for name in (WEIGHTS, CONFIG):
        one, two = ((tmp_path / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two


@torch.inference_mode()
def test_names_without_prefix_mask_buffers_and_half_precision_are_read(tmp_path):
    ours = model_of()
    save_gpt2(ours, tmp_path)

    def as_on_the_hub(tensors):
        for name in list(tensors):
            tensors[name.removeprefix("transformer.")] = tensors.pop(name).half()
        for layer in range(SMALL.n_layers):
            tensors[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 16, 16).tril()
            tensors[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
        tensors["lm_head.weight"] = tensors["wte.weight"].clone()  # written out, yet tied

    rewrite(tmp_path, as_on_the_hub)
    found = load(tmp_path)
    assert found.config.tie_embeddings
    assert {parameter.dtype for parameter in found.parameters()} == {torch.float32}
    torch.testing.assert_close(found(token_ids()), ours(token_ids()), rtol=0.01, atol=0.05)


def test_every_fault_of_a_file_is_told_at_once(tmp_path):
    save_gpt2(model_of(), tmp_path)

    def spoil(tensors):
        del tensors["transformer.h.1.mlp.c_fc.bias"]
        tensors["transformer.h.0.attn.extra"] = torch.zeros(3)
        weight = tensors["transformer.h.0.attn.c_attn.weight"]
        tensors["transformer.h.0.attn.c_attn.weight"] = weight.T.contiguous()

    rewrite(tmp_path, spoil)
    with pytest.raises(InputError) as fault:
        load(tmp_path)
    text = str(fault.value)
    assert "3 tensors do not fit" in text
    assert "missing: transformer.h.1.mlp.c_fc.bias (96,)" in text
    assert "unknown: transformer.h.0.attn.extra (3,)" in text
    assert "wrong shape: transformer.h.0.attn.c_attn.weight (72, 24) instead of (24, 72)" in text


def test_a_missing_layer_is_told(tmp_path):
    save_gpt2(model_of(), tmp_path)
    rewrite(tmp_path, lambda tensors: [tensors.pop(n) for n in list(tensors) if ".h.0." in n])
    with pytest.raises(InputError, match=r"12 tensors do not fit[\s\S]*missing: transformer\.h\.0"):
        load(tmp_path)


def test_numbers_that_are_none_are_refused(tmp_path):
    save_gpt2(model_of(), tmp_path)
    rewrite(tmp_path, lambda tensors: tensors["transformer.ln_f.bias"].fill_(torch.nan))
    with pytest.raises(InputError, match=r"infinities or NaN: transformer\.ln_f\.bias"):
        load(tmp_path)


@pytest.mark.parametrize("kept", [0, 5, 200, -1])
def test_a_torn_file_is_refused(tmp_path, kept):
    save_gpt2(model_of(), tmp_path)
    content = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(content[:kept])
    with pytest.raises(InputError, match="truncated, or not safetensors"):
        load(tmp_path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="missing"):
        load(tmp_path)
    (tmp_path / WEIGHTS).write_text("<html>404</html>" * 100)
    with pytest.raises(InputError, match="not safetensors"):
        load(tmp_path)
    save_file({"encoder.weight": torch.zeros(2)}, tmp_path / WEIGHTS)
    with pytest.raises(InputError, match="not a GPT-2"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("activation_function", "relu"),
        ("layer_norm_epsilon", 1e-6),
        ("scale_attn_by_inverse_layer_idx", True),
        ("n_inner", 100),
        ("vocab_size", 71),
        ("n_positions", 32),
        ("n_layer", 3),
        ("model_type", "gpt_neo"),
    ],
)
def test_a_configuration_of_another_computation_is_refused(tmp_path, setting, value):
    save_gpt2(model_of(), tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps({**config, setting: value}))
    with pytest.raises(InputError, match=f"{setting}: found"):
        load(tmp_path)


def test_an_unknown_number_of_heads_is_asked_for(tmp_path):
    save_gpt2(model_of(), tmp_path)
    (tmp_path / CONFIG).unlink()
    with pytest.raises(InputError, match=r"heads is not known[\s\S]*config\.json"):
        load(tmp_path)
    (tmp_path / CONFIG).write_text('{"n_head": 5}')
    with pytest.raises(InputError, match="n_head 5 for 2 layers of width 24"):
        load(tmp_path)


def test_a_size_of_the_table_needs_no_configuration(tmp_path, monkeypatch):
    save_gpt2(model_of(), tmp_path)
    (tmp_path / CONFIG).unlink()
    monkeypatch.setitem(GPT2_HEADS, (SMALL.n_layers, SMALL.emb_dim), SMALL.n_heads)
    assert load(tmp_path).config == SMALL


def test_every_head_of_gpt2_is_64_wide():
    assert all(width == 64 * heads for (_, width), heads in GPT2_HEADS.items())


@pytest.mark.parametrize(
    "change",
    [{"norm": "rms"}, {"n_kv_heads": 1}, {"sliding_window": 4}, {"bias": False}],
    ids=str,
)
def test_a_model_with_other_parts_is_no_gpt2(tmp_path, change):
    model = GPTModel(SMALL.model_copy(update=change))
    with pytest.raises(ValueError, match="GPT-2 has not"):
        save_gpt2(model, tmp_path)
