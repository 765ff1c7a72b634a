"""Lines cut at a fixed column flow again: hard-wrapped paragraphs, and words cut by a hyphen."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COLUMNS = re.compile(r"\S {3,}\S")  # a row of a table or of a list of contents
_LEAST_LINES = 3  # fewer have no width in common
_NARROWEST_WRAP, _WIDEST_WRAP = 40, 100  # columns
_FULL_FRACTION = 0.85  # of the width: a line that ends there had room for no further word
# Behind a hyphen at a line's end: the rest of a word, what clings to its end, and white space.
_CUT = re.compile(r"-\n[ \t]*([^\W\d_]{2,40})(?![\w-])(\S{0,9})[ \t]*\n?")
_CUT_START = re.compile(r"(?<![\w-])[^\W\d_]{2,40}\Z")
_HYPHEN = re.compile(r"-([^\W\d_]+)")
_WORD_END = re.compile(r"[^\W\d_]+\Z")


def join_cut_words(text: str) -> tuple[str, int]:
    """Join words that a hyphen cuts at a line's end, as "exam-\\nple". Returns the text and how
    many were joined.

    The line break moves behind the word. Only parts in small letters join, and a real compound
    keeps its hyphen: where the text elsewhere holds "well-known" and no "wellknown".
    """
    folded, compounds = "", set[str]()
    pieces: list[str] = []
    done = joined = 0
    for cut in _CUT.finditer(text):
        start = _CUT_START.search(text[max(done, cut.start() - 41) : cut.start()])
        if not start or not start.group()[1:].islower() or not cut.group(1).islower():
            continue
        if not folded:
            folded = text.casefold()
            compounds.update(_compounds(folded))
        one, two = start.group().casefold(), cut.group(1)
        keeps_hyphen = f"{one}-{two}" in compounds and f"{one}{two}" not in folded
        joined += not keeps_hyphen
        pieces += (text[done : cut.start()], "-" if keeps_hyphen else "", two, cut.group(2), "\n")
        done = cut.end()
    return "".join([*pieces, text[done:]]), joined


def _compounds(text: str) -> Iterator[str]:
    """The pairs of words with a hyphen between them."""
    for match in _HYPHEN.finditer(text):
        before = _WORD_END.search(text[max(0, match.start() - 40) : match.start()])
        if before:
            yield f"{before.group()}-{match.group(1)}"


def rewrap(text: str) -> str:
    """Join the lines of hard-wrapped paragraphs; leave verse, lists and unwrapped texts alone.

    A text is hard-wrapped where its lines have a common width of 40 to 100 columns and most line
    breaks stand where the next word would not have fitted. Only such breaks are joined, and none
    before an indented line or after a row of columns.
    """
    lines = text.split("\n")
    ends = [len(line.rstrip()) for line in lines]
    width = _width(ends)
    if width is None:
        return text
    wraps = _wraps(lines, ends, width)
    return text if wraps is None else _flow(lines, wraps)


def _width(ends: list[int]) -> int | None:
    """The column at which a text may be wrapped, or None where its lines have none in common.

    ends: the length of each line, without white space behind it.
    """
    ends = sorted(filter(None, ends))
    if len(ends) < _LEAST_LINES:
        return None
    width = ends[int(0.9 * (len(ends) - 1))]
    return width if _NARROWEST_WRAP <= width <= _WIDEST_WRAP else None


def _flow(lines: list[str], wraps: list[bool]) -> str:
    pieces = lines[:1]
    for line, wrap in zip(lines[1:], wraps, strict=True):
        if wrap:
            pieces[-1] = pieces[-1].rstrip()
            glue = "" if pieces[-1].endswith(("--", "—")) else " "
            pieces += (glue, line.lstrip())
        else:
            pieces += ("\n", line)
    return "".join(pieces)


def _wraps(lines: list[str], ends: list[int], width: int) -> list[bool] | None:
    """Whether each break stands there only because the next word did not fit; None where that is
    the rarer case."""
    wraps: list[bool] = []
    inner = 0
    full = _FULL_FRACTION * width
    for last, line, last_end, end in zip(lines, lines[1:], ends, ends[1:], strict=False):
        if not (last_end and end):
            wraps.append(False)
            continue
        inner += 1
        wraps.append(
            # Most lines are full with any word behind them: only for others one is cut out.
            (last_end + 2 > full or last_end + 1 + len(line.split(None, 1)[0]) > full)
            and (line[0] != " " or _indent(line) <= _indent(last))
            and not ("   " in last and _COLUMNS.search(last.strip()))
        )
    return wraps if inner and sum(wraps) >= 0.5 * inner else None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
