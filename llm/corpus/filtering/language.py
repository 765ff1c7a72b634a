"""Which language a text is in, and how surely."""

from __future__ import annotations

from functools import cache
from typing import Any

from llm.corpus.filtering.facts import sample

_SAMPLE_CHARACTERS = 150  # per place


def identify_language(text: str) -> tuple[str, float]:
    """The ISO 639-1 code of a text's language, and its probability among 97 languages.

    Naive Bayes over byte n-grams (langid: Lui & Baldwin 2012; py3langid), on at most 450
    characters from the start, the middle and the end, so that a book costs what a page costs.
    """
    language, probability = load_identifier().classify(sample(text, _SAMPLE_CHARACTERS))
    return str(language), float(probability)


@cache
def load_identifier() -> Any:
    """The model, read once per process: about 0.4 s."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
