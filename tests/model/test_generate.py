"""Generation: cached equals uncached, prompts of any length, ends, sampling."""

import pytest
import torch

from llm.model.config import GPTConfig
from llm.model.generate import generate
from llm.model.gpt import GPTModel
from llm.model.sampling import Sampling

CONFIG = GPTConfig(
    vocab_size=70,
    context_length=16,
    emb_dim=24,
    n_heads=3,
    n_layers=2,
    drop_rate=0.1,
    qkv_bias=True,
    tie_embeddings=False,
)
END = 69


@pytest.fixture(scope="module")
def model() -> GPTModel:
    """A model of strong and restless opinions: no near-ties, no endless repetition."""
    torch.manual_seed(2)
    model = GPTModel(CONFIG)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.mul_(20)
    return model


def prompts_of(*lengths: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(5)
    return [torch.randint(END, (length,), generator=generator).tolist() for length in lengths]


@torch.inference_mode()
def book(model: GPTModel, prompt: list[int], tokens: int, end: int | None) -> list[int]:
    """The book's generation: one text, no cache, the last context_length tokens each time."""
    model.eval()
    text = torch.tensor([prompt])
    new: list[int] = []
    for _ in range(tokens):
        token_id = model(text[:, -CONFIG.context_length :])[0, -1].argmax().item()
        if token_id == end:
            break
        new.append(int(token_id))
        text = torch.cat([text, torch.tensor([[token_id]])], dim=1)
    return new


@pytest.mark.parametrize(
    "lengths",
    [(4,), (5, 5, 5), (1, 9, 4, 16, 2), (16,), (15, 3), (40, 3), (17, 30)],
    ids=str,
)
@pytest.mark.parametrize("end", [None, END])
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_batch_gives_what_the_book_gives_one_by_one(model, lengths, end, use_cache):
    prompts = prompts_of(*lengths)
    found = generate(model, prompts, maximum_new_tokens=30, end_of_text=end, use_cache=use_cache)
    assert found == [book(model, prompt, 30, end) for prompt in prompts]
    assert len({token for new in found for token in new}) > 4  # the law was put to the test


def test_texts_end_by_themselves_at_different_times(model):
    prompts = prompts_of(*range(1, 13))
    free = generate(model, prompts, maximum_new_tokens=24, end_of_text=None)
    end = free[0][3]  # a token that comes up is made the end
    found = generate(model, prompts, maximum_new_tokens=24, end_of_text=end)
    expected = [new[: new.index(end)] if end in new else new for new in free]
    assert found == expected
    assert len({len(new) for new in found}) > 2


@pytest.mark.parametrize(
    "settings",
    [{}, {"top_k": 5}, {"top_p": 0.8}, {"min_p": 0.2}, {"top_k": 9, "repetition_penalty": 1.4}],
)
def test_a_text_is_decided_by_its_own_seed_alone(model, settings):
    prompts = prompts_of(3, 8, 14)

    def draw(rows: list[int], seed: int, *, use_cache: bool = True) -> list[list[int]]:
        return generate(
            model,
            [prompts[row] for row in rows],
            maximum_new_tokens=20,
            end_of_text=END,
            sampling=Sampling(temperature=1.3, **settings),
            seeds=[seed + row for row in rows],
            use_cache=use_cache,
        )

    before = torch.get_rng_state()
    together = draw([0, 1, 2], 1)
    assert together == draw([0, 1, 2], 1, use_cache=False)
    assert together == [draw([row], 1)[0] for row in (0, 1, 2)]
    assert together != draw([0, 1, 2], 7)
    assert torch.equal(before, torch.get_rng_state())


def test_a_listener_hears_every_token_with_its_log_probability_and_can_end_a_text(model):
    prompts = prompts_of(4, 7)
    heard: list[tuple[int, int, float]] = []

    def listen(row: int, token_id: int, log_probability: float) -> bool:
        heard.append((row, token_id, log_probability))
        return row == 0 and sum(entry[0] == 0 for entry in heard) == 3

    free = generate(model, prompts, maximum_new_tokens=8, end_of_text=None)
    found = generate(model, prompts, maximum_new_tokens=8, end_of_text=None, on_token=listen)
    assert found == [free[0][:3], free[1]]
    for row, prompt in enumerate(prompts):
        mine = [entry for entry in heard if entry[0] == row]
        assert [token_id for _, token_id, _ in mine] == found[row]
        with torch.inference_mode():
            text = torch.tensor([prompt + found[row]])
            model.eval()
            expected = model(text)[0].log_softmax(dim=-1)  # (T, V)
        for number, (_, token_id, value) in enumerate(mine):
            place = len(prompt) + number - 1
            assert value == pytest.approx(expected[place, token_id].item(), abs=1e-4)


def test_padding_of_the_vocabulary_is_never_drawn():
    torch.manual_seed(0)
    model = GPTModel(CONFIG.model_copy(update={"vocab_size": 3}))
    with torch.no_grad():
        model.get_parameter("final_norm.bias").fill_(1.0)
        model.output.weight[:3] = -1.0  # the padding's logits are 0: they would be the likeliest
    new = generate(
        model,
        [[0, 1, 2]] * 8,
        maximum_new_tokens=10,
        end_of_text=None,
        sampling=Sampling(temperature=5.0),
        seeds=range(8),
    )
    assert {token for text in new for token in text} == {0, 1, 2}


def test_the_model_is_left_in_the_mode_it_was_in(model):
    model.train()
    generate(model, [[1]], maximum_new_tokens=1, end_of_text=None)
    assert model.training
    model.eval()
    generate(model, [[1]], maximum_new_tokens=1, end_of_text=None)
    assert not model.training


def test_under_autocast_the_cache_takes_its_number_type(model):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cached, uncached = (
            generate(
                model, prompts_of(3, 6), maximum_new_tokens=4, end_of_text=None, use_cache=use_cache
            )
            for use_cache in (True, False)
        )
    assert [len(new) for new in cached] == [len(new) for new in uncached] == [4, 4]


def test_nothing_to_do_is_done(model):
    assert generate(model, [], maximum_new_tokens=5, end_of_text=None) == []
    assert generate(model, [[1], [2, 3]], maximum_new_tokens=0, end_of_text=None) == [[], []]


def test_a_prompt_without_tokens_and_a_draw_without_seeds_are_refused(model):
    with pytest.raises(ValueError, match="no token"):
        generate(model, [[1], []], maximum_new_tokens=1, end_of_text=None)
    with pytest.raises(ValueError, match="seed"):
        generate(
            model, [[1]], maximum_new_tokens=1, end_of_text=None, sampling=Sampling(temperature=1.0)
        )
