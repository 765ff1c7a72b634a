"""Signatures remembered by id: the same as signed at once, and only new documents signed."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm.corpus.dedupe import signed
from llm.corpus.dedupe.signatures import Signing, sign
from llm.corpus.dedupe.signed import open_signer
from llm.corpus.documents import document_id

SIGNING = Signing(ngram_words=3, permutations=16, seed=1)
TEXTS = [f"The keeper of lamp {n} walked to the harbour, and watched the boats." for n in range(30)]


@pytest.fixture
def asked(monkeypatch):
    """How many rows were handed to the engine, call by call."""
    rows = []

    def counting(parts, signing):
        rows.append(sum(pq.read_metadata(part).num_rows for part in parts))
        return sign(parts, signing)

    monkeypatch.setattr(signed, "sign", counting)
    return rows


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


class House:
    def __init__(self, home):
        self.home = home
        self.scratch = home / "scratch"
        self.scratch.mkdir()

    def write(self, *parts):
        """Parts of documents ordered by id, as clean writes them."""
        paths = []
        for number, texts in enumerate(parts):
            ids = sorted((document_id(text), text) for text in texts)
            table = pa.table({"id": [i for i, _ in ids], "text": [t for _, t in ids]})
            if not ids:
                table = table.cast(pa.schema([("id", pa.string()), ("text", pa.string())]))
            paths.append(self.home / f"part-{number:05}.parquet")
            pq.write_table(table, paths[-1])
        return paths

    def signer(self, parts, *, cache=True, signing=SIGNING):
        root = self.home / "cache" if cache else None
        return open_signer(root, signing, parts=len(parts), scratch=self.scratch)

    def entries(self):
        return len(list((self.home / "cache").glob("*/*/*.entry")))


def rows(table):
    return {row["id"]: row for row in table.to_pylist()}


def test_a_second_run_signs_nothing_and_says_the_same(house, asked):
    parts = house.write(TEXTS[:10], TEXTS[10:])
    expected = rows(sign(parts, SIGNING))
    for again in (False, True):
        signer = house.signer(parts)
        assert rows(signer(parts, SIGNING)) == expected
        assert (signer.documents, signer.known) == (30, 30 if again else 0)
    assert asked == [30]


def test_only_new_documents_are_signed(house, asked):
    parts = house.write(TEXTS[:10], TEXTS[10:20])
    house.signer(parts)(parts, SIGNING)
    parts = house.write([*TEXTS[1:10], TEXTS[25]], [*TEXTS[10:20], TEXTS[26], TEXTS[27]])
    signer = house.signer(parts)
    assert rows(signer(parts, SIGNING)) == rows(sign(parts, SIGNING))
    assert (signer.documents, signer.known) == (22, 19)
    assert asked == [20, 3]
    assert rows(house.signer(parts)(parts, SIGNING)) == rows(sign(parts, SIGNING))
    assert asked == [20, 3]


def test_equal_texts_and_empty_parts(house, asked):
    parts = house.write([TEXTS[0], TEXTS[0], TEXTS[1]], [])
    table = house.signer(parts)(parts, SIGNING)
    assert sorted(table["id"].to_pylist()) == sorted(map(document_id, TEXTS[:2]))
    assert rows(house.signer(parts)(parts, SIGNING)) == rows(table)
    nothing = house.write([])
    assert house.signer(nothing)(nothing, SIGNING).num_rows == 0


def test_other_settings_another_number_of_parts_or_no_cache_sign_anew(house, asked):
    parts = house.write(TEXTS[:5], TEXTS[5:10])
    house.signer(parts)(parts, SIGNING)
    other = Signing(ngram_words=4, permutations=16, seed=1)
    assert rows(house.signer(parts, signing=other)(parts, other)) == rows(sign(parts, other))
    house.signer(parts, cache=False)(parts, SIGNING)
    assert asked == [10, 10, 10]
    more = house.write(TEXTS[:5], TEXTS[5:10], TEXTS[10:12])
    house.signer(more)(more, SIGNING)
    assert asked == [10, 10, 10, 12]


def test_at_the_end_only_what_was_used_is_kept(house):
    parts = house.write(TEXTS[:5], TEXTS[5:10])
    house.signer(parts)(parts, SIGNING)
    fewer = house.write(TEXTS[:10])
    signer = house.signer(fewer)
    signer(fewer, SIGNING)
    assert house.entries() == 3
    signer.finish()
    assert house.entries() == 1
