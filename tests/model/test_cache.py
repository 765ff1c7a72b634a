"""Keys and values that were kept give what computing them anew would give."""

import torch

from llm.model.cache import KeyValueCache
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
    tie_embeddings=True,
)


def setup() -> tuple[GPTModel, torch.Tensor]:
    torch.manual_seed(3)
    return GPTModel(CONFIG).eval(), torch.randint(CONFIG.vocab_size, (3, 12))


@torch.inference_mode()
def test_a_text_read_in_pieces_gives_the_logits_of_the_whole():
    model, tokens = setup()
    cache = KeyValueCache.empty(CONFIG, batch_size=3, slots=12)
    pieces = [model(tokens[:, :5], cache=cache)]
    for start, end in ((5, 6), (6, 10), (10, 12)):
        positions = torch.arange(start, end).expand(3, -1)
        pieces.append(model(tokens[:, start:end], positions=positions, cache=cache))
    torch.testing.assert_close(torch.cat(pieces, dim=1), model(tokens))


@torch.inference_mode()
def test_rows_of_unequal_length_go_on_from_their_own_ends():
    model, tokens = setup()
    lengths = torch.tensor([2, 7, 4])
    cache = KeyValueCache.empty(CONFIG, batch_size=3, slots=16)
    model(tokens[:, :7], cache=cache)  # what stands right of a row's end is overwritten
    for step in range(4):
        positions = (lengths + step)[:, None]
        found = model(tokens.gather(1, positions), positions=positions, cache=cache.first(11))
        for row, position in enumerate(positions[:, 0].tolist()):
            expected = model(tokens[row : row + 1, : position + 1])[:, -1]
            torch.testing.assert_close(found[row : row + 1, 0], expected)


@torch.inference_mode()
def test_selected_rows_go_on_alone():
    model, tokens = setup()
    cache = KeyValueCache.empty(CONFIG, batch_size=3, slots=6)
    model(tokens[:, :5], cache=cache)
    rows = torch.tensor([2, 0])
    positions = torch.full((2, 1), 5)
    found = model(tokens[rows, 5:6], positions=positions, cache=cache.select(rows))
    torch.testing.assert_close(found, model(tokens[rows, :6])[:, 5:])
