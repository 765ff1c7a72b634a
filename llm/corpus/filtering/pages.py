"""Rules for texts of web pages: C4's and FineWeb's.

Sources: C4 is Raffel et al. 2020, "Exploring the Limits of Transfer Learning", section 2.2, and its
published code (tensorflow_datasets, text/c4_utils.py); FineWeb is Penedo et al. 2024, "The FineWeb
Datasets", section 3.6, and its published code (datatrove, FineWebQualityFilter). C4's rules about
single lines take lines away, see llm.corpus.extraction.page_lines. Where datatrove 0.10 decides
otherwise:
- Sentences are counted by their end marks, of many scripts; datatrove's splitter knows
  abbreviations and finds one at least in every line. C4's code needs 3, datatrove's default is 5.
- Filler text and curly brackets count wherever they stand; C4 looks at the lines it keeps.
- At FineWeb's limits a text is dropped, as the paper says; datatrove keeps it there. A line is
  short below 30 characters, as in the paper; datatrove's is at 30 too.
- Lines end in commas, colons, quotes and dashes too, as talk and verse do; datatrove's do not.
- FineWeb's limit for characters in repeated lines, 0.1 in the paper and 0.01 in the code, is held
  by a setting of Gopher's: maximum_duplicate_line_characters_fraction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import Field

from llm.config import Section
from llm.corpus.filtering.facts import Facts
from llm.corpus.filtering.reasons import Finding
from llm.corpus.punctuation import CLOSING, FULL_WIDTH_ENDS, SENTENCE_ENDS

_PLACEHOLDER = "lorem ipsum"
_SENTENCE_END = re.compile(
    rf"[{re.escape(SENTENCE_ENDS)}…][{re.escape(CLOSING)}]*(?=\s|$)|[{re.escape(FULL_WIDTH_ENDS)}]"
)
_LINE_ENDS = tuple(SENTENCE_ENDS + CLOSING + ",;:…—-،؛，、；：")
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
        ge=1, description="least number of sentences (C4: 3; datatrove: 5); null is off"
    )
    drop_menus: bool = Field(
        description="drop texts of ten lines or more that break both rules below at once, with "
        "FineWeb's limits: menus and tables, but no verse or talk"
    )
    minimum_ended_lines_fraction: float | None = Field(
        ge=0.0,
        le=1.0,
        description="least fraction of lines that end in a punctuation mark; a text at it is "
        "dropped (FineWeb: 0.12); null is off",
    )
    maximum_short_lines_fraction: float | None = Field(
        ge=0.0,
        le=1.0,
        description="greatest fraction of lines under 30 characters; a text at it is dropped "
        "(FineWeb: 0.67); null is off",
    )
    maximum_line_ends_per_word: float | None = Field(
        ge=0.0,
        description="greatest number of line ends per word, or the text is a list (FineWeb's code: "
        "0.3); null is off",
    )


def code_or_filler(facts: Facts, settings: PageSettings) -> Iterator[Finding]:
    """Filler text of designers, or a curly bracket (C4)."""
    if settings.drop_placeholders and (found := facts.lowered.count(_PLACEHOLDER)):
        yield Finding("placeholder", found, 0)
    if settings.drop_curly_brackets and (found := sum(map(facts.text.count, "{}"))):
        yield Finding("curly_brackets", found, 0)


def sentences(facts: Facts, settings: PageSettings) -> Iterator[Finding]:
    """Too few sentences (C4)."""
    least = settings.minimum_sentences
    if least is None:
        return
    found = 0
    for _ in _SENTENCE_END.finditer(facts.text):
        found += 1
        if found >= least:
            return
    yield Finding("few_sentences", found, least)


def line_shape(facts: Facts, settings: PageSettings) -> Iterator[Finding]:
    """Lines that are short, end without a mark or are too many: not sentences (FineWeb)."""
    lines = facts.lines
    if not lines:
        return
    short = sum(len(line) < _SHORT_LINE_CHARACTERS for line in lines) / len(lines)
    ended = sum(line.endswith(_LINE_ENDS) for line in lines) / len(lines)
    is_menu = short >= _MENU_SHORT_FRACTION and ended <= _MENU_ENDED_FRACTION
    if settings.drop_menus and len(lines) >= _LEAST_LINES and is_menu:
        yield Finding("menu", short, _MENU_SHORT_FRACTION)
    least, most = settings.minimum_ended_lines_fraction, settings.maximum_short_lines_fraction
    if least is not None and ended <= least:
        yield Finding("unended_lines", ended, least)
    if most is not None and short >= most:
        yield Finding("short_lines", short, most)
    most = settings.maximum_line_ends_per_word
    ends = (len(lines) - 1) / max(1, facts.word_count)
    if most is not None and ends > most:
        yield Finding("list", ends, most)
