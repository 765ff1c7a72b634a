"""The maps are those the model attends by; the picture is drawn; wrong questions are told."""

import subprocess
import sys

import pytest
import torch

from llm.inspection.explain import draw, explain
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.tokens.tokenizer import train
from llm.weights.export import save_model

TEXT = "the cat sat on the mat and the dog ran to the red house with a big ball "


@pytest.fixture(scope="module")
def tokenizer():
    return train([TEXT * 20], vocab_size=290)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    config = GPTConfig(
        vocab_size=290,
        context_length=32,
        emb_dim=32,
        n_heads=2,
        n_layers=3,
        drop_rate=0.1,
        qkv_bias=True,
        tie_embeddings=True,
    )
    model = GPTModel(config)
    with torch.no_grad():  # of strong opinions: attention far from even
        for name, parameter in model.named_parameters():
            if name.endswith("qkv.weight"):
                parameter.mul_(20)
    return model


def test_the_maps_are_what_the_model_attends_by(model, tokenizer):
    seen: dict[str, torch.Tensor] = {}
    parts = dict(model.named_modules())
    qkv, project = (parts[f"blocks.1.attention.{name}"] for name in ("qkv", "project"))
    hooks = [
        qkv.register_forward_hook(lambda m, i, out: seen.__setitem__("qkv", out)),
        project.register_forward_pre_hook(lambda m, i: seen.__setitem__("mixed", i[0])),
    ]
    found = explain(model, tokenizer, TEXT[:40])
    for hook in hooks:
        hook.remove()
    n_tokens = len(found.tokens)
    values = seen["qkv"].view(1, n_tokens, 3, 2, 16)[:, :, 2].transpose(1, 2)  # (1, H, T, D)
    mixed = (found.attention[1] @ values[0]).transpose(0, 1).reshape(n_tokens, 32)
    torch.testing.assert_close(mixed, seen["mixed"][0], atol=1e-4, rtol=1e-4)
    assert found.attention.shape == (3, 2, n_tokens, n_tokens)
    assert not found.attention.triu(diagonal=1).any()
    torch.testing.assert_close(found.attention.sum(-1), torch.ones(3, 2, n_tokens))
    assert found.attention.std() > 0.1  # the law was put to the test


def test_the_maps_are_those_of_grouped_turned_and_windowed_attention(tokenizer):
    torch.manual_seed(1)
    config = GPTConfig(
        vocab_size=290,
        context_length=32,
        emb_dim=32,
        n_heads=4,
        n_layers=2,
        drop_rate=0.0,
        qkv_bias=False,
        tie_embeddings=True,
        positions="rotary",
        n_kv_heads=2,
        qk_norm=True,
        sliding_window=3,
    )
    model = GPTModel(config)
    attention = model.get_submodule("blocks.1.attention")
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        attention.get_submodule("qkv").register_forward_hook(
            lambda m, i, out: seen.__setitem__("qkv", out)
        ),
        attention.get_submodule("project").register_forward_pre_hook(
            lambda m, i: seen.__setitem__("mixed", i[0])
        ),
    ]
    found = explain(model, tokenizer, TEXT[:40])
    for hook in hooks:
        hook.remove()
    n_tokens = len(found.tokens)
    values = seen["qkv"].view(n_tokens, 8, 8)[:, 6:].repeat_interleave(2, dim=1)  # (T, H, D)
    mixed = (found.attention[1] @ values.transpose(0, 1)).transpose(0, 1).reshape(n_tokens, 32)
    torch.testing.assert_close(mixed, seen["mixed"][0], atol=1e-4, rtol=1e-4)
    assert not found.attention.tril(diagonal=-3).any()
    assert found.attention.shape == (2, 4, n_tokens, n_tokens)


def test_surprise_and_expectation_are_the_models_own(model, tokenizer):
    found = explain(model, tokenizer, TEXT[:40], count=5)
    with torch.inference_mode():
        ids = torch.tensor([tokenizer.encode(TEXT[:40])])
        logits = model.eval()(ids)[0]
    loss = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:])
    assert found.surprise.mean().item() == pytest.approx(loss.item(), rel=1e-4)
    values = [value for _, value in found.expected]
    assert values == sorted(values, reverse=True) and len(values) == 5
    assert values[0] == pytest.approx(logits[-1].softmax(-1).max().item(), rel=1e-4)


def test_no_hook_stays_and_an_empty_text_begins_a_document(model, tokenizer):
    found = explain(model, tokenizer, "")
    assert found.tokens == ["<|endoftext|>"] and len(found.surprise) == 0
    assert not any(part._forward_hooks for part in model.modules())


def test_a_text_beyond_the_context_is_refused(model, tokenizer):
    with pytest.raises(ValueError, match="the model sees 32"):
        explain(model, tokenizer, TEXT * 5)


def test_a_picture_is_drawn(model, tokenizer, tmp_path):
    draw(
        explain(model, tokenizer, "a $big$ ball_2 \x02 \n 猫"),
        layer=-1,
        path=tmp_path / "new" / "a.png",
    )
    assert (tmp_path / "new" / "a.png").read_bytes().startswith(b"\x89PNG")


def test_the_command_draws_and_tells_what_is_wrong(model, tokenizer, tmp_path, root):
    save_model(model, tmp_path / "weights", tokenizer=tokenizer.fingerprint)
    tokenizer.save(tmp_path / "tokenizer")

    def run(*more):
        command = [sys.executable, "-m", "llm", "explain", "the cat", *more]
        command += ["--weights", tmp_path / "weights", "--tokenizer", tmp_path / "tokenizer"]
        return subprocess.run(
            command, cwd=root, capture_output=True, text=True, check=False, timeout=120
        )

    done = run("--output", tmp_path / "x.svg", "--layer", "2")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "x.svg").read_text().startswith("<?xml") and "%" in done.stdout
    assert run("--layer", "9").returncode == 2
    assert run("--output", tmp_path / "x.doc").returncode == 2
