"""Contamination: what counts as an overlap, what as a common phrase, and what a cut leaves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus import overlap
from llm.corpus.contamination import (
    MAXIMUM_PIECES,
    EvaluationSet,
    Index,
    pieces,
    scan,
)
from llm.corpus.contamination_table import summary

QUESTION = "Which of the seven old ships sailed north before the first winter storm came"
SHORT = "the capital of the far island is blue"


def index(*texts: str, n: int = 13, minimum: int = 8) -> Index:
    examples = {f"e{number}": [text] for number, text in enumerate(texts)}
    return Index([EvaluationSet("quiz", examples)], ngram_words=n, minimum_words=minimum)


def found(sought: Index, *documents: str, maximum: int | None = 10):
    named = [(f"d{number}", text) for number, text in enumerate(documents)]
    return scan(sought, named, maximum_documents=maximum)


def row(sought: Index, *documents: str, maximum: int | None = 10):
    result = found(sought, *documents, maximum=maximum)
    (only,) = summary(sought, result, maximum_documents=maximum)
    return only


@pytest.mark.parametrize(
    ("text", "document", "overlaps"),
    [
        (QUESTION, f"He read: {QUESTION.upper()}? And then slept.", True),
        (QUESTION, " ".join(QUESTION.split()[:13]), True),
        (QUESTION, " ".join(QUESTION.split()[1:]), True),
        (QUESTION, " ".join(QUESTION.split()[:12]), False),
        (QUESTION, QUESTION.replace("north", "south"), False),
        (SHORT, f"So {SHORT}, he said.", True),
        (SHORT, SHORT.replace("blue", "red"), False),
        (SHORT + " indeed", SHORT, False),
        ("yes", "yes yes yes yes yes yes yes yes yes", False),
        ("", "anything", False),
        # Marks that cleaning takes off every document, and would hide the text from it.
        (QUESTION.replace("seven", "se\u00adven"), QUESTION, True),
        (QUESTION.replace("ships", "sh\u200bips"), QUESTION, True),
        ("\ufeff" + QUESTION.replace("first", "\ufb01rst"), QUESTION, True),
        (QUESTION.replace(" ", "\u00a0"), QUESTION, True),
        ("".join(chr(ord(c) + 0xFEE0) if c != " " else c for c in QUESTION), QUESTION, True),
        (
            "哪七艘老船在第一场冬季风暴来临之前向北航行",
            "他问：哪七艘老船在第一场冬季风暴来临之前向北航行？",
            True,
        ),
        ("哪七艘老船在第一场冬季", "他说：那七艘新船在第一场冬季", False),
    ],
)
def test_what_overlaps(text, document, overlaps):
    assert row(index(text), document)["overlapping"] == overlaps


def test_a_run_across_two_documents_or_two_texts_is_none():
    words = QUESTION.split()
    sought = index(QUESTION)
    assert row(sought, " ".join(words[:7]), " ".join(words[7:]))["overlapping"] == 0
    halves = {"e": [" ".join(words[:7]), " ".join(words[7:])]}
    apart = Index([EvaluationSet("quiz", halves)], ngram_words=13, minimum_words=8)
    assert row(apart, QUESTION)["searched"] == 0


def test_a_phrase_of_many_documents_is_common_and_stays():
    sought = index(QUESTION, SHORT)
    documents = [f"{SHORT} {n}" for n in range(4)] + [QUESTION]
    few = found(sought, *documents, maximum=3)
    assert few.contaminated(3) == {4}
    assert int(few.common(3).sum()) == 1
    (only,) = summary(sought, few, maximum_documents=3)
    assert (only["overlapping"], only["only_common"], only["documents"]) == (2, 1, 5)
    for limit in (4, None):
        assert found(sought, *documents, maximum=limit).contaminated(limit) == {0, 1, 2, 3, 4}


def test_a_document_counts_once_however_often_it_holds_a_phrase(monkeypatch):
    monkeypatch.setattr(overlap, "_BATCH_CHARACTERS", 40)
    overlap._powers.cache_clear()
    sought = index(SHORT)
    result = found(sought, f"{SHORT}. {SHORT}. {SHORT}.", "x", SHORT)
    overlap._powers.cache_clear()
    assert result.counts.tolist() == [2]
    assert result.touched == [2]
    assert result.pairs == [(0, 0), (0, 2)]
    assert result.first == {0: "d0"}


def test_a_long_document_counts_once_and_is_cut_in_every_part(monkeypatch):
    monkeypatch.setattr(overlap, "_BATCH_CHARACTERS", 100)
    overlap._powers.cache_clear()
    sought = index(SHORT, QUESTION)
    text = f"{filler('a', 40)} {SHORT} {filler('b', 40)} {QUESTION} {filler('c', 40)}"
    result = found(sought, text)
    spared = np.zeros(sought.size, dtype=bool)
    left = pieces(text, sought, spared, margin_characters=0)
    overlap._powers.cache_clear()
    assert result.touched == [1]
    assert left == [filler("a", 40), filler("b", 40), filler("c", 40)]


words = st.lists(st.sampled_from("abc"), max_size=12).map(" ".join)


@settings(deadline=None)
@given(st.lists(words, max_size=5), st.lists(words, max_size=5), st.integers(2, 5))
def test_it_agrees_with_the_plain_way(texts, documents, n):
    def holds(document: list[str], run: list[str]) -> bool:
        return any(document[at : at + len(run)] == run for at in range(len(document)))

    def overlaps(text: list[str]) -> bool:
        runs = [text[at : at + n] for at in range(len(text) - n + 1)]
        if 2 <= len(text) < n:
            runs = [text]
        return any(holds(document.split(), run) for run in runs for document in documents)

    only = row(index(*texts, n=n, minimum=2), *documents)
    assert only["overlapping"] == sum(overlaps(text.split()) for text in texts)


def filler(name: str, count: int) -> str:
    return " ".join(f"{name}{number}" for number in range(count))


def test_a_passage_is_cut_with_its_margins_at_white_space():
    sought = index(SHORT)
    before, after = filler("before", 50), filler("after", 50)
    spared = np.zeros(sought.size, dtype=bool)
    left = pieces(f"{before} {SHORT}! {after}", sought, spared, margin_characters=20)
    assert len(left) == 2
    assert before.startswith(left[0])
    assert after.endswith(left[1])
    assert set(" ".join(left).split()) <= {*before.split(), *after.split()}
    assert 20 < len(before) - len(left[0]) < 20 + 2 * len("before99")
    assert not any("!" in piece for piece in left)


def test_short_pieces_go_and_common_phrases_stay():
    sought = index(SHORT)
    spared = np.zeros(sought.size, dtype=bool)
    text = f"{filler('a', 5)} {SHORT} {filler('b', 100)}"
    (left,) = pieces(text, sought, spared, margin_characters=50)
    assert left.endswith("b99")
    assert pieces(SHORT, sought, spared, margin_characters=0) == []
    assert pieces(text, sought, ~spared, margin_characters=50) == [text]


def test_a_document_in_too_many_pieces_goes_whole():
    sought = index(SHORT)
    spared = np.zeros(sought.size, dtype=bool)

    def left(passages: int) -> list[str]:
        text = f" {SHORT} ".join(filler(f"p{n}x", 40) for n in range(passages + 1))
        return pieces(text, sought, spared, margin_characters=10)

    assert len(left(MAXIMUM_PIECES - 1)) == MAXIMUM_PIECES
    assert left(MAXIMUM_PIECES) == []


@settings(deadline=None)
@given(st.lists(st.sampled_from([SHORT, "some other words\n\n", "x" * 30]), max_size=8))
def test_what_is_left_is_clean_and_part_of_the_text(parts):
    text = " ".join(parts)
    sought = index(SHORT)
    spared = np.zeros(sought.size, dtype=bool)
    left = pieces(text, sought, spared, margin_characters=5)
    assert all(piece in text for piece in left)
    assert row(sought, *left)["overlapping"] == 0
