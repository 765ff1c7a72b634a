"""What the peers' processes do, on a few texts."""

import json

import pytest

from benchmarks.duplicates import clusters
from benchmarks.peers import encode
from llm.tokens.tokenizer import train
from tests.conftest import need_library

TEXTS = [
    "The clock of the town hall had stopped, and nobody could say when it had stopped.",
    "The baker said five o'clock; the postman said that it hadn't struck at half past four.",
    "Überall — 1,000 naïve clocks…\n\n  and two  spaces",
]


@pytest.fixture
def folder(tmp_path):
    train(TEXTS * 3, vocab_size=320).save(tmp_path / "tokenizer")
    return tmp_path / "tokenizer"


def test_merges_come_back_from_ranks():
    ranks = {bytes([byte]): byte for byte in range(256)}
    ranks |= {b"ab": 256, b"cd": 257, b"abcd": 258, b"abcde": 259}
    assert encode.merges_of(ranks) == [(b"a", b"b"), (b"c", b"d"), (b"ab", b"cd"), (b"abcd", b"e")]


def test_every_byte_has_a_letter_of_its_own():
    letters = encode.byte_letters()
    assert len(set(letters.values())) == len(letters) == 256
    assert letters[ord(" ")] == "Ġ"
    assert letters[ord("a")] == "a"
    assert not any(letter.isspace() for letter in letters.values())


def test_both_libraries_give_the_same_ids(folder):
    need_library("tokenizers")
    ours = encode.tiktoken_encoder(folder, 2)(TEXTS)
    theirs = encode.tokenizers_encoder(folder)(TEXTS)
    assert encode.ids_of(theirs) == ours


@pytest.mark.parametrize("library", ["tiktoken", "tokenizers"])
def test_a_library_reports_its_rate(library, folder, tmp_path):
    need_library(library)
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": TEXTS * 50}), tmp_path / "part-00000.parquet")
    settings = {
        "library": library,
        "tokenizer": str(folder),
        "documents": str(tmp_path),
        "threads": 2,
        "result": str(tmp_path / "result.json"),
    }
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    encode.main(tmp_path / "settings.json")
    assert json.loads((tmp_path / "result.json").read_text())["megabytes_per_second"] > 0


def test_datasketch_finds_the_copy_and_nothing_else():
    need_library("datasketch")
    from benchmarks.peers.datasketch_lsh import near_pairs

    words = [f"word{number % 97}x{number}" for number in range(300)]
    copy = [*words]
    copy[150] = "changed"
    texts = {
        "a": " ".join(words),
        "b": " ".join(copy).upper(),
        "c": " ".join(reversed(words)),
    }
    settings = {
        "ngram_words": 5,
        "permutations": 128,
        "bands": 32,
        "rows": 4,
        "similarity": 0.7,
        "seed": 1,
    }
    assert near_pairs(texts, settings) == [("a", "b")]


def test_chains_of_pairs_are_one_cluster():
    found = clusters([("b", "c"), ("d", "e"), ("a", "c"), ("f", "e")])
    assert found == {"a": "a", "b": "a", "c": "a", "d": "d", "e": "d", "f": "d"}
