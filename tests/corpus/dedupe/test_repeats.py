"""Pieces said before: the first stays, whatever the memory; what is left is whole documents."""

import random

import pytest

from llm.corpus.dedupe.index import Scratch
from llm.corpus.dedupe.repeats import Repeats, drop_repeats
from llm.corpus.documents import document_id, read_rows, sorted_documents

NOTICE = "All the stories of this site may be told to everyone who asks"
PARAGRAPHS = Repeats("\n\n", minimum_words=5, minimum_document_words=4)
LINES = Repeats("\n", minimum_words=5, minimum_document_words=4)


def own(n: int, words: int = 12) -> str:
    rng = random.Random(n)
    return " ".join(f"word{rng.randrange(10**6)}" for _ in range(words))


def run(home, texts, settings, *, memory=2**30):
    """The rows that come out, by the text that went in, and the outcome."""
    home.mkdir()
    (home / "in").mkdir()
    (home / "out").mkdir()
    with sorted_documents(home / "in") as writer:
        for number, text in enumerate(texts):
            writer.add(
                {
                    "id": document_id(text),
                    "text": text,
                    "source": "s",
                    "licence": "l",
                    "language": "en",
                    "language_score": 1.0,
                    "quality": 0.5,
                    "cluster": document_id(text),
                    "raw_id": str(number),
                }
            )
    outcome = drop_repeats(
        home / "in", home / "out", settings, scratch=Scratch(home), memory_bytes=memory
    )
    rows = list(read_rows(home / "out", made_by="dedupe"))
    assert [row["id"] for row in rows] == sorted(document_id(row["text"]) for row in rows)
    assert not list((home / "out").glob(".*"))
    return {texts[int(row["raw_id"])]: row for row in rows}, outcome


def in_order(texts):
    return sorted(texts, key=document_id)


def test_the_first_keeps_a_paragraph_and_later_ones_lose_it(tmp_path):
    texts = in_order(f"{own(n)}\n\n{NOTICE}\n\n{own(n + 50)}" for n in range(5))
    rows, outcome = run(tmp_path / "a", texts, PARAGRAPHS)
    assert rows[texts[0]]["text"] == texts[0]
    for text in texts[1:]:
        assert rows[text]["text"] == text.replace(f"{NOTICE}\n\n", "")
        assert rows[text]["cluster"] == document_id(text)
    assert outcome.dropped == []
    assert outcome.counts == {
        "pieces": 15,
        "repeated": 4,
        "documents_changed": 4,
        "documents_too_short": 0,
        "documents_become_equal": 0,
    }


def test_signs_case_and_accents_do_not_matter(tmp_path):
    texts = in_order([f"{NOTICE}\n\n{own(1)}", f"{NOTICE.upper()}!\n\n{own(2)}"])
    rows, _ = run(tmp_path / "a", texts, PARAGRAPHS)
    assert rows[texts[1]]["text"] == texts[1].split("\n\n")[1]


def test_a_document_repeats_itself(tmp_path):
    text = f"{NOTICE}\n\n{own(1)}\n\n{NOTICE}"
    rows, _ = run(tmp_path / "a", [text], PARAGRAPHS)
    assert rows[text]["text"] == f"{NOTICE}\n\n{own(1)}"


def test_short_pieces_may_repeat(tmp_path):
    texts = [f"Chapter the first\n\n{own(n)}" for n in range(3)]
    rows, outcome = run(tmp_path / "a", texts, PARAGRAPHS)
    assert {row["text"] for row in rows.values()} == set(texts)
    assert outcome.counts["repeated"] == 0


def test_what_becomes_too_short_is_dropped_and_named(tmp_path):
    texts = in_order([f"{NOTICE}\n\nThe end", f"{NOTICE}\n\nThat was the end", f"{NOTICE}!"])
    rows, outcome = run(tmp_path / "a", texts, PARAGRAPHS)
    left = {text: text.replace(NOTICE, "").strip("\n!") for text in texts[1:]}
    gone = [text for text, rest in left.items() if len(rest.split()) < 4]
    assert set(rows) == set(texts) - set(gone)
    assert outcome.dropped == [document_id(text) for text in gone]
    assert outcome.counts["documents_too_short"] == len(gone) > 0


def test_what_a_dropped_document_held_first_stays_in_the_next(tmp_path):
    """A page of teasers goes, being too short; the articles keep what it quoted."""
    for n in range(100):  # until the page comes after the notice, and before the article
        other = f"{NOTICE}\n\n{own(n + 100)}\n\n{own(n + 200)}"
        page, article = f"{NOTICE}\n\n{own(n)}", f"{own(n)}\n\n{own(n + 300)}\n\n{own(n + 400)}"
        if document_id(other) < document_id(page) < document_id(article):
            break
    settings = Repeats("\n\n", minimum_words=5, minimum_document_words=13)
    for memory in (2**30, 2_000):
        rows, outcome = run(tmp_path / str(memory), [page, other, article], settings, memory=memory)
        assert {text: row["text"] for text, row in rows.items()} == {other: other, article: article}
        assert outcome.dropped == [document_id(page)]
        assert outcome.counts["documents_too_short"] == outcome.counts["repeated"] == 1


def test_words_of_texts_without_spaces_are_counted(tmp_path):
    notice, own_part = "本站所有故事均可转述", "很久以前山里住着一只老熊"
    texts = in_order([f"{notice}\n\n{own_part}{sign}一二三四五" for sign in "甲乙"])
    rows, _ = run(tmp_path / "a", texts, PARAGRAPHS)
    assert rows[texts[1]]["text"] == texts[1].split("\n\n")[1]


def test_a_short_document_that_lost_nothing_stays(tmp_path):
    rows, _ = run(tmp_path / "a", ["So short", f"{NOTICE}"], PARAGRAPHS)
    assert set(rows) == {"So short", NOTICE}


def test_what_becomes_equal_stays_once(tmp_path):
    signs = ("", "!", "?", "...")
    texts = in_order(f"{NOTICE}{sign}\n\nThat was all for today" for sign in signs)
    lenient = Repeats("\n\n", minimum_words=7, minimum_document_words=1)
    rows, outcome = run(tmp_path / "a", texts, lenient)
    assert sorted(row["text"] for row in rows.values()) == sorted(
        [texts[0], "That was all for today"]
    )
    assert outcome.counts["documents_become_equal"] == len(outcome.dropped) == 2
    assert set(outcome.dropped) == {document_id(text) for text in set(texts) - set(rows)}


def test_lines_go_and_leave_no_hole(tmp_path):
    texts = in_order(f"{own(n)}\n\n{NOTICE}\n\n{own(n + 50)}\n{own(n + 90)}" for n in range(2))
    rows, _ = run(tmp_path / "a", texts, LINES)
    assert rows[texts[0]]["text"] == texts[0]
    assert rows[texts[1]]["text"] == texts[1].replace(f"{NOTICE}\n\n", "")


@pytest.mark.parametrize("memory", [10_000, 2_000])
def test_memory_does_not_matter(tmp_path, memory):
    rng = random.Random(1)
    texts = [
        "\n\n".join([own(n), *(own(1000 + rng.randrange(40)) for _ in range(6))])
        for n in range(120)
    ]
    expected, counts = run(tmp_path / "a", texts, PARAGRAPHS)
    assert counts.counts["repeated"] == 120 * 6 - 40
    assert run(tmp_path / "b", texts, PARAGRAPHS, memory=memory) == (expected, counts)


def test_nothing(tmp_path):
    rows, outcome = run(tmp_path / "a", [], PARAGRAPHS)
    assert rows == {}
    assert outcome.counts["pieces"] == 0
