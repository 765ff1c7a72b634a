"""Rules for texts of web pages: C4's and FineWeb's.

Sources: C4 is Raffel et al. 2020, "Exploring the Limits of Transfer Learning", section 2.2;
FineWeb is Penedo et al. 2024, "The FineWeb Datasets", section 3.6. C4's rules about single lines
take lines away, see llm.corpus.extraction.page_lines.
"""

from __future__ import annotations

import re

from pydantic import Field

from llm.config import Section
from llm.corpus.filtering.facts import Facts
from llm.corpus.filtering.reasons import Reason

_PLACEHOLDERS = ("lorem ipsum", "Lorem ipsum", "Lorem Ipsum", "LOREM IPSUM")
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*(?=\s|$)")
_LINE_ENDS = tuple(".,;:!?\"'”’)…—-")
_SHORT_LINE_CHARACTERS = 30
_LEAST_LINES = 10  # fewer are no menu
_MENU_SHORT_FRACTION, _MENU_ENDED_FRACTION = 0.67, 0.12


class PageSettings(Section):
    """Limits for texts of web pages; null or false switches a rule off."""

    drop_placeholders: bool = Field(description='drop texts with "lorem ipsum" (C4)')
    drop_curly_brackets: bool = Field(
        description="drop texts with a curly bracket, which is code (C4)"
    )
    minimum_sentences: int | None = Field(
        ge=1, description="least number of sentences (C4: 5); null is off"
    )
    drop_menus: bool = Field(
        description="drop texts of ten lines or more that break both rules below at once, with "
        "FineWeb's limits: menus and tables, but no verse or talk"
    )
    minimum_ended_lines_fraction: float | None = Field(
        ge=0.0,
        le=1.0,
        description="least fraction of lines that end in a punctuation mark (FineWeb: 0.12); "
        "null is off",
    )
    maximum_short_lines_fraction: float | None = Field(
        ge=0.0,
        le=1.0,
        description="greatest fraction of lines under 30 characters (FineWeb: 0.67); null is off",
    )


def code_or_filler(facts: Facts, settings: PageSettings) -> Reason | None:
    """Filler text of designers, or a curly bracket (C4)."""
    if settings.drop_placeholders and any(map(facts.text.__contains__, _PLACEHOLDERS)):
        return "placeholder"
    if settings.drop_curly_brackets and ("{" in facts.text or "}" in facts.text):
        return "curly_brackets"
    return None


def sentences(facts: Facts, settings: PageSettings) -> Reason | None:
    """Too few sentences (C4)."""
    least = settings.minimum_sentences
    if least is None:
        return None
    for count, _ in enumerate(_SENTENCE_END.finditer(facts.text), start=1):
        if count >= least:
            return None
    return "few_sentences"


def line_shape(facts: Facts, settings: PageSettings) -> Reason | None:
    """Lines that are short or end without a mark: not sentences (FineWeb)."""
    lines = facts.lines
    if not lines:
        return None
    short = sum(len(line) < _SHORT_LINE_CHARACTERS for line in lines) / len(lines)
    ended = sum(line.endswith(_LINE_ENDS) for line in lines) / len(lines)
    is_menu = short >= _MENU_SHORT_FRACTION and ended <= _MENU_ENDED_FRACTION
    if settings.drop_menus and len(lines) >= _LEAST_LINES and is_menu:
        return "menu"
    least, most = settings.minimum_ended_lines_fraction, settings.maximum_short_lines_fraction
    if least is not None and ended <= least:
        return "unended_lines"
    return "short_lines" if most is not None and short >= most else None
