"""From raw bytes to plain text: encoding, mojibake, markup, boilerplate, white space, privacy."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from llm.corpus.gutenberg import is_gutenberg, strip_gutenberg

_SAMPLE_BYTES = 100_000
_CONTROL_BYTES = bytes(byte for byte in range(32) if byte not in b"\t\n\r\f\x1b")
_HIGH_BYTES = bytes(range(128, 256))
_FOREIGN_SCRIPT_FRACTION = 0.25
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCKS = (
    "address,article,aside,blockquote,body,caption,dd,div,dl,dt,fieldset,figcaption,figure,form,"
    "h1,h2,h3,h4,h5,h6,header,hr,li,main,ol,p,pre,section,table,tbody,tr,ul"
)
_NOT_CONTENT = [
    *("script", "style", "noscript", "template", "head", "nav", "footer", "svg", "iframe"),
    *("button", "select", "textarea", "form"),
]
_TAG = re.compile(
    r"</?(?:a|abbr|article|b|blockquote|body|br|code|div|em|font|footer|h[1-6]|head|header|hr|html"
    r"|i|img|li|link|main|meta|nav|ol|p|pre|script|section|small|span|strong|style|sub|sup|table"
    r"|tbody|td|th|thead|title|tr|u|ul)(?:\s[^<>]{0,2000})?/?>|<!--|<!doctype html",
    re.IGNORECASE,
)
_ENTITY = re.compile(r"&(?:amp|nbsp|lt|gt|quot|apos|mdash|ndash|hellip|[lr][sd]quo|#\d{2,6});")
_LINE_END = re.compile("\r\n?|[\u2028\u2029\x0b\x0c\x85]")
# Control characters but tab and line feed, and marks without width: soft hyphen, zero-width
# space, word joiner, byte order mark, and those that switch the writing direction.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad"
    "\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)
_SPACES = re.compile("[ \t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]+")
_EMPTY_LINES = re.compile(r"\n{3,}")
_COLUMNS = re.compile(r"\S {3,}\S")  # a row of a table or of a list of contents
_NARROWEST_WRAP, _WIDEST_WRAP = 40, 100  # columns
_EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9_][\w.+-]{0,63}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}\b", re.ASCII
)
# International numbers, and North American ones of seven or ten digits in groups: a year, a sum
# of money or a range of pages or years never matches.
_PHONE = re.compile(
    r"(?<![\w.+-])(?:\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{2,4}(?:[ .-]?\d{2,4}){1,4}"
    r"|(?:1[ .-])?(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}|\d{3}-\d{4})(?![\w-])",
    re.ASCII,
)
# What pages say about themselves: policies (C4, Raffel et al. 2020, section 2.2), navigation, and
# invitations. Only short lines that hold them are dropped, never prose that mentions one.
_PAGE_LINE = re.compile(
    r"\b(?:terms of (?:use|service)|privacy policy|cookie policy|(?:uses?|use of|accept) cookies"
    r"|enable javascript|all rights reserved|sign up (?:for free|for our|to (?:read|comment))"
    r"|subscribe to (?:our|the) newsletter|follow us on|already have an account"
    r"|share (?:this|on) (?:article|story|page|post|facebook|twitter)"
    r"|click here to|skip to (?:main )?content|back to top)\b"
    r"|^(?:read more|log ?in|sign (?:in|up)|menu|advertisement|share|tweet|comments?)\s*\W?$"
    r"|^(?:related|recommended|popular|recent) (?:articles|stories|posts|pages|content)\b",
    re.IGNORECASE,
)
_MENU_LINE = re.compile(r"^(?:[\w ]{2,20}[|»›] ?){2,}[\w ]{2,20}$")
_PAGE_LINE_CHARACTERS = 200
EMAIL_MASK, PHONE_MASK = "[email]", "[phone]"


class UnreadableError(Exception):
    """Bytes that are no text in any encoding that could be told."""


@dataclass
class Extracted:
    """A plain text, and how often each repair was made."""

    text: str
    counts: Counter[str] = field(default_factory=Counter)


def decode(data: bytes) -> tuple[str, str]:
    """Return the text and the name of its encoding.

    A byte order mark decides; else strict UTF-8; else, where many bytes lie beyond ASCII, as in
    Cyrillic or Japanese, what charset-normalizer finds in the first 100 kB; else windows-1252,
    else Latin-1. Raises UnreadableError for binary data.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            try:
                return data.decode(name), name.removesuffix("-sig")
            except UnicodeDecodeError as error:
                raise UnreadableError(f"not {name}: {error}") from error
    if b"\x00" in data[:_SAMPLE_BYTES]:
        raise UnreadableError("holds zero bytes")
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if len(data) - len(data.translate(None, _CONTROL_BYTES)) > 0.02 * len(data):
        raise UnreadableError("holds control bytes")
    for name in (*_guess(data), "cp1252", "latin-1"):
        try:
            return data.decode(name), name.replace("_", "-")
        except (UnicodeDecodeError, LookupError):
            continue
    raise UnreadableError("no encoding fits")


def _guess(data: bytes) -> list[str]:
    """The encoding charset-normalizer finds, where the script is not Latin."""
    letters = len(data) - data.count(b" ") - data.count(b"\n")
    beyond_ascii = len(data) - len(data.translate(None, _HIGH_BYTES))
    if beyond_ascii < _FOREIGN_SCRIPT_FRACTION * letters:
        return []  # Latin script: its guesses among Western and Central European are no better
    from charset_normalizer import from_bytes

    best = from_bytes(data[:_SAMPLE_BYTES]).best()
    return [best.encoding] if best is not None else []


def extract(text: str, *, html: bool = False, mask_personal_data: bool = True) -> Extracted:
    """Turn a raw text into a plain one: Unicode NFC, paragraphs set off by one empty line.

    html: the text is a HTML page whatever it looks like. Counts, per document 0 or 1: `markup`,
    `mojibake`, `gutenberg`, `rewrapped`, `page_lines`; per place: `email`, `phone`.
    """
    done = Extracted("")
    text = _LINE_END.sub("\n", text)
    if html or has_markup(text):
        text = strip_markup(text)
        done.counts["markup"] += 1
    repaired = repair_mojibake(text)
    done.counts["mojibake"] += repaired != text
    text = _INVISIBLE.sub("", _LINE_END.sub("\n", unicodedata.normalize("NFC", repaired)))
    if is_gutenberg(text):
        text = strip_gutenberg(text)
        done.counts["gutenberg"] += 1
    unwrapped = rewrap(text)
    done.counts["rewrapped"] += unwrapped != text
    text = normalise_space(unwrapped)
    content = strip_page_lines(text)
    done.counts["page_lines"] += content != text
    text = content
    if mask_personal_data:
        text, done.counts["email"] = _EMAIL.subn(EMAIL_MASK, text)
        text, done.counts["phone"] = _PHONE.subn(PHONE_MASK, text)
    done.text = text
    return done


def has_markup(text: str) -> bool:
    """Whether a text holds HTML: two known tags, or one and an entity, or two entities."""
    if "<" not in text and "&" not in text:
        return False
    signs = 0
    for pattern in (_TAG, _ENTITY):
        for _ in pattern.finditer(text):
            signs += 1
            if signs == 2:
                return True
    return False


def strip_markup(text: str) -> str:
    """The readable text of HTML: no tags, scripts or page furniture; blocks become paragraphs."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(text)
    tree.strip_tags(_NOT_CONTENT)
    body = tree.body
    if body is None:
        return ""
    for node in body.css("br"):
        node.replace_with("\n")
    for node in body.css(_BLOCKS):
        if node.mem_id != body.mem_id:
            node.insert_before("\n\n")
            node.insert_after("\n\n")
    for node in body.css("td,th"):
        node.insert_after(" ")
    return body.text(deep=True, separator="")


def repair_mojibake(text: str) -> str:
    """Undo wrong decodings, as "CafÃ©" for "Café", line by line (ftfy, Speer 2019)."""
    if text.isascii():
        return text
    import ftfy

    config = ftfy.TextFixerConfig(
        unescape_html=False,
        uncurl_quotes=False,
        fix_character_width=False,
        fix_latin_ligatures=True,
        normalization=None,
        explain=False,
    )
    # It works line by line anyway; lines of ASCII alone cost much and cannot be broken.
    return "\n".join(
        line if line.isascii() else ftfy.fix_text(line, config) for line in text.split("\n")
    )


def rewrap(text: str) -> str:
    """Join the lines of hard-wrapped paragraphs; leave verse, lists and unwrapped texts alone.

    A text is hard-wrapped where its lines have a common width of 40 to 100 columns and most line
    breaks stand where the next word would not have fitted. Only such breaks are joined, and none
    before an indented line or after a row of columns.
    """
    lines = text.split("\n")
    width = _wrap_width(lines)
    if width is None:
        return text
    joined: list[str] = []
    previous = ""
    for line in lines:
        if joined and _is_wrap(previous, line, width):
            glue = "" if joined[-1].endswith(("--", "—")) else " "
            joined[-1] = f"{joined[-1].rstrip()}{glue}{line.lstrip()}"
        else:
            joined.append(line)
        previous = line
    return "\n".join(joined)


def _wrap_width(lines: list[str]) -> int | None:
    """The column at which a text is wrapped, or None where it is not."""
    lengths = sorted(len(line.rstrip()) for line in lines if line.strip())
    if len(lengths) < 3:
        return None
    width = lengths[int(0.9 * (len(lengths) - 1))]
    if not _NARROWEST_WRAP <= width <= _WIDEST_WRAP:
        return None
    inner = [(one, two) for one, two in pairwise(lines) if one.strip() and two.strip()]
    wraps = sum(_is_wrap(one, two, width) for one, two in inner)
    return width if inner and wraps >= 0.5 * len(inner) else None


def _is_wrap(line: str, following: str, width: int) -> bool:
    """Whether the break between two lines stands there only because the next word did not fit."""
    words = following.split(maxsplit=1)
    if not words or not line.strip() or _COLUMNS.search(line):
        return False
    indent, next_indent = (len(text) - len(text.lstrip(" ")) for text in (line, following))
    return next_indent <= indent and len(line.rstrip()) + 1 + len(words[0]) > 0.85 * width


def strip_page_lines(text: str) -> str:
    """Drop the lines in which a web page speaks of itself: policies, menus, invitations.

    text: white space normalised already.
    """
    lines = text.split("\n")
    kept = [line for line in lines if not _is_page_line(line)]
    if len(kept) == len(lines):
        return text
    return _EMPTY_LINES.sub("\n\n", "\n".join(kept)).strip("\n")


def _is_page_line(line: str) -> bool:
    return 0 < len(line) <= _PAGE_LINE_CHARACTERS and bool(
        _PAGE_LINE.search(line) or _MENU_LINE.match(line)
    )


def normalise_space(text: str) -> str:
    """One space between words, one empty line at most between lines, none around the text."""
    lines = (_SPACES.sub(" ", line).strip(" ") for line in text.split("\n"))
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n")
