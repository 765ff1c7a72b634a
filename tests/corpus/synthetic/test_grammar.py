"""Templates: choices, slots, forms, capitals; the teller's limit on length."""

from __future__ import annotations

from random import Random

import pytest

from llm.corpus.synthetic.cast import Thing
from llm.corpus.synthetic.grammar import Teller, fill, phrase


def test_slots_take_attributes_articles_and_plurals() -> None:
    names = {"thing": Thing("knife", "old")}
    assert fill("{a thing.full}, two {s thing}, {C thing}.", Random(0), names) == (
        "An old knife, two knives, Knife."
    )


def test_choices_nest_and_are_all_reached() -> None:
    drawn = {phrase("[a|[b|c]|]!", Random(seed), {}) for seed in range(60)}
    assert drawn == {"a!", "b!", "c!", "!"}


def test_sentences_start_with_capitals_but_speech_tags_do_not() -> None:
    text = fill('one. two? "three?" asked she. he said: "four." "five."', Random(0), {})
    assert text == 'One. Two? "Three?" asked she. He said: "Four." "Five."'


def test_values_are_never_read_as_templates() -> None:
    assert fill("{x}", Random(0), {"x": "A [b|c] {d}"}) == "A [b|c] {d}"


def test_unbalanced_template_is_refused() -> None:
    with pytest.raises(ValueError, match="unbalanced"):
        fill("[a|b", Random(0), {})


def test_asides_give_way_when_the_text_is_too_long() -> None:
    teller = Teller(Random(0))
    teller.new("the story begins.")
    teller.aside("an aside of no weight.")
    teller.new("the story ends.")
    assert "aside" in teller.text(maximum_characters=100)
    assert teller.text(maximum_characters=40) == "The story begins.\n\nThe story ends."
