"""The families on sentences: every answer, solved again from the record's text alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

import pytest

from llm.corpus.synthetic.families import ContentWords, Family
from llm.corpus.synthetic.sentence_families import SENTENCE_FAMILIES
from llm.corpus.synthetic.words import OPPOSITES

Solver = Callable[[str, str], str]


def rewrite(pattern: str, replacement: str) -> Solver:
    """A solver by one regular expression over the whole input."""

    def solve(_: str, given: str) -> str:
        found = re.fullmatch(pattern, given)
        assert found, given
        return found.expand(replacement)

    return solve


def _first_lower(text: str) -> str:
    return text[0].lower() + text[1:] if text.startswith("The ") else text


def _question(_: str, given: str) -> str:
    subject, quality = given.rstrip(".").split(" is ")
    return f"Is {_first_lower(subject)} {quality}?"


def _opposite(_: str, given: str) -> str:
    words = given.rstrip(".").split()
    for pair in OPPOSITES:
        if words[-1] in pair:
            return " ".join([*words[:-1], pair[1 - pair.index(words[-1])]]) + "."
    raise AssertionError(given)


def _yes_no(instruction: str, given: str) -> str:
    asked = re.findall(r"\w+", instruction)[-1]
    answer = "Yes" if asked in given.rstrip(".").split() else "No"
    return f"{answer}, {_first_lower(given)}"


def _colour(_: str, given: str) -> str:
    found = re.fullmatch(r"\w+ has an? (\w+) \w+\.|The \w+ is (\w+)\.", given)
    assert found
    return found[1] or found[2]


def _job(instruction: str, given: str) -> str:
    people = dict(re.findall(r"(\w+) is an? (\w+)\.", given))
    (person,) = (person for person in people if re.search(rf"\b{person}\b", instruction))
    return people[person]


def _compare(instruction: str, given: str) -> str:
    first, quality, second = re.findall(r"(\w+) is (\w+) than (\w+)\.", given)[0]
    return first if quality in instruction else second


def _age(_: str, given: str) -> str:
    return max(re.findall(r"(\w+) is (\d+)", given), key=lambda pair: int(pair[1]))[0]


def _order(instruction: str, given: str) -> str:
    people = re.findall(r"First came (\w+), then (\w+), and at last (\w+)\.", given)[0]
    (place,) = (p for p, word in enumerate(("first", "second", "last")) if word in instruction)
    return people[place]


def _past(_: str, given: str) -> str:
    verbs = {"walks": "walked", "returns": "returned", "travels": "travelled"}
    verbs |= {"hurries": "hurried", "looks": "looked", "climbs": "climbed", "sails": "sailed"}
    return " ".join(verbs.get(word, word) for word in given.split(" "))


def _future(_: str, given: str) -> str:
    person, verb, rest = given.split(" ", 2)
    base = {"hurries": "hurry"}.get(verb, verb[:-1])
    return f"{person} will {base} {rest}"


def _plural(_: str, given: str) -> str:
    noun = given.removeprefix("one ")
    return f"two {noun}es" if noun[-1] in "xsz" or noun[-2:] == "sh" else f"two {noun}s"


FINDING = r"(?:In (?P<a>\w+), )?(?:One day )?(\w+) \w+ the (\w+)(?: (?:in|near) (?P<b>\w+))?\."


def _place(_: str, given: str) -> str:
    found = re.fullmatch(FINDING, given)
    assert found
    return found["a"] or found["b"]


GIVING = r"(\w+) \w+ the (\w+) to (\w+)\."
SOLVERS: dict[str, Solver] = {
    "giver": rewrite(GIVING, r"\1"),
    "gift": rewrite(GIVING, r"\2"),
    "receiver": rewrite(GIVING, r"\3"),
    "person": rewrite(FINDING, r"\2"),
    "thing": rewrite(FINDING, r"\3"),
    "place": _place,
    "form": rewrite(r"(\w+) (?:lives in|comes from) (\w+)\.", r"Name: \1, Place: \2"),
    "kind": rewrite(r"A \w+ is (a kind of \w+)\.", r"\1"),
    "syllogism": rewrite(r"Every (\w+) is a (\w+)\. (\w+) is a \1\.", r"\3 is a \2."),
    "very": rewrite(r"(.+) is (\w+)\.", r"\1 is very \2."),
    "negate": rewrite(r"(.+) is (\w+)\.", r"\1 is not \2."),
    "question": _question,
    "opposite": _opposite,
    "yes_no": _yes_no,
    "colour": _colour,
    "job": _job,
    "past": _past,
    "future": _future,
    "plural": _plural,
    "compare": _compare,
    "age": _age,
    "order": _order,
    "reason": rewrite(r"\w+ was \w+ (because the \w+ .+)\.", r"\1"),
    "greet": lambda _, given: f"Hello, {given}!",
    "farewell": lambda _, given: f"Goodbye, {given}!",
    "introduce": rewrite(r"(\w+), (\w+)", r"My name is \1 and I come from \2."),
    "letter": rewrite(
        r"to: (\w+), gift: (\w+), from: (\w+)", r"Dear \1, thank you for the \2. Yours, \3"
    ),
    "polite": lambda _, given: "Please " + given[0].lower() + given[1:],
    "possessive": rewrite(r"the (\w+) of (\w+)", r"\2's \1"),
    "passive": rewrite(r"(\w+) (\w+) the (\w+)\.", r"The \3 was \2 by \1."),
    "combine": rewrite(r"(\w+) (\w+)s\. (\w+) \2s\.", r"\1 and \3 \2."),
}


@pytest.mark.parametrize("family", SENTENCE_FAMILIES, ids=lambda family: family.name)
def test_answers_are_right(family: Family) -> None:
    for seed in range(60):
        made = family.make(ContentWords(Random(seed), held_out=seed % 2 == 0))
        instruction = family.wordings[seed % len(family.wordings)].format(**made.slots)
        assert SOLVERS[family.name](instruction, made.input) == made.output, (instruction, made)
