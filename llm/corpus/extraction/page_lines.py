"""Lines in which a web page speaks of itself go: policies, menus, invitations, scripts.

Source: C4 (Raffel et al. 2020, section 2.2, and its published code in tensorflow_datasets,
text/c4_utils.py) drops lines that hold "javascript" or phrases of policies, lines that end in no
terminal punctuation mark or in an ellipsis, lines of fewer than 5 words and lines with a word over
1,000 characters, and takes marks of citations away. Here only short lines with such a phrase go,
never prose that mentions one; the marks are those of many scripts; and a word is what white space
sets apart.
"""

from __future__ import annotations

import re

from llm.corpus.punctuation import CLOSING_QUOTES, ELLIPSES, SENTENCE_ENDS

_PAGE_LINE = re.compile(
    r"\b(?:terms of (?:use|service)|privacy policy|cookie policy|(?:uses?|use of|accept) cookies"
    r"|javascript|all rights reserved|sign up (?:for free|for our|to (?:read|comment))"
    r"|subscribe to (?:our|the) newsletter|follow us on|already have an account"
    r"|share (?:this|on) (?:article|story|page|post|facebook|twitter)"
    r"|click here to|skip to (?:main )?content|back to top)\b"
    r"|^(?:read more|log ?in|sign (?:in|up)|menu|advertisement|share|tweet|comments?)\s*\W?$"
    r"|^(?:related|recommended|popular|recent) (?:articles|stories|posts|pages|content)\b",
    re.IGNORECASE,
)
# Nothing in it can match in two ways: an optional space here once took 2**n steps for n entries.
_MENU_LINE = re.compile(r"^(?:[\w ]{2,21}[|»›]){2,}[\w ]{2,21}$")
# One of these stands in every line that the patterns above can match: looked for first, as that
# is quick.
_CUES = (
    *("terms of ", "privacy policy", " cookie", "cookie policy", "javascript", "rights reserved"),
    *("sign up ", "newsletter", "follow us on", "already have an account", "share this "),
    *("share on ", "click here to", "skip to ", "back to top", "|", "»", "›"),
)
_FIRST_CUES = re.compile(
    r"\n(?=read more|log|sign |menu|advertisement|share|tweet|comment|related |recommended "
    r"|popular |recent )"
)
_LONGEST_LINE = 200  # characters
_TERMINAL = tuple(SENTENCE_ENDS + CLOSING_QUOTES)
_CITATION = re.compile(r" ?\[(?:\d{1,4}|edit|citation needed)\]")
_EMPTY_LINES = re.compile(r"\n{3,}")


def strip_page_lines(text: str) -> str:
    """Drop the lines of at most 200 characters in which a page speaks of itself.

    text: normalised (see llm.corpus.extraction.normal_form).
    """
    folded = "\n" + text.lower()
    cues = [cue for cue in _CUES if cue in folded]
    begins = _FIRST_CUES.search(folded) is not None
    if not cues and not begins:
        return text
    return _keep(text, [not _is_page_line(line, cues, begins) for line in text.split("\n")])


def _is_page_line(line: str, cues: list[str], begins: bool) -> bool:
    """Whether a line is one; cues, begins: what of all signs the whole text holds."""
    if not 0 < len(line) <= _LONGEST_LINE:
        return False
    folded = "\n" + line.lower()
    if not (any(cue in folded for cue in cues) or (begins and _FIRST_CUES.match(folded))):
        return False
    return bool(_PAGE_LINE.search(line) or _MENU_LINE.match(line))


def strip_unended_lines(text: str) -> str:
    """Drop the lines that end in no terminal punctuation mark, or in an ellipsis (C4): headings,
    menus, verse too.

    text: normalised (see llm.corpus.extraction.normal_form).
    """
    lines = text.split("\n")
    keep = [not x or (x.endswith(_TERMINAL) and not x.endswith(ELLIPSES)) for x in lines]
    return _keep(text, keep)


def strip_short_lines(text: str, words: int) -> str:
    """Drop the lines of fewer words (C4). text: normalised."""
    return _keep(text, [not line or line.count(" ") + 1 >= words for line in text.split("\n")])


def strip_long_words(text: str, characters: int) -> str:
    """Drop the lines with a word of more characters (C4's code). text: normalised."""
    lines = text.split("\n")
    keep = [
        len(line) <= characters or max(map(len, line.split(" "))) <= characters for line in lines
    ]
    return _keep(text, keep)


def strip_citations(text: str) -> str:
    """Take out [12], [edit] and [citation needed] (C4's code), and a space before."""
    return _CITATION.sub("", text) if "[" in text else text


def _keep(text: str, keep: list[bool]) -> str:
    if all(keep):
        return text
    kept = [line for line, stays in zip(text.split("\n"), keep, strict=True) if stays]
    return _EMPTY_LINES.sub("\n\n", "\n".join(kept)).strip("\n")
