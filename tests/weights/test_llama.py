"""A GPT of Llama's shape against Hugging Face's: same logits there and back, others refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from llm.errors import InputError
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.weights import llama
from llm.weights.llama import is_llama, load_llama, save_llama
from llm.weights.tensors import CONFIG, WEIGHTS, without_padding

FIELDS: dict[str, Any] = {
    "vocab_size": 70,
    "context_length": 16,
    "emb_dim": 32,
    "n_heads": 4,
    "n_kv_heads": 2,
    "n_layers": 2,
    "drop_rate": 0.0,
    "qkv_bias": False,
    "bias": False,
    "tie_embeddings": False,
    "positions": "rotary",
    "rotary_base": 500.0,
    "norm": "rms",
    "feed_forward": "swiglu",
    "feed_forward_dim": 40,
}
THEIRS: dict[str, Any] = {
    "vocab_size": 70,
    "max_position_embeddings": 16,
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "rms_norm_eps": 1e-5,
    "rope_parameters": {"rope_theta": 500.0, "rope_type": "default"},
    "bos_token_id": 69,
    "eos_token_id": 69,
}


def strong(model: Any) -> Any:
    """Norms and biases that do nothing would hide a mix-up."""
    torch.manual_seed(5)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


def model_of(**changes: Any) -> GPTModel:
    model: GPTModel = strong(GPTModel(GPTConfig(**{**FIELDS, **changes})))
    return model


def token_ids() -> torch.Tensor:
    return torch.randint(64, (2, 16), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@torch.inference_mode()
def test_their_model_gives_the_same_logits_in_our_house(tmp_path, tied, bias):
    from transformers import LlamaConfig, LlamaForCausalLM

    settings = {"attention_bias": bias, "mlp_bias": bias, "tie_word_embeddings": tied}
    theirs = strong(LlamaForCausalLM(LlamaConfig(**THEIRS, **settings)))
    theirs.save_pretrained(tmp_path)
    ours = load_llama(tmp_path / WEIGHTS, drop_rate=0.0, made_by="download")
    assert ours.config == GPTConfig(
        **{**FIELDS, "tie_embeddings": tied, "bias": bias, "qkv_bias": bias}
    )
    torch.testing.assert_close(ours(token_ids()), theirs(token_ids()).logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("n_kv_heads", [None, 1])
@torch.inference_mode()
def test_our_model_gives_the_same_logits_in_their_house_and_comes_back(tmp_path, tied, n_kv_heads):
    from transformers import LlamaForCausalLM

    ours = model_of(tie_embeddings=tied, n_kv_heads=n_kv_heads)
    save_llama(ours, tmp_path, end_of_text=69)
    theirs, told = LlamaForCausalLM.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(told.values()), told
    found = theirs.eval()(token_ids()).logits
    torch.testing.assert_close(found, ours(token_ids()), rtol=1e-4, atol=1e-4)
    again = load_llama(tmp_path / WEIGHTS, drop_rate=0.0, made_by="import_gpt2")
    before, after = (without_padding(model, model.config) for model in (ours, again))
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("theirs", "options"),
    [
        ("Mistral", {"sliding_window": 5}),  # Jiang et al. 2023
        ("Qwen3", {"qk_norm": True}),  # Yang et al. 2025
    ],
)
@torch.inference_mode()
def test_its_relatives_give_the_same_logits(theirs, options):
    import transformers

    window = {"sliding_window": 5} if "sliding_window" in options else {}
    config = getattr(transformers, f"{theirs}Config")(**{**THEIRS, "vocab_size": 64, **window})
    config._attn_implementation = "eager"
    reference = strong(getattr(transformers, f"{theirs}ForCausalLM")(config))
    ours = GPTModel(GPTConfig(**{**FIELDS, "vocab_size": 64, **options})).eval()
    given = reference.state_dict()
    state = {
        name: torch.cat([given[part.name] for part in parts])
        for name, parts in llama._table(ours.config).items()
    }
    for layer in range(2):
        for name, there in (("query_norm", "q_norm"), ("key_norm", "k_norm")):
            if "qk_norm" in options:
                state[f"blocks.{layer}.attention.{name}.weight"] = given[
                    f"model.layers.{layer}.self_attn.{there}.weight"
                ]
    ours.load_state_dict(state)
    torch.testing.assert_close(
        ours(token_ids()), reference(token_ids()).logits, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    "change",
    [
        {"positions": "learned"},
        {"norm": "layer"},
        {"feed_forward": "gelu"},
        {"qk_norm": True},
        {"sliding_window": 4},
        {"qkv_bias": True},
    ],
    ids=str,
)
def test_a_model_with_other_parts_is_no_llama(tmp_path, change):
    model = model_of(**change)
    assert not is_llama(model.config)
    with pytest.raises(ValueError, match="Llama has not"):
        save_llama(model, tmp_path)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("hidden_act", "gelu"),
        ("rms_norm_eps", 1e-6),
        ("head_dim", 16),
        ("attention_bias", True),
        ("model_type", "gemma"),
        ("rope_scaling", {"type": "linear", "factor": 2.0}),
        ("num_attention_heads", 5),
    ],
)
def test_a_configuration_of_another_computation_is_refused(tmp_path, setting, value):
    save_llama(model_of(), tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps({**config, setting: value}))
    with pytest.raises(InputError, match=r"configuration|shape"):
        load_llama(tmp_path / WEIGHTS, drop_rate=0.0, made_by="download")


def test_tensors_that_do_not_fit_are_told(tmp_path):
    save_llama(model_of(), tmp_path)
    config = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps({**config, "num_key_value_heads": 4}))
    with pytest.raises(InputError, match=r"k_proj.weight \(16, 32\) instead of \(32, 32\)"):
        load_llama(tmp_path / WEIGHTS, drop_rate=0.0, made_by="download")
