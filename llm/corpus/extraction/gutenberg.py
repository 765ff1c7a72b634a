"""What Project Gutenberg puts around a book: headers, small print, credits, notes. All cut off."""

from __future__ import annotations

import re

# "*** START OF THIS PROJECT GUTENBERG EBOOK KATRINE ***", also "***START OF THE PROJECT ...***",
# "EBOOK, TITLE", ETEXT, and titles that run over the line's end.
_START = re.compile(
    r"^[ \t]*\*{2,}[ \t]*START OF (?:THE|THIS) PROJECT GUTENBERG E-?(?:BOOK|TEXT)"
    r"[^*]{0,500}(?:\*{2,}|$)",
    re.IGNORECASE | re.MULTILINE,
)
# "*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*", also "*END THE SMALL PRINT".
_SMALL_PRINT_END = re.compile(
    r"^[ \t]*\**END[ \t*]*THE SMALL PRINT.*$", re.IGNORECASE | re.MULTILINE
)
_END = re.compile(
    r"^[ \t]*(?:\*{2,}[ \t]*END OF (?:THE|THIS) PROJECT GUTENBERG"
    r"|\**[ \t]*End of (?:the |this )?Project Gutenberg)",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_PHRASES = (
    "book is for the use of anyone anywhere",
    "text is for the use of anyone anywhere",
    "**welcome to the world of free plain vanilla electronic texts",
)
# One of these stands in every text with a marker: looked for first, as that is quick.
_CUES = ("project gutenberg", "small print")
# Lines of people who made the file, as a paragraph's beginning, near the book's start or end.
_CREDIT = re.compile(
    r"^[\s_*=(\[]*(?:"
    r"(?:this )?(?:e-?(?:text|book)|html version|text file)s? (?:was |were )?"
    r"(?:produced|prepared|scanned|transcribed|created)"
    r"|(?:produced|prepared|scanned|transcribed|entered|proofread|proofed|digitized|typed|updated)"
    r"(?: and \w+)*(?: from\b[^\n]*)? ?(?:by|from)\b"
    r"|additional (?:editing|proofing|proofreading|corrections)\b"
    r"|(?:credits|special thanks)\b ?(?::|to\b)"
    r"|the internet wiretap\b|throughout this text you will see\b"
    r"|transcriber[’'`]?s?[’'`]? ?notes?\b"
    r")",
    re.IGNORECASE,
)
_NOTES_HEADING = re.compile(
    r"^[\s_*=(\[+|-]*transcriber[’'`]?s?[’'`]? ?(?:end)?notes?\b", re.IGNORECASE
)
# Sentences that only the project's own texts hold. The printer of Mainz is left in peace.
_BOILERPLATE = re.compile(
    r"project gutenberg|gutenberg(?:-tm|™)|gutenberg literary archive|pglaf\.org"
    r"|gutenberg\.(?:org|net)|pgdp\.net|distributed proofread",
    re.IGNORECASE,
)
_BOILERPLATE_CUES = ("gutenberg", "pglaf.org", "pgdp.net", "distributed proofread")
_BREAK = re.compile(r"\n(?:[ \t]*\n)+")  # empty lines; the next line keeps its indentation
_EDGE_PARAGRAPHS = 12  # credits stand among the first or last of these
_NOTES_FROM_FRACTION = 0.9  # notes after this part of the book run to its end


def is_gutenberg(text: str) -> bool:
    """Whether a text carries the project's markers or licence."""
    folded = text.lower()
    if any(phrase in folded for phrase in _HEADER_PHRASES):
        return True
    return any(cue in folded for cue in _CUES) and any(
        marker.search(text) for marker in (_START, _SMALL_PRINT_END, _END)
    )


def strip_gutenberg(text: str) -> str:
    """Return the book alone: no header, licence, credits, or transcriber's notes.

    text: lines ended by "\\n". Handles the START and END lines of editions since 2001 and the
    small print of earlier ones, at the file's beginning or end. A text without any marker is
    returned as it is, but for paragraphs that name the project.
    """
    start, end = _body(text)
    paragraphs = _BREAK.split(text[start:end].strip("\n"))
    kept = _without_credits(_without_notes(paragraphs))
    return "\n\n".join(p for p in kept if not _is_boilerplate(p)).strip("\n")


def _is_boilerplate(paragraph: str) -> bool:
    folded = paragraph.lower()
    return any(cue in folded for cue in _BOILERPLATE_CUES) and bool(_BOILERPLATE.search(paragraph))


def _body(text: str) -> tuple[int, int]:
    """Where the book begins and ends, in characters."""
    starts = [match.end() for match in _START.finditer(text)]
    prints = [match.end() for match in _SMALL_PRINT_END.finditer(text)]
    first = min(starts + prints, default=0)
    end = next((m.start() for m in _END.finditer(text) if m.start() >= first), len(text))
    before_end = [place for place in starts + prints if place <= end]
    return max(before_end, default=0), end


def _without_credits(paragraphs: list[str]) -> list[str]:
    last = len(paragraphs) - _EDGE_PARAGRAPHS
    return [
        paragraph
        for number, paragraph in enumerate(paragraphs)
        if _EDGE_PARAGRAPHS <= number < last or not _CREDIT.match(paragraph)
    ]


def _without_notes(paragraphs: list[str]) -> list[str]:
    """Cut the transcriber's notes at the end, from their heading on."""
    total = sum(map(len, paragraphs))
    seen = 0
    for number, paragraph in enumerate(paragraphs):
        if seen >= _NOTES_FROM_FRACTION * total and _NOTES_HEADING.match(paragraph):
            return paragraphs[:number]
        seen += len(paragraph)
    return paragraphs
