"""The one form every text has: Unicode NFC, plain spaces, no control or invisible characters."""

from __future__ import annotations

import re
import unicodedata

_LINE_ENDS = ("\r\n", "\r", "\u2028", "\u2029", "\x0b", "\x0c", "\x85")
# Control characters but tab and line feed, and marks without width: soft hyphen, zero-width space,
# word joiner, byte order mark, what switches the writing direction, annotations, noncharacters.
# The joiners U+200C and U+200D stay: Persian, Indic scripts and emoji are spelt with them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff]"
)
_ODD_SPACE = re.compile("[\t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")

# Of these ASCII texts hold the first ones alone, and the one tab.
_ASCII_INVISIBLE = bytes((*range(0x09), *range(0x0E, 0x20), 0x7F))

_SPACES = re.compile("  +")
_EMPTY_LINES = re.compile("\n\n\n+")


def has_surrogates(text: str) -> bool:
    """Whether a text holds a half of a UTF-16 pair, which has no UTF-8 form."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def without_surrogates(text: str) -> str:
    """A text whose lone surrogates, as JSON can smuggle in, are replacement characters (U+FFFD)."""
    if not has_surrogates(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def plain_characters(text: str) -> str:
    """Lines ended by "\\n", Unicode NFC, no control or invisible characters; spaces untouched."""
    for end in _LINE_ENDS:
        if end in text:
            text = text.replace(end, "\n")
    if text.isascii() and not _has_ascii_invisible(text):
        return text  # ASCII is in NFC
    # NFC last: what an invisible character has kept apart may compose.
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text))


def _has_ascii_invisible(text: str) -> bool:
    """Whether an ASCII text holds an invisible character; bytes tell it sooner than a pattern."""
    data = text.encode("ascii")
    return len(data.translate(None, _ASCII_INVISIBLE)) < len(data)


def plain_spaces(text: str) -> str:
    """One space between words, one empty line at most between lines, none around the text."""
    text = text.replace("\t", " ") if text.isascii() else _ODD_SPACE.sub(" ", text)
    text = _SPACES.sub(" ", text)
    text = text.replace(" \n", "\n").replace("\n ", "\n")
    return _EMPTY_LINES.sub("\n\n", text).strip(" \n")


def normalise(text: str) -> str:
    """A text in the one form. Normalising it again changes nothing."""
    return plain_spaces(plain_characters(without_surrogates(text)))
