"""The stream of token ids: the same from memory and from a file, which is made once and whole."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from llm.errors import InputError
from llm.files import read_manifest, write_json
from llm.tokens.shards import read_tokens, write_shards
from llm.tokens.stream import open_tokens
from llm.tokens.tokenizer import train
from llm.tokens.windows import Windows

TEXTS = [f"Tale {n}: the fox met {n} geese." for n in range(60)]


@pytest.fixture(scope="module")
def tokenizer():
    return train(TEXTS, vocab_size=280)


@pytest.fixture
def shards(tokenizer, tmp_path):
    names = [f"{n:08d}" for n in range(len(TEXTS))]
    table = pa.table({"id": names, "text": TEXTS, "source": names, "cluster": names})
    directory = tmp_path / "train"
    write_shards(table.to_batches(), directory, tokenizer=tokenizer, shard_tokens=300, threads=1)
    return directory


def test_a_mapped_stream_is_the_one_in_memory(shards, tokenizer, tmp_path):
    expected, _ = read_tokens(shards, tokenizer=tokenizer)
    cache = tmp_path / "cache"
    held = open_tokens(shards, tokenizer=tokenizer, cache=cache)
    assert not isinstance(held, np.memmap)
    assert not cache.exists()
    mapped = open_tokens(shards, tokenizer=tokenizer, cache=cache, in_memory_bytes=100)
    assert isinstance(mapped, np.memmap)
    for found in (held, mapped):
        assert found.dtype == expected.dtype
        assert np.array_equal(found, expected)
    windows = [Windows(token_ids=ids, context_length=8, stride=8) for ids in (expected, mapped)]
    numbers = np.array([3, 0, 7])
    assert np.array_equal(windows[0].read(numbers), windows[1].read(numbers))
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1


def test_the_file_is_made_once_and_again_where_it_is_torn(shards, tokenizer, tmp_path):
    options = {"tokenizer": tokenizer, "cache": tmp_path / "cache", "in_memory_bytes": 0}
    expected = open_tokens(shards, **options).copy()
    (path,) = (tmp_path / "cache").iterdir()
    made = path.stat().st_mtime_ns
    open_tokens(shards, **options)
    assert path.stat().st_mtime_ns == made
    path.write_bytes(path.read_bytes()[:-2])
    assert np.array_equal(open_tokens(shards, **options), expected)


def test_a_failure_leaves_no_file(shards, tokenizer, tmp_path):
    manifest = read_manifest(shards, made_by="tokenize")
    write_json(shards / "manifest.json", manifest | {"tokens": manifest["tokens"] + 1})
    cache = tmp_path / "cache"
    with pytest.raises(InputError, match="another number of tokens"):
        open_tokens(shards, tokenizer=tokenizer, cache=cache, in_memory_bytes=0)
    assert list(cache.iterdir()) == []
