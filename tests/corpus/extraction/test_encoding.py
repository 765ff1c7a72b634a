"""Bytes to text: every encoding is told, and binary data refused."""

import pytest

from llm.corpus.extraction.encoding import UnreadableError, decode

FRENCH = "Le café était fermé, et l’été finissait à Orléans. " * 3
RUSSIAN = "Жили-были старик со старухой у самого синего моря. " * 5


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (FRENCH.encode(), "utf-8"),
        (FRENCH.encode("utf-8-sig"), "utf-8"),
        (FRENCH.encode("utf-16"), "utf-16"),
        (FRENCH.encode("utf-32"), "utf-32"),
        (FRENCH.encode("cp1252"), "cp1252"),
        (b"plain", "utf-8"),
        (b"", "utf-8"),
    ],
)
def test_encodings_are_told(data, name):
    assert decode(data) == (data.decode("utf-8-sig" if name == "utf-8" else name), name)


def test_latin_1_in_an_english_text():
    text = "The naïve café owner met the façade of déjà vu. " * 4
    assert decode(text.encode("latin-1"))[0] == text


def test_cyrillic_single_bytes():
    assert decode(RUSSIAN.encode("cp1251"))[0] == RUSSIAN


@pytest.mark.parametrize("data", [b"\x89PNG\r\n\x1a\n\x00\x00", b"\xff\xfe\x00", bytes(range(256))])
def test_binary_data_is_refused(data):
    with pytest.raises(UnreadableError):
        decode(data)
