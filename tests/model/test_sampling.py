"""Drawing the next token: what can be drawn, how often, and what is refused."""

import pytest
import torch

from llm.model.sampling import GREEDY, Sampling, choose

PROBABILITIES = [0.5, 0.25, 0.15, 0.1]
LOGITS = torch.tensor([PROBABILITIES]).log()


def draw(count: int = 400, **settings) -> list[int]:
    """Draws at evenly spread numbers: frequencies come out as the probabilities."""
    draws = torch.arange(count) / count
    sampling = Sampling(**{"temperature": 1.0, **settings})
    return choose(LOGITS.expand(count, -1), sampling, texts=[[]] * count, draws=draws).tolist()


@pytest.mark.parametrize(
    ("settings", "possible"),
    [
        ({}, {0, 1, 2, 3}),
        ({"top_k": 1}, {0}),
        ({"top_k": 3}, {0, 1, 2}),
        ({"top_k": 99}, {0, 1, 2, 3}),
        ({"top_p": 0.4}, {0}),
        ({"top_p": 0.6}, {0, 1}),
        ({"top_p": 1.0}, {0, 1, 2, 3}),
        ({"top_k": 2, "top_p": 0.99}, {0, 1}),
        ({"min_p": 0.0}, {0, 1, 2, 3}),
        ({"min_p": 0.25}, {0, 1, 2}),
        ({"min_p": 0.4}, {0, 1}),
        ({"min_p": 1.0}, {0}),
    ],
)
def test_only_the_likeliest_tokens_are_drawn(settings, possible):
    assert set(draw(**settings)) == possible


def test_tokens_are_drawn_as_often_as_they_are_likely():
    drawn = draw(4000)
    for token_id, probability in enumerate(PROBABILITIES):
        assert drawn.count(token_id) / 4000 == pytest.approx(probability, abs=1e-3)
    kept = draw(4000, top_k=2)
    assert kept.count(0) / 4000 == pytest.approx(0.5 / 0.75, abs=1e-3)


@pytest.mark.parametrize(("temperature", "share"), [(0.25, 0.937), (1.0, 0.5), (50.0, 0.255)])
def test_temperature_sharpens_and_flattens(temperature, share):
    assert draw(4000, temperature=temperature).count(0) / 4000 == pytest.approx(share, abs=5e-3)


def test_no_draw_reaches_a_token_without_probability():
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf]]).expand(2, -1)
    draws = torch.tensor([0.0, 1.0])  # 1.0 stands for what rounding makes of the greatest draw
    assert choose(logits, Sampling(temperature=1.0), texts=[[], []], draws=draws).tolist() == [1, 1]


def test_a_penalty_makes_what_was_said_less_likely_whatever_the_sign_of_its_score():
    logits = torch.tensor([[2.0, 1.9, -1.0], [-1.0, -1.1, -9.0]])
    still = torch.zeros(2)
    assert choose(logits, GREEDY, texts=[[0], [0]], draws=still).tolist() == [0, 0]
    penalised = Sampling(repetition_penalty=1.5)
    assert choose(logits, penalised, texts=[[0, 0], [0]], draws=still).tolist() == [1, 1]
    assert choose(logits, penalised, texts=[[], []], draws=still).tolist() == [0, 0]
    assert logits[0, 0] == 2.0  # the caller's scores are left alone


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": -1.0},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"min_p": -0.1},
        {"repetition_penalty": 0.0},
    ],
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Sampling(**settings)
