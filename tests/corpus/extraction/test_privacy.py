"""Personal data is masked where it is valid, kind by kind, and look-alikes stay."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.extraction.privacy import (
    PrivacySettings,
    is_public_address,
    mask_personal_data,
)

KINDS = tuple(PrivacySettings.model_fields)
ALL = PrivacySettings(**dict.fromkeys(KINDS, True))
MASK = {name: name for name in KINDS} | {"ip_address": "ip"}


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
        ("email", "jörg@müller.de, почта@пример.рф", "[email], [email]"),
        ("email", "o'brien@example.com or 'jane@example.com'", "[email] or '[email]'"),
        ("email", "mailto:a%b@c.xn--p1ai?subject=x", "mailto:[email]?subject=x"),
        ("email", "请联系jane@example.com。", "请联系[email]。"),
        ("phone", "Appelez +33 1 23 45 67 89 ou 06 12 34 56 78.", "Appelez [phone] ou [phone]."),
        ("phone", "(020) 7946 0958, 030/12345678, 01632 960983", "[phone], [phone], [phone]"),
        ("phone", "0044 20 7946 0958 or +49 (0) 30 / 1234567", "[phone] or [phone]"),
        ("phone", "555\u2011123\u20114567", "[phone]"),
        ("phone", "call 555-\n123-4567\nor 555\n-0100", "call 555-\n[phone]\nor 555\n-0100"),
        (
            "phone",
            "+44 20 7946 0958\n0044 20 7946 0959\n06 12 34 56 78",
            "[phone]\n" * 2 + "[phone]",
        ),
        ("ip_address", "[2001:4860:4860::8888]:443 ::ffff:8.8.8.8", "[[ip]]:443 [ip]"),
        ("ip_address", "http://8.8.8.8:80/x", "http://[ip]:80/x"),
        (
            "card",
            "4111 1111 1111 1111 12/27 and 4111-1111-1111-1111 123",
            "[card] 12/27 and [card] 123",
        ),
        ("card", "order 2024 4111 1111 1111 1111", "order 2024 [card]"),
        ("card", "3714 496353 98431, No.4111111111111111", "[card], No.[card]"),
        ("card", "4111 1111\n1111 1111", "[card]"),
        ("iban", "GB82-WEST-1234-5698-7654-32 BARC", "[iban] BARC"),
        ("iban", "NL91 ABNA\n0417 1643 00 ABNA", "[iban] ABNA"),
    ],
)
def test_each_kind_is_masked_counted_and_can_be_off(kind, text, masked):
    assert mask_personal_data(text, ALL) == (masked, {kind: masked.count("[" + MASK[kind])})
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
        "class A::B and Dead::Beef, versions 1.2.3.4 and 1.2.3.5, build: 5.6.7.8, 8.8.8.8-beta",
        "pages 250-1200 for $250-1200, ISBN 0-306-40615-2, ISBN 978-0-306-40615-7, 0306406152",
        "EAN 4006381333931; 01.02.2003 14:30; 001 002 003; 1 234 567 890; 2010 2011 2012 2013",
        "100 345\n678 9012",
        "4111-1111-1111-1111-9999 and 4111 1111 1111 1111a",
        "logo@2x.png, a@b, @jane.doe, 9@9.9",
    ],
)
def test_look_alikes_stay(text):
    assert mask_personal_data(text, ALL) == (text, {})


def test_public_addresses():
    assert is_public_address("1.1.1.1")
    assert not any(map(is_public_address, ("10.0.0.1", "::1", "fe80::1", "999.1.1.1", "x")))


PIECES = st.sampled_from(
    [
        *("4111 1111 1111 1111", "4111111111111111", "378282246310005", "2024 ", "12", "1"),
        *("555-0179", "(555) 123-4567", "+44 20 7946 0958", "06 12 34 56 78", "030/12345678"),
        *("8.8.8.8", "2a00:1450::1", "::ffff:8.8.8.8", "A::B", "a@b.co", "jane.doe@ex.com", "+44"),
        *("GB82 WEST 1234 5698 7654 32", "DE89370400440532013000", "0044 20 7946 0958", "é", "x"),
        *(" ", "-", ".", ":", "\n", "(", ")", "/", "+", "@", "#", ",", "%", "_", "[", "]", "[ip]"),
    ]
)


@settings(max_examples=500)
@given(
    st.text("0123456789.:-+() @abcdefABC\n", max_size=80)
    | st.lists(PIECES, max_size=9).map("".join)
)
def test_masking_again_finds_nothing(text):
    masked, _ = mask_personal_data(text, ALL)
    assert mask_personal_data(masked, ALL) == (masked, {})


@pytest.mark.parametrize(
    "piece",
    [
        *("1", "1 ", "+1", "1.", "1.1.1.1 ", "a@", "a@a.", "a.a@", ":", "1:", "a:a:", "(1", "1\n"),
        *("4111 ", "4111\n", "GB82 ", "A1B2 ", "555-", "é@", "0044 ", "06 12 ", "version 1.1.1.1 "),
    ],
)
def test_no_line_costs_more_than_its_length(piece):
    def seconds(characters):
        text = (piece * characters)[:characters]
        begun = time.process_time()
        mask_personal_data(text, ALL)
        return time.process_time() - begun

    assert seconds(80_000) < 8 * seconds(20_000) + 0.5
