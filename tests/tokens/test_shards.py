"""Shards: what is read back is what was written, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from llm import files
from llm.errors import InputError
from llm.files import read_manifest, write_json
from llm.tokens import shards
from llm.tokens.mixing import mixed_rows
from llm.tokens.shards import read_facts, read_tokens, token_schema
from llm.tokens.stream import open_tokens
from llm.tokens.tokenizer import Tokenizer, train
from llm.tokens.vocabularies import END_OF_TEXT
from tests.tokens.conftest import TEXTS, batches, write


@pytest.fixture(scope="module")
def tokenizer():
    return train(TEXTS, vocab_size=300)


def test_decoding_the_tokens_gives_every_text_back(tokenizer, tmp_path):
    counts = write(tmp_path / "train", tokenizer)
    token_ids, starts = read_tokens(tmp_path / "train", tokenizer=tokenizer)
    assert token_ids.dtype == np.dtype(np.uint16)
    assert starts.dtype == np.dtype(np.int64)
    ends = [*starts[1:], len(token_ids)]
    assert all(token_ids[end - 1] == tokenizer.end_of_text for end in ends)
    assert [
        tokenizer.decode(token_ids[start : end - 1])
        for start, end in zip(starts, ends, strict=True)
    ] == TEXTS
    assert (counts.tokens, counts.documents) == (len(token_ids), len(TEXTS))
    assert counts.bytes == sum(len(text.encode()) for text in TEXTS)


def test_ids_of_a_large_vocabulary_come_back_as_they_were(tmp_path):
    ranks = {bytes([byte]): byte + 70_000 for byte in range(256)}
    wide = Tokenizer("wide", pattern=r"(?s).", ranks=ranks, special_tokens={END_OF_TEXT: 80_000})
    write(tmp_path / "train", wide)
    token_ids, _ = read_tokens(tmp_path / "train", tokenizer=wide)
    assert token_ids.dtype == np.dtype(np.uint32)
    expected = [i for text in TEXTS for i in [*wide.encode(text), 80_000]]
    assert token_ids.tolist() == expected


def test_ids_take_the_smallest_type_that_holds_them():
    assert shards.token_dtype(65_536) == np.uint16
    assert shards.token_dtype(65_537) == np.uint32
    assert token_schema(65_537).field("token_ids").type.value_type == pa.uint32()


def test_another_tokenizer_is_refused(tokenizer, tmp_path):
    write(tmp_path / "train", tokenizer)
    other = train(TEXTS, vocab_size=290)
    with pytest.raises(InputError, match="another tokenizer") as caught:
        read_tokens(tmp_path / "train", tokenizer=other)
    assert tokenizer.fingerprint in str(caught.value)
    assert other.fingerprint in str(caught.value)
    assert read_facts(tmp_path / "train", tokenizer=tokenizer)["documents"] == len(TEXTS)


def test_a_truncated_or_changed_shard_is_refused(tokenizer, tmp_path):
    write(tmp_path / "train", tokenizer)
    path = tmp_path / "train" / "part-00001.parquet"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="not what its manifest says"):
        read_tokens(tmp_path / "train")
    path.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    with pytest.raises(InputError, match="part-00001"):
        read_tokens(tmp_path / "train")
    path.unlink()
    with pytest.raises(InputError, match="missing"):
        read_tokens(tmp_path / "train")


@pytest.mark.parametrize("change", [-1, 1])
@pytest.mark.parametrize("fact", ["tokens", "documents"])
def test_a_manifest_with_other_counts_is_refused(tokenizer, tmp_path, fact, change):
    write(tmp_path / "train", tokenizer)
    manifest = read_manifest(tmp_path / "train", made_by="tokenize")
    manifest[fact] += change
    write_json(tmp_path / "train" / "manifest.json", manifest)
    with pytest.raises(InputError, match="another number of tokens or documents"):
        read_tokens(tmp_path / "train")


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ([], "does not say what its files are"),
        ({}, "does not say what its files are"),
        ({"files": {"part-00000.parquet": {"bytes": 3}}}, "does not say what its files are"),
        ({"files": {}, "tokens": 3, "documents": 1, "bytes": 2}, "no dtype, tokenizer, vocab_size"),
    ],
)
def test_a_manifest_that_says_too_little_is_refused(tmp_path, facts, fault):
    write_json(tmp_path / "manifest.json", facts)
    with pytest.raises(InputError, match=fault) as caught:
        read_tokens(tmp_path)
    assert "dvc repro --force tokenize" in str(caught.value)


def test_shards_are_hashed_once_per_reading(tokenizer, tmp_path, monkeypatch):
    write(tmp_path / "train", tokenizer)
    count = len(read_facts(tmp_path / "train")["files"])
    hashed = []
    real = files.sha256_of

    def counted(path):
        hashed.append(path)
        return real(path)

    monkeypatch.setattr(files, "sha256_of", counted)
    read_tokens(tmp_path / "train", tokenizer=tokenizer)
    assert len(hashed) == count
    open_tokens(tmp_path / "train", tokenizer=tokenizer)
    assert len(hashed) == 2 * count
    list(mixed_rows(tmp_path / "train", np.full(len(TEXTS), 3)))
    assert len(hashed) == 3 * count


@pytest.mark.parametrize("vocab_size", [65_535, 65_536, 65_537])
def test_the_largest_id_of_a_vocabulary_comes_back(tmp_path, vocab_size):
    """Its bytes are tokens at the upper end, so that every id is near the border of the types."""
    last = vocab_size - 1
    ranks = {bytes([byte]): last - 256 + byte for byte in range(256)}
    one = Tokenizer("one", pattern=r"(?s).", ranks=ranks, special_tokens={END_OF_TEXT: last})
    assert one.vocab_size == vocab_size
    texts = ["a fox", "".join(map(chr, range(256)))]
    write(tmp_path / "train", one, documents=batches(texts))
    token_ids, _ = read_tokens(tmp_path / "train", tokenizer=one)
    assert token_ids.dtype == (np.uint32 if vocab_size == 65_537 else np.uint16)
    assert token_ids.max() == last
    assert token_ids.tolist() == [i for text in texts for i in [*one.encode(text), last]]
    facts = read_facts(tmp_path / "train")
    assert (facts["dtype"], facts["vocab_size"]) == (token_ids.dtype.name, vocab_size)


def test_names_of_shards_keep_their_order_beyond_five_digits():
    names = ["part-00002.parquet", "part-99999.parquet", "part-100000.parquet"]
    assert shards.shard_names({"files": dict.fromkeys(reversed(names))}) == names
