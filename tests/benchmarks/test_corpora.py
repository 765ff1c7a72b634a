"""Documents cut from texts, seeded edits of them, and the files they stand in."""

import json
import random

import pytest

from benchmarks.corpora import (
    book_texts,
    change_words,
    cut,
    edited,
    near_copy,
    text_bytes,
    text_corpus,
    write_documents,
    write_many_stories,
    write_tokenizable,
)
from benchmarks.house import folder_bytes
from llm.corpus.synthetic.compose import compose
from llm.corpus.synthetic.stories import PLANTED


@pytest.fixture(scope="module")
def text() -> str:
    return "\n\n".join(compose(1, number).text for number in range(60))


def five_grams(document: str) -> set[tuple[str, ...]]:
    words = document.split()
    return set(zip(*(words[at:] for at in range(5)), strict=False))


def similarity(one: str, two: str) -> float:
    left, right = five_grams(one), five_grams(two)
    return len(left & right) / len(left | right)


def test_documents_are_the_text_cut_at_paragraphs(text):
    documents = cut([text], random.Random(1))
    assert "\n\n".join(documents) == text
    assert len(documents) > 3
    assert all(2_000 <= len(document) <= 25_000 for document in documents[:-1])


def test_a_copy_is_near_and_a_rewriting_is_not(text):
    document = cut([text], random.Random(2))[0]
    rng = random.Random(3)
    for _ in range(20):
        copy = near_copy(document, rng)
        assert copy != document
        assert similarity(document, copy) > 0.7
    rewriting = change_words(document, 0.4, rng)
    assert similarity(document, rewriting) < 0.2
    assert set(rewriting.split()) <= set(document.split())


def test_edits_depend_on_the_seed_alone(text):
    documents = cut([text], random.Random(1))

    def first(seed: int) -> list[str]:
        stream = edited(documents, seed)
        return [next(stream) for _ in range(len(documents) + 20)]

    assert first(1) == first(1)
    assert first(1)[: len(documents)] == documents
    assert first(1) != first(2)


def test_files_hold_the_megabytes_asked_for(text, tmp_path):
    documents = cut([text], random.Random(1))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_documents(tmp_path / name, edited(documents, 1), 2.5)
    files = sorted((tmp_path / "one").iterdir())
    assert len(files) == 3
    assert 2.5e6 <= folder_bytes(tmp_path / "one") < 2.6e6
    for file in files:
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert len({line["id"] for line in lines}) == len(lines)


@pytest.mark.slow
def test_stories_come_in_shares_without_their_truth(tmp_path):
    write_many_stories(tmp_path / "stories", 0.4)
    assert {path.name for path in (tmp_path / "stories").iterdir()} == {"0000"}
    assert not list((tmp_path / "stories").rglob(PLANTED))
    assert 0.2e6 < folder_bytes(tmp_path / "stories") < 0.8e6


@pytest.mark.slow
def test_without_a_mirror_stories_stand_in_and_the_name_says_so(tmp_path, monkeypatch):
    monkeypatch.delenv("LLM_MIRROR", raising=False)
    folder, name = text_corpus(tmp_path, 0.4)
    assert name == "0.4 MB of synthetic stories"
    written = folder_bytes(folder)
    assert written
    assert text_corpus(tmp_path, 0.4) == (folder, name)
    assert folder_bytes(folder) == written


def test_documents_for_the_tokenizer_hold_the_texts(text, tmp_path):
    from llm.corpus.documents import read_rows

    (tmp_path / "corpus").mkdir()
    write_documents(tmp_path / "corpus", edited(cut([text], random.Random(1)), 1), 0.1)
    size = write_tokenizable(tmp_path / "documents", tmp_path / "corpus", 0.05)
    assert 0.05e6 <= size < 0.08e6
    assert text_bytes(tmp_path / "documents") == size
    rows = list(read_rows(tmp_path / "documents", made_by="split"))
    assert rows[0]["text"] in text


def test_the_books_are_read_as_text(mirror):
    texts = book_texts(mirror)
    assert len(texts) == 15
    assert not any("\r" in text for text in texts)
    assert sum(map(len, texts)) > 8e6
