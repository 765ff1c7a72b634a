"""Encoding on threads: the ids of plain encoding, in order, a bounded number of calls ahead."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest

from llm.tokens import encoding
from llm.tokens.encoding import encode, in_order
from llm.tokens.shards import token_schema
from llm.tokens.tokenizer import train

TEXTS = ["", "a", "The fox met the hen. " * 40, "ünïçødé 😀", " \n", "x" * 900, "The hen"] * 5


@pytest.mark.parametrize("chunk_bytes", [1, 100, 10_000, 2**20])
@pytest.mark.parametrize("rows", [1, 4, 100])
def test_rows_are_those_of_plain_encoding(chunk_bytes, rows, monkeypatch):
    monkeypatch.setattr(encoding, "CHUNK_BYTES", chunk_bytes)
    tokenizer = train(TEXTS, vocab_size=280)
    names = [str(n) for n in range(len(TEXTS))]
    table = pa.table({"text": TEXTS, "id": names, "cluster": names, "source": names})
    with ThreadPoolExecutor(3) as pool:
        schema = token_schema(280)
        batches = table.to_batches(max_chunksize=rows)
        tables = list(encode(batches, tokenizer, schema, pool=pool, ahead=4))
    assert pa.concat_tables(tables).to_pylist() == [
        {
            "id": name,
            "source": name,
            "cluster": name,
            "n_bytes": len(text.encode()),
            "token_ids": [*tokenizer.encode(text), tokenizer.end_of_text],
        }
        for name, text in zip(names, TEXTS, strict=True)
    ]


def test_results_keep_their_order_and_work_is_taken_as_it_is_needed():
    taken: list[int] = []
    release = threading.Event()

    def slow(number: int) -> int:
        if number == 0:
            release.wait(10)
        return number

    def work():
        for number in range(20):
            taken.append(number)
            if number == 3:
                release.set()
            yield slow, number

    with ThreadPoolExecutor(4) as pool:
        results = in_order(work(), pool=pool, ahead=3)
        assert next(results) == 0
        assert taken == [0, 1, 2, 3]
        assert list(results) == list(range(1, 20))


def test_an_error_comes_in_its_turn_and_what_has_not_begun_never_does():
    begun: list[int] = []

    def call(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise ValueError("broken")
        return number

    with ThreadPoolExecutor(1) as pool:
        results = in_order(((call, number) for number in range(9)), pool=pool, ahead=2)
        assert next(results) == 0
        with pytest.raises(ValueError, match="broken"):
            list(results)
    assert max(begun) <= 4
