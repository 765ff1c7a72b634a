"""The stream of token ids: the same from memory and from a file, which is made once and whole."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from llm.errors import InputError
from llm.files import read_manifest, write_json
from llm.tokens.shards import read_batches, read_tokens
from llm.tokens.stream import open_tokens
from llm.tokens.tokenizer import train
from llm.tokens.windows import Windows
from llm.tokens.writing import write_rows, write_shards

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
    (path,) = (tmp_path / "cache").glob("*.bin")
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
    assert [path.name for path in cache.iterdir()] == ["train.lock"]


def test_processes_that_come_together_make_one_file(shards, tokenizer, tmp_path, root):
    tokenizer.save(tmp_path / "tokenizer")
    call = f"""
from pathlib import Path
from llm.tokens import stream
from llm.tokens.tokenizer import load
decode = stream._decode
def told(*arguments):
    print("decodes", flush=True)
    decode(*arguments)
stream._decode = told
place = Path({str(tmp_path)!r})
ids = stream.open_tokens(
    place / "train", tokenizer=load(place / "tokenizer"), cache=place / "cache", in_memory_bytes=0
)
print(int(ids.sum()), flush=True)
"""
    children = [
        subprocess.Popen([sys.executable, "-c", call], cwd=root, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [child.communicate(timeout=120)[0].split() for child in children]
    expected = int(read_tokens(shards, tokenizer=tokenizer)[0].sum())
    assert sorted(said, key=len)[:2] == [[str(expected)]] * 2
    assert max(said, key=len) == ["decodes", str(expected)]


def test_the_file_of_earlier_shards_of_the_folder_goes(shards, tokenizer, tmp_path):
    cache = tmp_path / "cache"
    options = {"tokenizer": tokenizer, "cache": cache, "in_memory_bytes": 0}
    held = open_tokens(shards, **options)
    first = held.copy()
    (cache / ".train.partial").write_bytes(b"left by a kill")
    (cache / "validation-00.bin").write_bytes(b"of another folder")
    rows = [batch.slice(1) for batch in read_batches(shards)]
    tables = [pa.Table.from_batches(rows)]
    write_rows(tables, shards, tokenizer=tokenizer, shard_tokens=300, threads=1)
    assert len(open_tokens(shards, **options)) < len(first)
    assert np.array_equal(held, first)  # who still maps the earlier file goes on
    names = sorted(path.name for path in cache.iterdir())
    assert len(names) == 3 and names[0].startswith("train-")
    assert names[1:] == ["train.lock", "validation-00.bin"]
