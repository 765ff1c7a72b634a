"""The stage split: two sides without a common text, stable and complete."""

import pytest

from llm.corpus.documents import document_id, read_rows, sorted_documents
from llm.errors import InputError
from llm.files import write_manifest
from llm.stages.split import Config, run


def config(fraction=0.2, characters=None, seed=1) -> Config:
    return Config(validation_fraction=fraction, section_characters=characters, seed=seed)


def story(n: int, paragraphs: int = 1) -> str:
    return "\n\n".join(f"Paragraph {p} of story {n} goes on. " * 3 for p in range(paragraphs))


@pytest.fixture
def split(tmp_path):
    def go(texts, settings, name="out", cluster=document_id):
        folder = tmp_path / "unique"
        if not folder.exists():
            folder.mkdir()
            with sorted_documents(folder) as writer:
                for text in texts:
                    row = dict.fromkeys(("source", "licence", "language", "raw_id"), "x")
                    ids = {"id": document_id(text), "cluster": cluster(text)}
                    writer.add({**row, **ids, "text": text, "language_score": 1.0, "quality": 1.0})
            write_manifest(folder)
        sides = {side: tmp_path / name / side for side in ("train", "validation")}
        metrics = run(settings, documents=folder, **sides)
        rows = {side: list(read_rows(path, made_by="split")) for side, path in sides.items()}
        return metrics, rows["train"], rows["validation"]

    return go


def test_documents_are_all_there_once(split):
    texts = [story(n) for n in range(100)]
    metrics, train, validation = split(texts, config())
    assert sorted(row["text"] for row in train + validation) == sorted(texts)
    assert not {row["cluster"] for row in train} & {row["cluster"] for row in validation}
    assert metrics["validation_documents"] == len(validation)
    assert 8 <= len(validation) <= 35
    assert metrics["documents_cut"] == 0


def test_twice_gives_the_same_and_another_seed_another(split, tmp_path):
    texts = [story(n) for n in range(100)]
    first, second = (split(texts, config(), name)[2] for name in ("one", "two"))
    assert first == second
    assert split(texts, config(seed=2), "three")[2] != first


def test_two_documents_have_one_on_each_side(split):
    _, train, validation = split([story(1), story(2)], config(fraction=0.001))
    assert (len(train), len(validation)) == (1, 1)


def test_documents_of_one_cluster_stay_together(split):
    texts = [story(n) for n in range(100)]
    _, train, validation = split(texts, config(0.5), cluster=lambda text: text[:24])
    sides = ({row["cluster"] for row in side} for side in (train, validation))
    assert not set.intersection(*sides)
    assert len(train) + len(validation) == 100


def test_long_documents_of_one_cluster_are_cut_each_for_itself(split):
    books = [story(n, paragraphs=50 * n) for n in range(1, 5)]
    settings = config(fraction=0.2, characters=300)
    _, train, validation = split(books, settings, cluster=lambda text: "one")
    for book in books:
        (held,) = [row["text"] for row in validation if row["text"] in book]
        assert len(held) / len(book) == pytest.approx(0.2, abs=0.05)
    clusters = [row["cluster"] for row in train + validation]
    assert len(clusters) == len(set(clusters))


def test_books_give_a_run_of_sections_each(split):
    books = [story(n, paragraphs=100) for n in range(4)]
    metrics, train, validation = split(books, config(fraction=0.1, characters=300))
    assert metrics["documents_cut"] == 4
    assert metrics["validation_character_fraction"] == pytest.approx(0.1, abs=0.02)
    held = {row["text"] for row in validation}
    assert len(held) == 4
    for book in books:
        (part,) = [text for text in held if text in book]
        rest = [row["text"] for row in train if row["text"] in book]
        assert all(part not in text and text not in part for text in rest)
        assert len(part) + sum(map(len, rest)) + 2 * len(rest) == len(book.strip("\n"))
    clusters = [row["cluster"] for row in train + validation]
    assert len(clusters) == len(set(clusters))
    assert all(row["id"] == document_id(row["text"]) for row in train + validation)


def test_one_short_book_is_enough(split):
    _, train, validation = split([story(1, paragraphs=20)], config(fraction=0.01, characters=200))
    assert train
    assert validation


def test_one_whole_document_cannot_be_split(split, tmp_path):
    with pytest.raises(InputError, match="section_characters"):
        split([story(1)], config())
    assert not (tmp_path / "out").exists()
