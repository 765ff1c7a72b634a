"""Which encoding bytes are in, and their text."""

from __future__ import annotations

import codecs

_SAMPLE_BYTES = 100_000
_CONTROL_BYTES = bytes(byte for byte in range(32) if byte not in b"\t\n\r\f\x1b")
_MOST_CONTROL_FRACTION = 0.02
_HIGH_BYTES = bytes(range(128, 256))
_FOREIGN_SCRIPT_FRACTION = 0.25
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class UnreadableError(Exception):
    """Bytes that are no text in any encoding that could be told."""


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
    if len(data) - len(data.translate(None, _CONTROL_BYTES)) > _MOST_CONTROL_FRACTION * len(data):
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
