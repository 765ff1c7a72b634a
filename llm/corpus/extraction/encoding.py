"""Which encoding bytes are in, and their text."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable

_SAMPLE_BYTES = 100_000
_CONTROL_BYTES = bytes(byte for byte in range(32) if byte not in b"\t\n\r\f\x1b")
_MOST_CONTROL_FRACTION = 0.02
_HIGH_BYTES = bytes(range(128, 256))
# Fewer bytes beyond ASCII are too few to tell one Latin script from another: French has 4 % of
# them, Polish 10 %, Russian over 80 %.
_LEAST_HIGH_BYTES, _LEAST_HIGH_FRACTION = 16, 0.04
_LEAST_ZERO_FRACTION = 0.05  # of the halves of UTF-16 characters: what spaces alone give
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Of the characters of a sure encoding, and of those beyond ASCII where it is only likely, so many
# may be damaged: one byte that fell out must not cost the text of a whole file.
_MOST_DAMAGED_FRACTION, _MOST_DAMAGED_BEYOND_ASCII = 0.01, 0.1
# Where a page declares its encoding: <meta charset=...>, http-equiv, or the XML declaration.
_DECLARED_BYTES = 1024
_DECLARED = re.compile(rb"(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
# What the web calls so is the greater set (WHATWG Encoding Standard, section 4.2).
_GREATER = {"shift_jis": "cp932", "euc_kr": "cp949", "gbk": "gb18030"}
_SAYS_NOTHING = ("utf-8", "cp1252")  # tried in any case, before and after all others


class UnreadableError(Exception):
    """Bytes that are no text in any encoding that could be told."""


def decode(data: bytes, *, html: bool = False, charset: str = "") -> tuple[str, str]:
    """Return the text and the name of its encoding.

    A byte order mark decides; else the zero bytes of UTF-16; else UTF-8, where it fits; else what
    a server said (`charset`) or a page (`html`) declares; else, where many bytes lie beyond ASCII,
    as in Polish, Russian or Japanese, what uchardet finds in the first 100 kB; else windows-1252,
    else Latin-1. Single damaged characters become U+FFFD; one cut off at the end is left out.
    UTF-16 without a mark is told where it holds spaces or Latin letters. Raises UnreadableError
    for binary data.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            text = _whole(data, name)
            if text is None:
                raise UnreadableError(f"not {name}")
            return text, name.removesuffix("-sig")
    if (wide := _wide(data)) is not None and (text := _whole(data, wide)) is not None:
        return text, wide
    if len(data) - len(data.translate(None, _CONTROL_BYTES)) > _MOST_CONTROL_FRACTION * len(data):
        raise UnreadableError("holds control bytes")
    found = _utf8(data)
    if found is not None:
        return found
    said = [charset, *(_declared(data) if html else ())]
    for name in (*_by_web_name(said), *_guess(data)):
        if (text := _whole(data, name)) is not None:
            return text, name.replace("_", "-")
    for name in ("cp1252", "latin-1"):
        try:
            return data.decode(name), name
        except UnicodeDecodeError:
            continue
    raise AssertionError("Latin-1 fits all bytes")


def _utf8(data: bytes) -> tuple[str, str] | None:
    """The text of UTF-8, or of ISO-2022-JP, which is written in bytes of ASCII too."""
    if b"\x1b$" in data and data.isascii():
        text = _whole(data, "iso2022_jp")
        if text is not None:
            return text, "iso2022-jp"
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(data)
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    damaged = text.count("\ufffd") - data.count("\ufffd".encode())
    likely = beyond_ascii and damaged <= _MOST_DAMAGED_BEYOND_ASCII * beyond_ascii
    return (text, "utf-8") if likely else None


def _whole(data: bytes, name: str) -> str | None:
    """The text of data in an encoding that was told; None where too much of it is damaged."""
    try:
        return data.decode(name)
    except UnicodeDecodeError:
        pass
    text = codecs.getincrementaldecoder(name)("replace").decode(data)
    damaged = text.count("\ufffd")
    return text if text and damaged <= _MOST_DAMAGED_FRACTION * len(text) else None


def _wide(data: bytes) -> str | None:
    """UTF-16 without its mark, by the zero bytes in one half of many characters."""
    sample = data[: _SAMPLE_BYTES // 2 * 2]
    if b"\x00" not in sample:
        return None
    first, second = sample[::2].count(0), sample[1::2].count(0)
    if max(first, second) < _LEAST_ZERO_FRACTION * len(sample) / 2:
        return None
    if min(first, second) > 0.1 * max(first, second):
        return None
    name = "utf-16-be" if first > second else "utf-16-le"
    text = sample.decode(name, "replace")
    odd = sum(not (char.isprintable() or char.isspace()) for char in text)
    return name if odd <= _MOST_CONTROL_FRACTION * len(text) else None


def _declared(data: bytes) -> list[str]:
    return [match.group(1).decode("ascii") for match in _DECLARED.finditer(data[:_DECLARED_BYTES])]


def _by_web_name(names: Iterable[str]) -> list[str]:
    """Encodings by names of the WHATWG Encoding Standard; other names, as "punycode", are none."""
    from resiliparse.parse.encoding import map_encoding_to_html5

    plain = (name.strip("\"' ") for name in names)
    found = [map_encoding_to_html5(name, fallback_utf8=False) for name in plain]
    return [encoding for name in found for encoding in _told(name)]


def _guess(data: bytes) -> list[str]:
    """The encoding that uchardet finds, where there are bytes enough to tell it by."""
    high = len(data) - len(data.translate(None, _HIGH_BYTES))
    if high < max(_LEAST_HIGH_BYTES, _LEAST_HIGH_FRACTION * len(data)):
        return []
    from resiliparse.parse.encoding import detect_encoding, map_encoding_to_html5

    name = detect_encoding(data[:_SAMPLE_BYTES], html5_compatible=False)
    if name is None:
        return []
    return _told(map_encoding_to_html5(name, fallback_utf8=False) or name)


def _told(name: str | None) -> list[str]:
    """An encoding worth trying, as a list of one or none. What declares itself UTF-16 in bytes of
    ASCII is not (WHATWG HTML, section 13.2.3.2)."""
    if name is None or name in _SAYS_NOTHING or name.startswith("utf-16"):
        return []
    return [_GREATER.get(name, name)]
