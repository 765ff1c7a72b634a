"""Personal data gives way to a mask that names its kind: addresses, numbers, accounts.

What a pattern finds must also be valid where a rule says what is: checksums of cards and accounts,
addresses of the public internet. Dolma (Soldaini et al. 2024) and FineWeb (Penedo et
al. 2024) mask e-mail, telephone and IP addresses so.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable

from pydantic import Field

from llm.config import Section

EMAIL_MASK, PHONE_MASK, IP_MASK = "[email]", "[phone]", "[ip]"
CARD_MASK, ACCOUNT_MASK = "[card]", "[iban]"

# Only lines that hold one of these signs are looked at closely: digits in a row, parts of an
# IPv6 address, an at sign.
_DIGITS = re.compile(r"\d(?:[\d ().-]{5}|\d ?[A-Z0-9]{4})", re.ASCII)
_COLONS = re.compile(r":[0-9A-Fa-f]{0,4}:")
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
_IP4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\w)", re.ASCII)
_IP6 = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])", re.ASCII)
# "version 10.2.0.1" and "section 4.1.2.3" are no addresses.
_NUMBERED = re.compile(r"(?:version|release|section|chapter|ver\.?|no\.)\s{1,3}$", re.IGNORECASE)
# The first digit names the issuer: 3 American Express and JCB, 4 Visa, 2 and 5 Mastercard,
# 6 Discover, UnionPay and Maestro (ISO/IEC 7812).
_CARD = re.compile(r"(?<![\w.-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\w-])", re.ASCII)
_IBAN = re.compile(
    r"(?<!\w)[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?!\w)", re.ASCII
)


class PrivacySettings(Section):
    """Which personal data is masked."""

    email: bool = Field(description="e-mail addresses become [email]")
    phone: bool = Field(description="telephone numbers become [phone]")
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
    steps = [step for name, step in _STEPS if getattr(settings, name)]
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if _may_hold_some(line):
            for step in steps:
                line = step(line, counts)
            lines[number] = line
    return "\n".join(lines), counts


def _may_hold_some(text: str) -> bool:
    return bool("@" in text or _DIGITS.search(text) or _COLONS.search(text))


def is_card_number(text: str) -> bool:
    """Whether 13 to 19 digits, however grouped, have the checksum of Luhn (ISO/IEC 7812-1)."""
    digits = [int(character) for character in text if character.isdecimal()]
    if not 13 <= len(digits) <= 19:
        return False
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether a text of 15 to 34 letters and digits has the checksum of ISO 13616 (mod 97)."""
    account = text.replace(" ", "")
    if not 15 <= len(account) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in account[4:] + account[:4])) % 97 == 1


def is_public_address(text: str) -> bool:
    """Whether a text is an IPv4 or IPv6 address that the public internet knows."""
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False


def _emails(line: str, counts: Counter[str]) -> str:
    if "@" not in line:
        return line
    return _replace(_EMAIL, line, EMAIL_MASK, counts, "email")


def _addresses(line: str, counts: Counter[str]) -> str:
    def valid(match: re.Match[str]) -> bool:
        before = line[max(0, match.start() - 20) : match.start()]
        return is_public_address(match.group()) and not _NUMBERED.search(before)

    line = _replace(_IP4, line, IP_MASK, counts, "ip_address", valid)
    return _replace(_IP6, line, IP_MASK, counts, "ip_address", valid) if ":" in line else line


def _cards(line: str, counts: Counter[str]) -> str:
    return _replace(_CARD, line, CARD_MASK, counts, "card", lambda m: is_card_number(m.group()))


def _accounts(line: str, counts: Counter[str]) -> str:
    return _replace(_IBAN, line, ACCOUNT_MASK, counts, "iban", lambda m: is_iban(m.group()))


def _phones(line: str, counts: Counter[str]) -> str:
    return _replace(_PHONE, line, PHONE_MASK, counts, "phone")


def _replace(
    pattern: re.Pattern[str],
    line: str,
    mask: str,
    counts: Counter[str],
    kind: str,
    valid: Callable[[re.Match[str]], bool] = lambda _: True,
) -> str:
    def put(match: re.Match[str]) -> str:
        if not valid(match):
            return match.group()
        counts[kind] += 1
        return mask

    return pattern.sub(put, line)


# Longer numbers first: a part of a card's or an account's number can look like a telephone's.
_STEPS: tuple[tuple[str, Callable[[str, Counter[str]], str]], ...] = (
    ("email", _emails),
    ("iban", _accounts),
    ("card", _cards),
    ("ip_address", _addresses),
    ("phone", _phones),
)
