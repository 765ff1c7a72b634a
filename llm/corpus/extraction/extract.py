"""From raw text to plain text: markup, mojibake, boilerplate, wrapped lines, privacy; counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from pydantic import Field

from llm.config import Section
from llm.corpus.extraction.gutenberg import is_gutenberg, strip_gutenberg
from llm.corpus.extraction.markup import has_markup, strip_markup
from llm.corpus.extraction.normal_form import plain_characters, plain_spaces, without_surrogates
from llm.corpus.extraction.page_lines import (
    strip_citations,
    strip_long_words,
    strip_page_lines,
    strip_short_lines,
    strip_unended_lines,
)
from llm.corpus.extraction.privacy import PrivacySettings, mask_personal_data
from llm.corpus.extraction.wrapping import join_cut_words, rewrap

# A character decoded wrongly leaves two beyond ASCII side by side, or one and a space.
_PAIR = re.compile("[^\x00-\x7f](?:[^\x00-\x7f]| )")
# What ftfy repairs besides wrong decodings: stray C1 controls and ligatures of Latin letters.
_STRAY = re.compile("[\x1b\x80-\x9f\ufb00-\ufb06\u0132\u0133\u0149\u01c4-\u01cc\u01f1-\u01f3]")


class ExtractSettings(Section):
    """What is taken off and mended before a text is judged. Every text is made Unicode NFC, without
    control characters and with plain spaces, whatever stands here."""

    markup: bool = Field(description="HTML becomes text: whole pages, and fragments in plain text")
    main_content: bool = Field(
        description="of whole HTML pages take the main content alone, without menus and headers"
    )
    mojibake: bool = Field(description="undo wrong decodings, as CafÃ© for Café (ftfy)")
    gutenberg: bool = Field(
        description="cut off what Project Gutenberg puts around a book: header, licence, credits"
    )
    cut_words: bool = Field(description="join words that a hyphen cuts at a line's end")
    wrapped_lines: bool = Field(description="join the lines of hard-wrapped paragraphs")
    page_lines: bool = Field(
        description="drop short lines of policies, menus, scripts and invitations (C4)"
    )
    unended_lines: bool = Field(
        description="drop lines that end in no terminal punctuation mark (C4); verse suffers"
    )
    short_lines: int | None = Field(
        ge=1,
        description="drop lines of fewer words (C4: 5); null is off; headings and verse suffer",
    )
    long_words: int | None = Field(
        ge=1, description="drop lines with a longer word (C4's code: 1,000); null is off"
    )
    citations: bool = Field(
        description="take out the marks [12], [edit] and [citation needed] (C4's code)"
    )


@dataclass
class Extracted:
    """A plain text, and how often each repair was made."""

    text: str
    counts: Counter[str] = field(default_factory=Counter)


def extract(
    text: str, settings: ExtractSettings, privacy: PrivacySettings, *, html: bool = False
) -> Extracted:
    """Turn a raw text into a plain one: Unicode NFC, paragraphs set off by one empty line.

    html: the text is a HTML page whatever it looks like. Counts, per document 0 or 1: `markup`,
    `mojibake`, `gutenberg`, `wrapped_lines`, `citations`, `page_lines`, `unended_lines`,
    `short_lines`, `long_words`; per place: `cut_words`
    and the kinds of llm.corpus.extraction.privacy. Whatever came in, the result is in normal form
    (see llm.corpus.extraction.normal_form) and masked. Extracting it again changes a book no more;
    a page that shows tags as its text, and a fragment whose lines come to share a width, it can.
    """
    counts: Counter[str] = Counter()
    text = without_surrogates(text)
    if settings.markup and (html or has_markup(text)):
        text = strip_markup(text, page=html, main_content=settings.main_content)
        counts["markup"] += 1
    if settings.mojibake:
        repaired = repair_mojibake(text)
        counts["mojibake"] += repaired != text
        text = repaired
    text = plain_characters(text)
    if settings.gutenberg and is_gutenberg(text):
        text = strip_gutenberg(text)
        counts["gutenberg"] += 1
    if settings.cut_words:
        text, counts["cut_words"] = join_cut_words(text)
    if settings.wrapped_lines:
        unwrapped = rewrap(text)
        counts["wrapped_lines"] += unwrapped != text
        text = unwrapped
    if settings.citations:
        content = strip_citations(text)
        counts["citations"] += content != text
        text = content
    text = plain_spaces(text)
    for name, strip in _line_rules(settings):
        content = strip(text)
        counts[name] += content != text
        text = content
    text, masked = mask_personal_data(text, privacy)
    return Extracted(text, counts + masked)


def _line_rules(settings: ExtractSettings) -> Iterator[tuple[str, Callable[[str], str]]]:
    """What is on of the rules of llm.corpus.extraction.page_lines, by the name it is counted by."""
    if settings.page_lines:
        yield "page_lines", strip_page_lines
    if settings.unended_lines:
        yield "unended_lines", strip_unended_lines
    if settings.short_lines is not None:
        yield "short_lines", partial(strip_short_lines, words=settings.short_lines)
    if settings.long_words is not None:
        yield "long_words", partial(strip_long_words, characters=settings.long_words)


def repair_mojibake(text: str) -> str:
    """Undo wrong decodings, as "CafÃ©" for "Café", line by line (ftfy, Speer 2019)."""
    if text.isascii() or not (_PAIR.search(text) or _STRAY.search(text)):
        return text
    import ftfy
    from ftfy.badness import is_bad

    config = ftfy.TextFixerConfig(
        unescape_html=False,
        uncurl_quotes=False,
        fix_character_width=False,
        fix_latin_ligatures=True,
        normalization=None,
        explain=False,
    )
    # It works line by line anyway, and its tests of a line cost less than its repairs.
    return "\n".join(
        ftfy.fix_text(line, config)
        if not line.isascii() and (_STRAY.search(line) or (_PAIR.search(line) and is_bad(line)))
        else line
        for line in text.split("\n")
    )
