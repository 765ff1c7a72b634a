"""Personal data gives way to a mask that names its kind: addresses, numbers, accounts.

What a pattern finds must also be valid where a rule says what is: checksums of cards and accounts,
addresses of the public internet. Dolma (Soldaini et al. 2024) and FineWeb (Penedo et
al. 2024) mask e-mail, telephone and IP addresses so. What stands between two lines is found where
the line was broken inside a number; what is spelt out, as "jane at example dot com", is not.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from pydantic import Field

from llm.config import Section
from llm.corpus.extraction.checksums import CARD_LENGTHS, IBAN_LENGTHS, is_card_number, is_iban

EMAIL_MASK, PHONE_MASK, IP_MASK = "[email]", "[phone]", "[ip]"
CARD_MASK, ACCOUNT_MASK = "[card]", "[iban]"
_MASKS = (EMAIL_MASK, PHONE_MASK, IP_MASK, CARD_MASK, ACCOUNT_MASK)
_BEHIND_MASKS = tuple(mask + mark for mask in _MASKS for mark in ("", ".", "-"))

# Only lines that hold one of these signs are looked at closely: an at sign, digits in a row, parts
# of an IPv6 address.
_DIGITS = re.compile(r"\d(?:[\d ()./\n\u2010\u2011-]{5}|\d[ -]?[A-Z0-9]{4})", re.ASCII)
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
# Between the parts of a number: a space, a mark, or where a line was broken.
_GAP = r"(?:[ .\u2010\u2011-]|-?\n)"
# A line's end inside a number: between digits, or where an account number may go on.
_BREAK = re.compile(r"\n(?=[\d(]|[A-Z0-9]{4}\b)(?<=[\dA-Z)-]\n)", re.ASCII)
# Letters of names beyond English: Latin, Greek, Cyrillic. Not all of Unicode's, as a Chinese text
# sets no space before an address.
_NAME = r"\w\u00c0-\u024f\u0370-\u052f"
_EMAIL = re.compile(
    rf"(?<![{_NAME}.+-])[{_NAME}][{_NAME}.+%'~-]{{0,63}}@(?:[{_NAME}-]{{1,63}}\.){{1,8}}"
    r"(?!(?:png|jpe?g|gif|webp|svg)\b)"  # logo@2x.png
    r"(?:xn--[A-Za-z0-9-]{2,59}|[A-Za-z\u00c0-\u024f\u0370-\u052f]{2,24})"
    rf"(?![{_NAME}])",
    re.ASCII,
)
# International numbers: + or 00, then 8 to 15 digits (ITU-T E.164); national ones of 10 or 11
# digits in groups that begin with 0; North American ones of seven or ten digits in groups. A
# year, a sum of money, an ISBN or a range of pages or years does not match.
_PHONE = re.compile(
    rf"(?<![{_NAME}.+-])(?:\+\d(?:[ ./()\u2010\u2011-]{{0,3}}\n?\d){{7,14}}"
    rf"|00[1-9](?:{_GAP}?\d){{9,13}}"
    rf"|\(0\d{{1,4}}\) ?\d{{2,8}}(?:{_GAP}\d{{2,4}}){{0,3}}"
    rf"|0[1-9]\d{{0,3}}(?=([ ./-]))(?:\1\d{{2,8}}){{1,4}}(?!\1[\d\[])"
    rf"|(?:1{_GAP})?(?:\(\d{{3}}\)[ \n]?|\d{{3}}{_GAP})\d{{3}}{_GAP}\d{{4}}"
    rf"|\d{{3}}[\u2010\u2011-]\d{{4}})(?![{_NAME}-])",
    re.ASCII,
)
_IP4 = re.compile(
    rf"(?<![{_NAME}.])(?:\d{{1,3}}\.){{3}}\d{{1,3}}(?!\.?[{_NAME}]|-[A-Za-z])", re.ASCII
)
_IP6 = re.compile(
    rf"(?<![{_NAME}:.])(?:[0-9A-Fa-f]{{0,4}}:){{2,7}}"
    rf"(?:(?:\d{{1,3}}\.){{3}}\d{{1,3}}|[0-9A-Fa-f]{{0,4}})(?![{_NAME}:])",
    re.ASCII,
)
_CARD = re.compile(
    rf"(?<![{_NAME}])(?<!\d[.-])[2-6]\d{{3}}(?:{_GAP}?\d){{9,15}}(?![{_NAME}]|[.-][{_NAME}\[])",
    re.ASCII,
)
_IBAN = re.compile(
    rf"(?<![{_NAME}])[A-Z]{{2}}\d\d(?:{_GAP}?[A-Z0-9]){{11,29}}(?![{_NAME}])", re.ASCII
)
# Before a number that counts or numbers something: "versions 10.2.0.1 and 10.2.0.2", "section
# 4.1.2.3", "pages 250-1200", "$250-1200".
_NUMBERED = re.compile(
    r"(?:\b(?:versions?|ver|v|rev|revision|release|build|firmware|driver|sections?|sec|chapters?"
    r"|articles?|clauses?|paragraphs?|figures?|fig|tables?|items?|no|nos|numbers?)[.:#]?|§)\s{0,2}"
    r"(?:\d[\d.]*(?:,|,? (?:and|or|to|through)) )*$",
    re.IGNORECASE,
)
_RANGED = re.compile(
    r"(?:\b(?:pages?|pp?\.|lines?|verses?|years?|between|from|about|circa|c\.|ca\.|isbn:?"
    r"|nos?\.?)\s?|[$£€¥])$",
    re.IGNORECASE,
)
_CONTEXT_CHARACTERS = 60


class PrivacySettings(Section):
    """Which personal data is masked."""

    email: bool = Field(description="e-mail addresses become [email]")
    phone: bool = Field(
        description="telephone numbers become [phone]: international ones after + or 00, national "
        "ones in groups after 0, North American ones in groups"
    )
    ip_address: bool = Field(
        description="IPv4 and IPv6 addresses of the public internet become [ip]; private, loopback "
        "and documentation ones name nobody and stay"
    )
    card: bool = Field(description="numbers of payment cards, by checksum, become [card]")
    iban: bool = Field(description="international bank account numbers, by checksum, become [iban]")


def mask_personal_data(text: str, settings: PrivacySettings) -> tuple[str, Counter[str]]:
    """Mask what the settings name. Returns the text, and how many were masked per kind.

    Masking again finds nothing.
    """
    counts: Counter[str] = Counter()
    if not _may_hold_some(text):
        return text, counts
    for group in _KINDS:
        kinds = [kind for kind in group if getattr(settings, kind.name)]
        # Each line by itself first: a list has one number per line.
        text = _mask_broken(_mask_lines(text, kinds, counts), kinds, counts)
    return text, counts


def is_public_address(text: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address that the public internet knows.

    Of IPv6 only 2000::/3 is given out (RFC 4291, IANA): "A::B" in a program is none.
    """
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped.is_global
        return address.is_global and address.packed[0] >> 5 == 1
    return address.is_global


def _may_hold_some(text: str) -> bool:
    return bool("@" in text or _DIGITS.search(text) or _COLONS.search(text))


def _mask_lines(text: str, kinds: list[_Kind], counts: Counter[str]) -> str:
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _may_hold_some(line):
            lines[number] = _mask(line, kinds, counts)
    return "\n".join(lines)


def _mask_broken(text: str, kinds: list[_Kind], counts: Counter[str]) -> str:
    """Mask in runs of lines, where each ends as a number that goes on in the next does."""
    parts: list[str] = []
    done = 0
    for found in _BREAK.finditer(text):
        if found.start() < done:
            continue  # in the run before
        start = max(done, text.rfind("\n", done, found.start()) + 1)
        stop = found.start()
        while _BREAK.match(text, stop):
            stop = text.find("\n", stop + 1)
            stop = len(text) if stop < 0 else stop
        parts += (text[done:start], _mask(text[start:stop], kinds, counts))
        done = stop
    return "".join((*parts, text[done:])) if parts else text


def _mask(line: str, kinds: list[_Kind], counts: Counter[str]) -> str:
    for kind in kinds:
        if kind.sign in line:
            line = _mask_kind(line, kind, counts)
    return line


def _mask_kind(line: str, kind: _Kind, counts: Counter[str]) -> str:
    parts: list[str] = []
    done = place = 0
    while match := kind.pattern.search(line, place):
        start = match.start()
        # What stands right behind a mask was no match before it was put there.
        end = 0 if line.endswith(_BEHIND_MASKS, 0, start) else kind.end(line, match)
        if end:
            parts += (line[done:start], kind.mask)
            counts[kind.name] += 1
            done = place = end
        else:
            place = _next_part(line, start)
    return "".join((*parts, line[done:])) if parts else line


_PART = re.compile(r"[+:]*\w*", re.ASCII)


def _next_part(line: str, start: int) -> int:
    """Where to look on after a look-alike: behind its first group of digits."""
    found = _PART.match(line, start)
    return max(start + 1, found.end() if found else 0)


def _whole(_: str, match: re.Match[str]) -> int:
    return match.end()


def _phone(line: str, match: re.Match[str]) -> int:
    found, digits = match.group(), sum(map(str.isdigit, match.group()))
    if found.startswith(("0", "(0")) and not found.startswith("00"):
        return match.end() if digits in (10, 11) else 0
    if "\n" in found and not re.search(r"[+(.-]", found):
        return 0  # a table
    if digits == 7 and _RANGED.search(_before(line, match)):
        return 0
    return match.end()


def _address(line: str, match: re.Match[str]) -> int:
    if not is_public_address(match.group()) or _NUMBERED.search(_before(line, match)):
        return 0
    return match.end()


def _before(line: str, match: re.Match[str]) -> str:
    return line[max(0, match.start() - _CONTEXT_CHARACTERS) : match.start()]


def _card(line: str, match: re.Match[str]) -> int:
    return _longest(line, match, CARD_LENGTHS, is_card_number)


def _account(line: str, match: re.Match[str]) -> int:
    length = IBAN_LENGTHS.get(match.group()[:2])
    return _longest(line, match, (length,), is_iban) if length else 0


def _longest(
    line: str, match: re.Match[str], lengths: Iterable[int], valid: Callable[[str], bool]
) -> int:
    """The end of the first valid number of these lengths that begins where a match does: more can
    follow it, as the month and year behind that of a card."""
    start = match.start()
    places = [place for place in range(start, match.end()) if line[place].isalnum()]
    for length in lengths:
        if length <= len(places):
            stop = places[length - 1] + 1
            is_whole = stop == match.end() or not line[stop].isalnum()
            if is_whole and valid(line[start:stop]):
                return stop
    return 0


class _Kind(NamedTuple):
    """A kind of personal data. sign: stands in every line with one. end: where the one that a
    match begins with ends; 0 where it is none."""

    name: str
    mask: str
    pattern: re.Pattern[str]
    end: Callable[[str, re.Match[str]], int]
    sign: str = ""


# Longer numbers first: a part of a card's or an account's number can look like a telephone's.
_KINDS = (
    (
        _Kind("email", EMAIL_MASK, _EMAIL, _whole, "@"),
        _Kind("iban", ACCOUNT_MASK, _IBAN, _account),
        _Kind("card", CARD_MASK, _CARD, _card),
    ),
    (
        _Kind("ip_address", IP_MASK, _IP6, _address, ":"),
        _Kind("ip_address", IP_MASK, _IP4, _address, "."),
        _Kind("phone", PHONE_MASK, _PHONE, _phone),
    ),
)
