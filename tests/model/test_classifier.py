"""The classifier reads the last real token, and trains only what it is told to."""

import pytest
import torch

from llm.model.classifier import Classifier, set_trainable
from llm.model.config import GPTConfig
from llm.model.gpt import GPTModel

CONFIG = GPTConfig(
    vocab_size=70,
    context_length=16,
    emb_dim=24,
    n_heads=3,
    n_layers=2,
    drop_rate=0.0,
    qkv_bias=True,
    tie_embeddings=False,
)


def classifier() -> Classifier:
    torch.manual_seed(1)
    return Classifier(GPTModel(CONFIG), n_classes=3).eval()


@torch.inference_mode()
def test_padding_changes_nothing():
    model = classifier()
    texts = [torch.randint(CONFIG.vocab_size, (length,)) for length in (1, 5, 9)]
    alone = torch.cat([model(text[None], torch.tensor([len(text)])) for text in texts])
    lengths = torch.tensor([len(text) for text in texts])
    for padding in (0, 69):
        batch = torch.nn.utils.rnn.pad_sequence(texts, batch_first=True, padding_value=padding)
        torch.testing.assert_close(model(batch, lengths), alone)


@pytest.mark.parametrize(
    ("part", "learning"),
    [
        ("head", {"class_head"}),
        ("last_block", {"class_head", "gpt.final_norm", "gpt.blocks.1"}),
        (
            "all",
            {
                "class_head",
                "gpt.final_norm",
                "gpt.blocks.0",
                "gpt.blocks.1",
                "gpt.token_embedding",
                "gpt.position_embedding",
            },
        ),
    ],
)
def test_only_the_named_part_learns_and_all_of_it_does(part, learning):
    model = classifier()
    set_trainable(model, "all")
    set_trainable(model, part)
    model(torch.randint(CONFIG.vocab_size, (4, 6)), torch.tensor([1, 2, 5, 6])).sum().backward()
    for name, parameter in model.named_parameters():
        expected = any(name.startswith(prefix + ".") for prefix in learning)
        assert parameter.requires_grad is expected, name
        assert (parameter.grad is not None) is expected, name
