"""Writing shards: equal bytes from equal documents, nothing lost, nothing half done."""

from __future__ import annotations

import numpy as np
import pytest

from llm.errors import InputError
from llm.files import read_manifest
from llm.tokens import encoding
from llm.tokens.shards import read_batches, read_tokens
from llm.tokens.tokenizer import Tokenizer, train
from llm.tokens.vocabularies import END_OF_TEXT
from tests.tokens.conftest import TEXTS, batches, write


@pytest.fixture(scope="module")
def tokenizer():
    return train(TEXTS, vocab_size=300)


def test_shards_end_at_borders_of_documents(tokenizer, tmp_path):
    write(tmp_path / "train", tokenizer)
    names = sorted(path.name for path in (tmp_path / "train").glob("*.parquet"))
    assert names == [f"part-{n:05d}.parquet" for n in range(len(names))]
    assert len(names) > 2
    rows = [row for batch in read_batches(tmp_path / "train") for row in batch.to_pylist()]
    assert [row["id"] for row in rows] == [f"{n:032x}" for n in range(len(TEXTS))]
    assert all(row["token_ids"].count(tokenizer.end_of_text) == 1 for row in rows)
    assert [row["n_bytes"] for row in rows] == [len(text.encode()) for text in TEXTS]


def test_the_bytes_depend_on_documents_tokenizer_and_shard_size_alone(
    tokenizer, tmp_path, monkeypatch
):
    write(tmp_path / "a" / "train", tokenizer)
    monkeypatch.setattr(encoding, "CHUNK_BYTES", 300)
    write(tmp_path / "b" / "train", tokenizer, threads=1, documents=batches(rows=7))
    manifests = [read_manifest(tmp_path / x / "train", made_by="tokenize") for x in "ab"]
    assert manifests[0] == manifests[1]
    assert manifests[0]["tokenizer"] == tokenizer.fingerprint
    assert manifests[0]["dtype"] == "uint16"


def test_the_bytes_do_not_depend_on_how_rows_came_together(tokenizer, tmp_path, monkeypatch):
    """Seen on pages of Parquet, of which this shard has several."""
    texts = [f"{n} geese, " * 9 for n in range(20_000)]
    options = {"shard_tokens": 10_000_000}
    write(tmp_path / "a" / "train", tokenizer, documents=batches(texts), **options)
    monkeypatch.setattr(encoding, "CHUNK_BYTES", 50_001)
    write(tmp_path / "b" / "train", tokenizer, documents=batches(texts, rows=777), **options)
    manifests = [read_manifest(tmp_path / x / "train", made_by="tokenize") for x in "ab"]
    assert manifests[0]["tokens"] > 1_000_000
    assert manifests[0] == manifests[1]


def test_a_text_that_holds_the_words_of_the_end_keeps_them_as_words(tokenizer, tmp_path):
    texts = ["A hen.", f"In HTML, {END_OF_TEXT} is nothing.", END_OF_TEXT, "A fox."]
    write(tmp_path / "train", tokenizer, documents=batches(texts))
    token_ids, starts = read_tokens(tmp_path / "train")
    assert np.count_nonzero(token_ids == tokenizer.end_of_text) == 4
    found = np.split(token_ids, starts[1:])
    assert [tokenizer.decode(ids[:-1]) for ids in found] == texts


def test_a_pattern_that_loses_text_is_found_out(tmp_path):
    ranks = {bytes([byte]): byte for byte in range(256)}
    deaf = Tokenizer("deaf", pattern=r"[^x]", ranks=ranks, special_tokens={END_OF_TEXT: 256})
    write(tmp_path / "a", deaf, documents=batches(["no such letter"]))
    with pytest.raises(InputError, match="loses text") as caught:
        write(tmp_path / "b", deaf, documents=batches(["fox", "hen"]))
    assert "tokens of 5 bytes" in str(caught.value)
    assert not (tmp_path / "b").exists()


def test_no_document_is_an_error_and_leaves_nothing(tokenizer, tmp_path):
    with pytest.raises(InputError, match="no document"):
        write(tmp_path / "train", tokenizer, documents=batches([]))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_on_the_way_leaves_nothing(tokenizer, tmp_path):
    def broken():
        yield from batches()[:1]
        raise InputError("The next part is truncated.")

    with pytest.raises(InputError, match="truncated"):
        write(tmp_path / "train", tokenizer, documents=broken(), shard_tokens=1)
    assert list(tmp_path.iterdir()) == []
