"""Our own model folders: the same model comes back, the same bytes, nothing damaged passes."""

import json

import pytest
import torch
from safetensors.torch import load_file

from llm.errors import InputError
from llm.files import write_manifest
from llm.model.classifier import Classifier
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.weights.export import (
    count_parameters,
    load_classifier,
    load_model,
    save_classifier,
    save_model,
)
from llm.weights.tensors import WEIGHTS

SMALL = GPTConfig(
    vocab_size=70,
    context_length=16,
    emb_dim=24,
    n_heads=3,
    n_layers=2,
    drop_rate=0.1,
    qkv_bias=False,
    tie_embeddings=True,
)


def model_of(**changes) -> GPTModel:
    torch.manual_seed(7)
    return GPTModel(SMALL.model_copy(update=changes))


def same(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    before, after = one.state_dict(), two.state_dict()
    return before.keys() == after.keys() and all(
        torch.equal(before[name], after[name]) for name in before
    )


@pytest.mark.parametrize("tied", [True, False])
def test_the_same_model_comes_back_ready_to_train(tmp_path, tied):
    ours = model_of(tie_embeddings=tied)
    save_model(ours, tmp_path / "model", source="a test")
    found = load_model(tmp_path / "model", made_by="pretrain")
    assert same(ours, found)
    assert found.config == ours.config
    assert not found.training
    assert all(parameter.requires_grad for parameter in found.parameters())
    assert (found.head_weight is found.token_embedding.weight) is tied


@pytest.mark.parametrize("tied", [True, False])
def test_the_padding_stays_at_home_and_a_tied_head_is_stored_once(tmp_path, tied):
    ours = model_of(tie_embeddings=tied)
    save_model(ours, tmp_path / "model")
    stored = load_file(tmp_path / "model" / WEIGHTS)
    assert stored["token_embedding.weight"].shape == (SMALL.vocab_size, SMALL.emb_dim)
    assert ("output.weight" in stored) is not tied
    assert sum(tensor.numel() for tensor in stored.values()) == count_parameters(ours)


def test_a_classifier_comes_back(tmp_path):
    ours = Classifier(model_of(), n_classes=2)
    save_classifier(ours, tmp_path / "classifier", classes=["ham", "spam"])
    found = load_classifier(tmp_path / "classifier", made_by="finetune_classifier")
    assert same(ours, found)
    assert found.n_classes == 2
    stored = load_file(tmp_path / "classifier" / WEIGHTS)
    assert sum(tensor.numel() for tensor in stored.values()) == count_parameters(ours)
    manifest = json.loads((tmp_path / "classifier" / "manifest.json").read_text())
    assert manifest["classes"] == ["ham", "spam"]


def test_equal_models_give_equal_folders(tmp_path):
    for name in ("one", "two"):
        save_model(model_of(), tmp_path / name, source="a test")
    for child in (tmp_path / "one").iterdir():
        assert child.read_bytes() == (tmp_path / "two" / child.name).read_bytes()


def test_a_folder_of_another_kind_is_refused(tmp_path):
    save_classifier(Classifier(model_of(), n_classes=2), tmp_path / "model")
    with pytest.raises(InputError, match="another kind"):
        load_model(tmp_path / "model", made_by="pretrain")


def test_damage_is_found(tmp_path):
    with pytest.raises(InputError, match="dvc repro pretrain"):
        load_model(tmp_path / "nothing", made_by="pretrain")
    save_model(model_of(), tmp_path / "model")
    path = tmp_path / "model" / WEIGHTS
    content = bytearray(path.read_bytes())
    path.write_bytes(content[:-8])
    with pytest.raises(InputError, match="manifest"):
        load_model(tmp_path / "model", made_by="pretrain")
    content[-2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="manifest"):
        load_model(tmp_path / "model", made_by="pretrain")


@pytest.mark.parametrize("change", [{"n_layers": "two"}, {"depth": 3}, {"n_heads": 7}])
def test_a_shape_that_is_none_is_refused(tmp_path, change):
    folder = tmp_path / "model"
    save_model(model_of(), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    write_manifest(folder)
    with pytest.raises(InputError, match="shape cannot be read"):
        load_model(folder, made_by="pretrain")


def test_weights_of_another_shape_are_refused(tmp_path):
    folder = tmp_path / "model"
    save_model(model_of(), folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "vocab_size": 71}))
    write_manifest(folder)
    with pytest.raises(InputError, match=r"token_embedding.weight \(70, 24\) instead of \(71, 24"):
        load_model(folder, made_by="pretrain")
