"""Numbers of cards and accounts: the published examples hold, one changed digit does not."""

import pytest

from llm.corpus.extraction.checksums import is_card_number, is_iban


@pytest.mark.parametrize(
    "number",
    [
        *("4111 1111 1111 1111", "4222222222222", "5555-5555-5555-4444", "2223 0031 2200 3222"),
        *("3782 822463 10005", "30569309025904", "3530111333300000", "6011 1111 1111 1117"),
    ],
)
def test_cards(number):
    assert is_card_number(number)
    last = "5" if number[-1] != "5" else "6"
    assert not is_card_number(number[:-1] + last)


@pytest.mark.parametrize(
    "number",
    [
        "42",
        "4006381333931",  # an EAN: of an issuer, but not of the checksum
        "1111111111111117",
        "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
        "41111 11111 11111 1",
    ],
)
def test_no_cards(number):
    assert not is_card_number(number)


@pytest.mark.parametrize(
    "account",
    [
        *("GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "NO93 8601 1117 947"),
        *("FR14-2004-1010-0505-0001-3M02-606", "MT84 MALT 0110 0001 2345 MTLC AST0 01S"),
    ],
)
def test_accounts(account):
    assert is_iban(account)
    assert not is_iban(account[:-1] + ("1" if account[-1] != "1" else "2"))
    assert not is_iban(account[:-1])


def test_no_accounts():
    assert not any(map(is_iban, ("", "DE89", "XX82 WEST 1234 5698 7654 32")))
