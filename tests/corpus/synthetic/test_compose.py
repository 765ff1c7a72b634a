"""Clean documents: length, variety, well-formed sentences, names that come back, true answers."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from llm.corpus.synthetic import compose as module
from llm.corpus.synthetic.compose import Document, compose
from llm.corpus.synthetic.lessons import LESSONS
from llm.corpus.synthetic.papers import PAPERS
from llm.corpus.synthetic.words import is_held_out, pseudo_word

COUNT = 800


@pytest.fixture(scope="module")
def documents() -> list[Document]:
    return [compose(5, index) for index in range(COUNT)]


def test_depends_on_seed_and_index_alone(documents: list[Document]) -> None:
    assert compose(5, COUNT - 1) == documents[-1]
    assert compose(6, COUNT - 1) != documents[-1]


def test_length_and_variety(documents: list[Document]) -> None:
    lengths = [len(document.text) for document in documents]
    assert min(lengths) >= module.MINIMUM_CHARACTERS
    assert max(lengths) <= module.MAXIMUM_CHARACTERS
    forms = Counter(document.form for document in documents)
    every = (*module.PLOTS, *LESSONS, *PAPERS)
    assert set(forms) == {form.__name__ for form in every}
    assert len(module.PLOTS) >= 12
    assert len({document.text for document in documents}) == COUNT


def test_no_invented_word_is_held_out(documents: list[Document]) -> None:
    assert not [word for made in documents for word in made.invented if is_held_out(word)]


def test_no_held_out_word_stands_in_any_text(documents: list[Document]) -> None:
    seen = {word for made in documents for word in re.findall(r"[a-z]+", made.text.lower())}
    rng = Random(3)
    assert not seen & {pseudo_word(rng, held_out=True) for _ in range(20_000)}


def test_names_come_back_within_a_document(documents: list[Document]) -> None:
    """Copying pays: most invented words that stand in a text stand there again."""
    once = again = 0
    for made in documents:
        counts = Counter(re.findall(r"[a-z]+", made.text.lower()))
        used = [counts[word.lower()] for word in set(made.invented) if counts[word.lower()]]
        once += sum(count == 1 for count in used)
        again += sum(count - 1 for count in used)
    assert again > 3 * once


@pytest.mark.parametrize(
    "fault",
    [
        r"[{}\[\]|]",  # a template's own marks
        r"  ",
        r"\.\.",
        r" [.,;:?!](?!\w)",
        r"\b[Aa] [aeio]\w+",
        r"\b[Aa]n [^aeiouh\W]\w+",
        r'(?<!\d)[.] "?[a-z]',
        r"[ \t]\n",
    ],
)
def test_text_is_well_formed(documents: list[Document], fault: str) -> None:
    assert not [found for made in documents for found in re.findall(fault, made.text)]


def test_quotation_marks_pair_up(documents: list[Document]) -> None:
    for made in documents:
        for paragraph in made.text.split("\n\n"):
            assert paragraph.count('"') % 2 == 0, paragraph


def test_answers_are_true_to_the_story(documents: list[Document]) -> None:
    """Where a game asks who has a thing, the answer is the last one who got it."""
    asked = 0
    for made in documents:
        for question in re.finditer(r"[Ww]ho had the (\w+)\? (\w+) had", made.text):
            thing, answer = question.groups()
            getting = (
                rf"the {thing} to (\w+)|gave (\w+) the {thing}|(\w+) took the {thing} from|"
                rf"(\w+) (?:had|held) the {thing}\b"
            )
            before = made.text[: question.start()]
            *_, last = (found[found.lastindex or 0] for found in re.finditer(getting, before))
            assert last == answer
            asked += 1
    assert asked > 20
