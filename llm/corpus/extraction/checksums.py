"""Which digits are the number of a payment card or of a bank account: length, issuer, checksum."""

from __future__ import annotations

import re

# Ranges of issuers and the lengths of their numbers (ISO/IEC 7812; the networks' published rules).
_ISSUERS = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"  # Visa: 13, 16, 19
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard: 16
    r"|3[47]\d{13}"  # American Express: 15
    r"|3(?:0[0-5]|[689]\d)\d{11,16}"  # Diners Club: 14 to 19
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"  # JCB: 16 to 19
    r"|(?:6011|64[4-9]\d|65\d\d|62\d\d)\d{12,15}"  # Discover and UnionPay: 16 to 19
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{9,15}"  # Maestro: 13 to 19 of its 12 to 19
)
CARD_LENGTHS = range(19, 12, -1)  # digits, the longest first
# How cards are printed: in one, in fours, and in 4-6-5 or 4-6-4 (American Express, Diners Club).
_GROUPS = re.compile(r"\d{13,19}|(?:\d{4} ){3}\d{1,4}(?: \d{1,3})?|\d{4} \d{6} \d{4,5}")
_SEPARATORS = re.compile(r"[^0-9A-Z]+")
# Characters of an account number by country (ISO 13616, the registry of SWIFT).
IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK", 21: "CH HR LI LV", 22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG", 25: "LY PT ST",
        26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU YE", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip


def is_card_number(text: str) -> bool:
    """Whether digits, grouped as cards print them, are an issuer's and have the checksum of Luhn.

    ISO/IEC 7812-1. One in ten numbers that look like a card's has the checksum by chance.
    """
    if not _GROUPS.fullmatch(_SEPARATORS.sub(" ", text)):
        return False
    number = _SEPARATORS.sub("", text)
    if not _ISSUERS.fullmatch(number):
        return False
    digits = [int(digit) for digit in number]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[::-2]) + sum(doubled)) % 10 == 0


def is_iban(text: str) -> bool:
    """Whether a text has the length of its country's accounts and the checksum (mod 97)."""
    account = _SEPARATORS.sub("", text)
    if len(account) != IBAN_LENGTHS.get(account[:2]):
        return False
    return int("".join(str(int(c, 36)) for c in account[4:] + account[:4])) % 97 == 1
