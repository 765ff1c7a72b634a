"""The compression report: its figures on texts small enough to count, with and without GPT-2."""

from __future__ import annotations

import pyarrow as pa
import pytest

from llm.errors import InputError
from llm.files import write_text
from llm.tokens.compression import compression
from llm.tokens.patterns import GPT2
from llm.tokens.published import from_published
from llm.tokens.tokenizer import Tokenizer, train
from llm.tokens.vocabularies import END_OF_TEXT, GPT2_FILES

ROWS = [
    {"text": "the hen and the fox", "language": "en", "source": "tales"},
    {"text": "the fox", "language": "en", "source": "papers"},
    {"text": "l'été  fut\nbeau", "language": "fr", "source": "tales"},
]


def batches(rows):
    return pa.Table.from_pylist(rows).to_batches(max_chunksize=2)


@pytest.fixture(scope="module")
def tokenizer():
    return train([ROWS[0]["text"]] * 3, vocab_size=266)


def test_figures_per_language_and_source(tokenizer, tmp_path):
    found = compression(batches(ROWS), tokenizer, vocabulary=tmp_path, threads=2)
    assert set(found["by_language"]) == {"en", "fr"}
    assert set(found["by_source"]) == {"tales", "papers"}
    english = [len(tokenizer.encode(row["text"])) for row in ROWS[:2]]
    assert found["by_language"]["en"] == {
        "documents": 2,
        "bytes": 26,
        "bytes_per_token": round(26 / sum(english), 4),
        "tokens_per_word": round(sum(english) / 7, 4),
        "gpt2_bytes_per_token": None,
        "gpt2_tokens_per_word": None,
    }
    assert found["by_language"]["fr"]["bytes"] == len(ROWS[2]["text"].encode())
    assert found["by_language"]["fr"]["tokens_per_word"] > 3
    assert found["by_source"]["papers"]["documents"] == 1
    assert found["sample_bytes"] == sum(len(row["text"].encode()) for row in ROWS)
    assert "encoder.json" in found["gpt2_missing"]


def test_figures_counted_by_hand(tmp_path, monkeypatch):
    """ab and " ab" are tokens, every other byte is one; GPT-2 stands in with bytes alone."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    special = {END_OF_TEXT: 300}
    bytewise = Tokenizer("bytes", pattern=GPT2, ranks=ranks, special_tokens=special)
    pairs = Tokenizer(
        "pairs", pattern=GPT2, ranks=ranks | {b"ab": 256, b" ab": 257}, special_tokens=special
    )
    for name in GPT2_FILES:
        write_text(tmp_path / name, "")
    monkeypatch.setattr("llm.tokens.compression.from_published", lambda kind, folder: bytewise)
    rows = [
        {"text": "ab ab c", "language": "en", "source": "a"},  # ab, " ab", " ", c
        {"text": "ab", "language": "en", "source": "b"},
        {"text": "\u00e9 \u00e9t\u00e9", "language": "fr", "source": "b"},  # 8 bytes, 2 words
    ]
    found = compression(batches(rows), pairs, vocabulary=tmp_path, threads=2)
    assert found["by_language"] == {
        "en": {
            "documents": 2,
            "bytes": 9,
            "bytes_per_token": 1.8,  # 9 / 5
            "tokens_per_word": 1.25,  # 5 / 4
            "gpt2_bytes_per_token": 1.0,
            "gpt2_tokens_per_word": 2.25,  # 9 / 4
        },
        "fr": {
            "documents": 1,
            "bytes": 8,
            "bytes_per_token": 1.0,
            "tokens_per_word": 4.0,
            "gpt2_bytes_per_token": 1.0,
            "gpt2_tokens_per_word": 4.0,
        },
    }
    assert found["by_source"]["b"]["bytes_per_token"] == round(10 / 9, 4)


def test_the_sample_ends_with_the_batch_that_fills_it(tokenizer, tmp_path):
    options = {"vocabulary": tmp_path, "threads": 1}
    found = compression(batches(ROWS), tokenizer, sample_bytes=20, **options)
    assert list(found["by_language"]) == ["en"]
    assert compression([], tokenizer, **options)["by_language"] == {}


def test_a_text_of_white_space_has_no_fertility(tokenizer, tmp_path):
    rows = [{"text": " \n", "language": "en", "source": "tales"}]
    found = compression(batches(rows), tokenizer, vocabulary=tmp_path, threads=1)
    assert found["by_source"]["tales"]["tokens_per_word"] is None


def test_unverified_files_of_gpt2_are_refused(tokenizer, tmp_path):
    for name in GPT2_FILES:
        write_text(tmp_path / name, "{}")
    with pytest.raises(InputError, match="not OpenAI's"):
        compression(batches(ROWS), tokenizer, vocabulary=tmp_path, threads=1)


def test_gpt2_stands_beside(mirror, tokenizer):
    folder = mirror / "openaipublic.blob.core.windows.net/gpt-2/encodings/main"
    found = compression(batches(ROWS), tokenizer, vocabulary=folder, threads=1)
    count = len(from_published("gpt2", folder).encode("the fox"))
    assert found["gpt2_missing"] is None
    assert found["by_source"]["papers"]["gpt2_tokens_per_word"] == count / 2
