"""The families on lists of words: every answer, solved again from the record's text alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import pytest

from llm.corpus.synthetic.families import WORD_FAMILIES, ContentWords, Family
from llm.corpus.synthetic.words import FIRST_NAMES, NOUNS, TOWNS, is_held_out

Solver = Callable[[str, str], str]


def _without(instruction: str, given: str) -> str:
    return ", ".join(word for word in given.split(", ") if word not in re.split(r"\W", instruction))


def _replaced(instruction: str, given: str) -> str:
    order = r"Write (?P<new>\w+) where .* says (?P<old>\w+)|\w+ (?P<o>\w+) (?:with|to) (?P<n>\w+)"
    found = re.match(order, instruction)
    assert found
    return given.replace(found["old"] or found["o"], found["new"] or found["n"])


def _next(instruction: str, given: str) -> str:
    words = given.split()
    return words[len(words) % len(set(words))]


def _odd(instruction: str, given: str) -> str:
    (odd,) = (word for word in given.split() if given.split().count(word) == 1)
    return odd


def _following(instruction: str, given: str) -> str:
    words = given.split(", ")
    (place,) = (place for place, word in enumerate(words) if re.search(rf"\b{word}\b", instruction))
    return words[place + 1]


def _value(instruction: str, given: str) -> str:
    pairs = dict(pair.split(": ") for pair in given.split("; "))
    (key,) = (key for key in pairs if re.search(rf"\b{key}\b", instruction))
    return pairs[key]


def _key(instruction: str, given: str) -> str:
    pairs = {value: key for key, value in (pair.split(": ") for pair in given.split("; "))}
    (value,) = (value for value in pairs if re.search(rf"\b{value}\b", instruction))
    return pairs[value]


SOLVERS: dict[str, Solver] = {
    "repeat": lambda _, given: given,
    "quote": lambda _, given: '"' + given + '"',
    "bracket": lambda _, given: "(" + given + ")",
    "twice": lambda _, given: f"{given} {given}",
    "swap": lambda _, given: " ".join(given.split()[::-1]),
    "reverse": lambda _, given: ", ".join(given.split(", ")[::-1]),
    "first": lambda _, given: re.split(", ", given)[0],
    "second": lambda _, given: re.split(", ", given)[1],
    "last": lambda _, given: re.split(", ", given)[-1],
    "join": lambda _, given: " and ".join(given.rsplit(", ", 1)),
    "bullets": lambda _, given: "- " + given.replace(", ", "\n- "),
    "remove": _without,
    "replace": _replaced,
    "pattern": _next,
    "odd_one": _odd,
    "follows": _following,
    "lookup": _value,
    "reverse_lookup": _key,
    "count": lambda _, given: ("one", "two", "three", "four", "five", "six")[given.count(",")],
    "first_letter": lambda _, given: given[:1],
    "upper_case": lambda _, given: given.upper(),
    "spell": lambda _, given: "-".join(given),
}


@pytest.mark.parametrize("family", WORD_FAMILIES, ids=lambda family: family.name)
def test_answers_are_right(family: Family) -> None:
    for seed in range(60):
        made = family.make(ContentWords(Random(seed), held_out=seed % 2 == 0))
        instruction = family.wordings[seed % len(family.wordings)].format(**made.slots)
        assert SOLVERS[family.name](instruction, made.input) == made.output, (instruction, made)


@pytest.mark.parametrize("held_out", [False, True])
def test_content_words_are_distinct_and_on_one_side(held_out: bool) -> None:
    words = ContentWords(Random(1), held_out=held_out)
    drawn = [*words.things(200), *words.names(10), *(words.place() for _ in range(50))]
    assert len({word.lower() for word in drawn}) == len(drawn)
    common = {*FIRST_NAMES, *TOWNS, *NOUNS}
    invented = [word for word in drawn if word not in common]
    assert all(is_held_out(word) == held_out for word in invented)
    assert len(invented) == len(drawn) if held_out else len(invented) < len(drawn)
