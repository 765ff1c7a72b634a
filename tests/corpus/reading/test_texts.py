"""Texts in pieces: whole where short, and the same pieces from a plain and a compressed file."""

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.reading import texts
from llm.corpus.reading.texts import read_piece, read_pieces, read_whole, text_pieces


@given(st.text(alphabet="ab é日\n", max_size=400), st.integers(8, 50))
@settings(max_examples=100, deadline=None)
def test_pieces_are_the_text_whole_characters_each(tmp_path_factory, text, size):
    path = tmp_path_factory.mktemp("text", numbered=True) / "a.txt"
    path.write_text(text, encoding="utf-8", newline="")
    packed = path.with_name("a.txt.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts, "PIECE_BYTES", size)
        pieces = [read_piece(path, number) for number in range(text_pieces(path))]
        assert pieces == list(read_pieces(packed, ".gz"))
    data = [piece.data for piece in pieces if isinstance(piece.data, bytes)]
    assert b"".join(data) == path.read_bytes()
    assert "".join(part.decode("utf-8") for part in data) == text
    assert all(len(part) <= 1.5 * size for part in data)


def test_what_is_too_large_is_no_piece(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "PIECE_BYTES", 100)
    monkeypatch.setattr(texts, "RECORD_BYTES", 1000)
    wide = tmp_path / "a.txt"
    for words, fault in ((90, None), (200, "too_large")):
        wide.write_bytes(("word " * words).encode("utf-16"))
        packed = tmp_path / "a.txt.gz"
        packed.write_bytes(gzip.compress(wide.read_bytes()))
        assert text_pieces(wide) == 1
        assert read_piece(wide, 0).fault == fault
        (item,) = read_pieces(packed, ".gz")
        assert item == read_piece(wide, 0)
    page = tmp_path / "a.html"
    page.write_bytes(b"x" * 1001)
    assert read_whole(page, html=True).fault == "too_large"
