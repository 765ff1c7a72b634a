"""The base model: from our own weights through GPT-2's format, or from a downloaded file."""

import json
from pathlib import Path

import pytest
import torch

from llm.errors import InputError
from llm.files import sha256_of, write_manifest
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel
from llm.stages.import_gpt2 import Config, run
from llm.tokens.patterns import GPT2
from llm.tokens.tokenizer import Tokenizer
from llm.tokens.vocabularies import END_OF_TEXT
from llm.weights.export import load_model, save_model
from llm.weights.gpt2 import save_gpt2

SMALL = GPTConfig(
    vocab_size=257,
    context_length=16,
    emb_dim=24,
    n_heads=3,
    n_layers=2,
    drop_rate=0.1,
    qkv_bias=True,
    tie_embeddings=True,
)
OWN = Config(source="pretrained", drop_rate=0.2)
DOWNLOADED = Config(source="weights", drop_rate=0.0)


class House:
    """The stage's folders, with a tokenizer of one token per byte."""

    def __init__(self, root: Path) -> None:
        self.paths = {
            "pretrained": root / "models/pretrained",
            "raw_weights": root / "raw/weights",
            "tokenizer": root / "tokens/tokenizer",
            "base": root / "models/base",
        }
        ranks = {bytes([byte]): byte for byte in range(256)}
        self.tokenizer = Tokenizer(
            "bytes", pattern=GPT2, ranks=ranks, special_tokens={END_OF_TEXT: 256}
        )
        self.tokenizer.save(self.paths["tokenizer"])
        self.download([])

    def model(self, **changes) -> GPTModel:
        torch.manual_seed(7)
        return GPTModel(SMALL.model_copy(update=changes)).eval()

    def download(self, rows: list[dict[str, str]]) -> None:
        self.paths["raw_weights"].mkdir(parents=True, exist_ok=True)
        write_manifest(self.paths["raw_weights"], sources=rows)

    def download_gpt2(self, model: GPTModel) -> dict[str, str]:
        save_gpt2(model, self.paths["raw_weights"])
        row = {
            "name": "a small GPT-2",
            "url": "https://example.org/model.safetensors",
            "file": "model.safetensors",
            "sha256": sha256_of(self.paths["raw_weights"] / "model.safetensors"),
            "licence": "MIT",
        }
        self.download([row])
        return row


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def manifest_of(folder: Path):
    return json.loads((folder / "manifest.json").read_text())


LLAMA = {
    "positions": "rotary",
    "norm": "rms",
    "feed_forward": "swiglu",
    "qkv_bias": False,
    "bias": False,
    "n_kv_heads": 1,
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"qkv_bias": False},
        {"tie_embeddings": False},
        LLAMA,  # through Llama's layout
        {"norm": "rms", "qk_norm": True},  # which has no layout, and is copied
    ],
    ids=str,
)
def test_our_own_weights_pass_through_a_published_layout_unchanged(house, changes):
    ours = house.model(**changes)
    save_model(ours, house.paths["pretrained"])
    metrics = run(OWN, **house.paths)
    assert metrics["max_logit_difference"] <= 1e-6
    base = load_model(house.paths["base"], made_by="import_gpt2")
    assert base.config.drop_rate == 0.2
    token_ids = torch.randint(257, (2, 16))
    torch.testing.assert_close(base(token_ids), ours(token_ids))
    facts = manifest_of(house.paths["base"])
    assert facts["source"] == "pretrained"
    assert facts["tokenizer"] == house.tokenizer.fingerprint
    inside = sorted(child.name for child in house.paths["base"].parent.iterdir())
    assert inside == ["base", "pretrained"]  # the passage is gone


def test_downloaded_weights_keep_their_origin(house):
    row = house.download_gpt2(house.model())
    metrics = run(DOWNLOADED, **house.paths)
    assert metrics["parameters"] == sum(p.numel() for p in house.model().parameters()) - 63 * 24
    assert "max_logit_difference" not in metrics
    facts = manifest_of(house.paths["base"])
    assert {key: facts[key] for key in ("name", "url", "sha256", "licence")} == {
        key: row[key] for key in ("name", "url", "sha256", "licence")
    }


def test_twice_gives_equal_bytes(house):
    save_model(house.model(), house.paths["pretrained"])
    seen = []
    for _ in range(2):
        metrics = run(OWN, **house.paths)
        seen.append((metrics, [p.read_bytes() for p in sorted(house.paths["base"].iterdir())]))
    assert seen[0] == seen[1]


def test_no_weights_or_several_are_refused(house):
    with pytest.raises(InputError, match=r"no weights file[\s\S]*holds: weights"):
        run(DOWNLOADED, **house.paths)
    row = house.download_gpt2(house.model())
    house.download([row, row])
    with pytest.raises(InputError, match="several weights files"):
        run(DOWNLOADED, **house.paths)
    assert not house.paths["base"].exists()


def test_a_missing_pretrained_model_names_its_stage(house):
    with pytest.raises(InputError, match="dvc repro pretrain"):
        run(OWN, **house.paths)


def test_weights_of_another_vocabulary_are_refused(house):
    house.download_gpt2(house.model(vocab_size=300))
    with pytest.raises(InputError, match="different vocabularies") as fault:
        run(DOWNLOADED, **house.paths)
    assert fault.value.exit_code == 3
    assert not house.paths["base"].exists()
