"""Raw files to records: one per text file, one per JSONL line, faults named."""

import json

import pytest

from llm.corpus import records
from llm.corpus.records import read_records


def read(folder, *names):
    ledger = [{"file": name, "name": "test", "licence": "CC0-1.0"} for name in names]
    return list(read_records(folder, ledger))


def test_text_html_and_unknown_files(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"caf\xe9")
    (tmp_path / "b.HTML").write_bytes(b"<p>x</p>")
    (tmp_path / "c.pdf").write_bytes(b"%PDF")
    text, page, other = read(tmp_path, "a.txt", "b.HTML", "c.pdf")
    assert (text.raw_id, text.data, text.html) == ("a.txt", b"caf\xe9", False)
    assert page.html
    assert (other.data, other.fault) == (None, "unknown_format")


def test_lines_of_jsonl(tmp_path):
    lines = ['{"id": 7, "text": "seven"}', "", '{"text": "no id"}', "{broken", '{"id": 1}', "[]"]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    found = [(r.raw_id, r.data, r.fault) for r in read(tmp_path, "a.jsonl")]
    assert found == [
        ("7", "seven", None),
        ("a.jsonl:3", "no id", None),
        ("a.jsonl:4", None, "broken_record"),
        ("a.jsonl:5", None, "broken_record"),
        ("a.jsonl:6", None, "broken_record"),
    ]


def test_what_was_planted_is_no_document(tmp_path):
    (tmp_path / "planted.jsonl").write_text(json.dumps({"id": "a", "text": "secret"}))
    assert read(tmp_path, "planted.jsonl") == []


@pytest.mark.parametrize("border", ["\n\n", "\n", " "])
def test_a_long_file_comes_in_pieces_without_loss(tmp_path, monkeypatch, border):
    monkeypatch.setattr(records, "PIECE_BYTES", 100)
    text = border.join(f"paragraph-{n:03d}" for n in range(40))
    (tmp_path / "a.txt").write_text(text)
    pieces = read(tmp_path, "a.txt")
    assert b"".join(piece.data for piece in pieces) == text.encode()
    assert pieces[0].raw_id == "a.txt#0000"
    assert len(pieces) > 5
    assert all(len(piece.data) <= 100 for piece in pieces)
    assert all(piece.data.startswith(b"paragraph") for piece in pieces)


def test_a_long_file_of_wide_characters_stays_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "PIECE_BYTES", 100)
    (tmp_path / "a.txt").write_bytes(("word " * 100).encode("utf-16"))
    assert len(read(tmp_path, "a.txt")) == 1
