"""The language of a text, long or short."""

from llm.corpus.filtering.language import identify_language


def test_the_language_of_a_long_text_is_told_from_samples():
    middle = "Der alte Mann ging zum Hafen und sah den Booten zu. " * 2000
    assert identify_language(middle)[0] == "de"


def test_the_score_is_a_probability():
    assert identify_language("The old man walked to the harbour and watched the boats.")[1] > 0.9
    assert 0.0 <= identify_language("x")[1] <= 1.0
