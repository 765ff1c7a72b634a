"""Personal data is masked where it is valid, kind by kind, and look-alikes stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.corpus.extraction.privacy import (
    PrivacySettings,
    is_card_number,
    is_iban,
    is_public_address,
    mask_personal_data,
)

KINDS = tuple(PrivacySettings.model_fields)
ALL = PrivacySettings(**dict.fromkeys(KINDS, True))


@pytest.mark.parametrize(
    ("kind", "text", "masked"),
    [
        ("email", "Write to jane.doe+x@mail.example.co.uk today.", "Write to [email] today."),
        ("phone", "Call (555) 123-4567 now", "Call [phone] now"),
        ("phone", "Call 555-123-4567.", "Call [phone]."),
        ("phone", "Ring +44 20 7946 0958 please", "Ring [phone] please"),
        ("phone", "or call 555-0179.", "or call [phone]."),
        ("ip_address", "It came from 8.8.8.8, they say.", "It came from [ip], they say."),
        ("ip_address", "Host 2001:4860:4860::8888 answered.", "Host [ip] answered."),
        ("card", "Pay with 4111 1111 1111 1111 today", "Pay with [card] today"),
        ("card", "or 378282246310005.", "or [card]."),
        ("iban", "Send it to GB82 WEST 1234 5698 7654 32.", "Send it to [iban]."),
        ("iban", "Send it to DE89370400440532013000", "Send it to [iban]"),
    ],
)
def test_each_kind_is_masked_counted_and_can_be_off(kind, text, masked):
    assert mask_personal_data(text, ALL) == (masked, {kind: 1})
    without = PrivacySettings(**{name: name != kind for name in KINDS})
    assert kind not in mask_personal_data(text, without)[1]
    none = PrivacySettings(**dict.fromkeys(KINDS, False))
    assert mask_personal_data(text, none) == (text, {})


@pytest.mark.parametrize(
    "text",
    [
        "From 1880-1890 it cost 1,234.56 on page 123-456.",
        "In 1999 there were 2000 5000 of them; room 12 @ noon",
        "at 127.0.0.1, at 192.168.1.10 or at 2001:db8::1",
        "see version 10.2.0.1 and section 4.1.2.3, or v1.2.3.4 or 1.2.3.4.5 or 300.1.1.1",
        "The train of 12:34:56 left; std::vector is no address",
        "The number 4111 1111 1111 1112 is no card.",
        "The code GB82 WEST 1234 5698 7654 33 is no account.",
    ],
)
def test_look_alikes_stay(text):
    assert mask_personal_data(text, ALL) == (text, {})


def test_checksums():
    assert is_card_number("5555-5555-5555-4444")
    assert not is_card_number("5555-5555-5555-4445")
    assert not is_card_number("42")
    assert is_iban("FR1420041010050500013M02606")
    assert not is_iban("FR1420041010050500013M02607")
    assert not is_iban("DE89")


def test_public_addresses():
    assert is_public_address("1.1.1.1")
    assert not any(map(is_public_address, ("10.0.0.1", "::1", "fe80::1", "999.1.1.1", "x")))


@given(st.text("0123456789.:-+() @abcdefABC\n", max_size=80))
def test_masking_again_finds_nothing(text):
    masked, _ = mask_personal_data(text, ALL)
    assert mask_personal_data(masked, ALL) == (masked, {})
