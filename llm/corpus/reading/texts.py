"""Files that are one text: read whole, or, where they are long, in pieces cut at paragraphs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from llm.corpus.reading.formats import RECORD_BYTES, Compression, Item, open_stream

PIECE_BYTES = 16 * 1024 * 1024  # a longer text is cut into pieces of about this size
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")  # UTF-16 and UTF-32


def text_pieces(path: Path) -> int:
    """How many pieces a plain text file has; each can be read on its own."""
    size = path.stat().st_size
    return 1 if size <= PIECE_BYTES or _is_wide(path) else -(-size // PIECE_BYTES)


def read_piece(path: Path, number: int) -> Item:
    """One piece of a plain text file: between the borders next to two multiples of 16 MiB."""
    if text_pieces(path) == 1:
        return read_whole(path)
    with path.open("rb") as stream:
        size = path.stat().st_size
        first = _border(stream, number * PIECE_BYTES, size)
        last = _border(stream, (number + 1) * PIECE_BYTES, size)
        stream.seek(first)
        return Item(f"#{number:04d}", stream.read(last - first))


def read_whole(path: Path, compression: Compression = "", *, html: bool = False) -> Item:
    """A file as one document; "too_large" past 64 MiB."""
    with open_stream(path, compression) as stream:
        return _whole(stream, b"", html=html)


def read_pieces(path: Path, compression: Compression) -> Iterator[Item]:
    """A compressed text, in the pieces that it would have uncompressed. Memory: two pieces."""
    with open_stream(path, compression) as stream:
        held = stream.read(PIECE_BYTES + 1)
        if len(held) <= PIECE_BYTES:
            yield Item("", held)
            return
        if held.startswith(_WIDE_MARKS):
            yield _whole(stream, held, html=False)
            return
        number, begin = 0, 0  # begin: the place in the text of the first byte held
        while begin + len(held) > (number + 1) * PIECE_BYTES:
            end = (number + 1) * PIECE_BYTES - begin
            first = end - PIECE_BYTES // 2
            cut = first + _last_border(held[first:end])
            yield Item(f"#{number:04d}", held[:cut])
            held, begin, number = held[cut:], begin + cut, number + 1
            held += stream.read((number + 1) * PIECE_BYTES + 1 - begin - len(held))
        yield Item(f"#{number:04d}", held)


def _whole(stream: BinaryIO, held: bytes, *, html: bool) -> Item:
    data = held + stream.read(RECORD_BYTES + 1 - len(held))
    if len(data) > RECORD_BYTES:
        return Item("", None, fault="too_large")
    return Item("", data, html=html)


def _is_wide(path: Path) -> bool:
    """Whether characters take two or four bytes: such a text is not cut, its borders differ."""
    with path.open("rb") as stream:
        return stream.read(4).startswith(_WIDE_MARKS)


def _border(stream: BinaryIO, place: int, size: int) -> int:
    """The border between two pieces: the last one within half a piece before `place`."""
    if place <= 0 or place >= size:
        return max(0, min(place, size))
    first = place - PIECE_BYTES // 2
    stream.seek(first)
    return first + _last_border(stream.read(place - first))


def _last_border(block: bytes) -> int:
    """Where the last paragraph, else line, else word, else character of a block begins."""
    for mark in (b"\n\n", b"\r\n\r\n", b"\n", b" "):
        place = block.rfind(mark)
        if place >= 0:
            return place + len(mark)
    end = len(block)
    while end and block[end - 1] & 0xC0 == 0x80:  # UTF-8: a character goes on
        end -= 1
    if end and block[end - 1] >= 0xC0:  # and here it begins
        end -= 1
    return end or len(block)
