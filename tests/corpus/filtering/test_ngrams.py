"""A model of bytes: probabilities sum to one, the familiar is foreseen, files keep it."""

import numpy as np
import pytest

from llm.corpus.filtering.ngrams import ORDER, NgramModel, load_model

STORY = "The old man walked to the harbour and watched the boats come home. " * 50
NOISE = "".join(chr(33 + (n * n * 31 + n * 7) % 90) for n in range(2000))


def test_the_familiar_is_foreseen():
    model = NgramModel.train(STORY)
    close = model.perplexity("The old man watched the harbour and walked home.")
    far = model.perplexity("Quarterly revenue exceeded expectations by 4 %.")
    assert 1.0 <= model.perplexity(STORY) < 1.2 < close < far < model.perplexity(NOISE)
    assert model.perplexity("") == 1.0


def test_knowing_nothing_every_byte_is_as_likely():
    empty = np.zeros((ORDER, 1 << 20), dtype=np.uint32)
    assert NgramModel(empty, empty, empty).perplexity("any text") == 256.0


def test_probabilities_of_the_next_byte_sum_to_one():
    model = NgramModel.train(STORY)
    start = "The old m"
    before = len(start) * np.log(model.perplexity(start))
    # chr(n) below 128 is one byte; what is left is the share of the bytes beyond.
    shares = [
        np.exp(before - (len(start) + 1) * np.log(model.perplexity(start + chr(n))))
        for n in range(128)
    ]
    assert shares[ord("a")] > 0.9
    assert sum(shares) == pytest.approx(1.0, abs=0.01)


def test_a_file_gives_the_same_model(tmp_path):
    model = NgramModel.train(STORY)
    model.save(tmp_path / "model.npz")
    assert load_model(tmp_path / "model.npz", "1").perplexity(NOISE) == model.perplexity(NOISE)
