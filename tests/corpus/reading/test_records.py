"""Raw files to records: one per text file, one per JSONL line, faults named."""

import gzip
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.reading import parquet, tables, texts
from llm.corpus.reading.records import read_records, read_unit, work_units
from llm.errors import InputError


def zstd(content: bytes) -> bytes:
    return pa.compress(content, codec="zstd", asbytes=True)


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


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_json_of_lines_and_json_of_other_shapes(tmp_path, monkeypatch, pack):
    monkeypatch.setattr(tables, "SPAN_BYTES", 20)
    contents = [b'\n{"text": "one"}\n{"text": "two"}\n', b'{\n "text": "one"\n}', b'[{"text": ""}]']
    found = []
    for content in (*contents, b"", b"{broken"):
        name = "a.json" if pack is bytes else "a.json.gz"
        (tmp_path / name).write_bytes(pack(content))
        found.append([(record.data, record.fault) for record in read(tmp_path, name)])
    assert found == [[("one", None), ("two", None)], *[[(None, "unknown_format")]] * 4]


def test_what_was_planted_is_no_document(tmp_path):
    (tmp_path / "planted.jsonl").write_text(json.dumps({"id": "a", "text": "secret"}))
    assert read(tmp_path, "planted.jsonl") == []


@pytest.mark.parametrize("border", ["\n\n", "\n", " "])
def test_a_long_file_comes_in_pieces_without_loss(tmp_path, monkeypatch, border):
    monkeypatch.setattr(texts, "PIECE_BYTES", 100)
    text = border.join(f"paragraph-{n:03d}" for n in range(40))
    (tmp_path / "a.txt").write_text(text)
    pieces = read(tmp_path, "a.txt")
    assert b"".join(piece.data for piece in pieces) == text.encode()
    assert pieces[0].raw_id == "a.txt#0000"
    assert len(pieces) > 5
    assert all(len(piece.data) <= 150 for piece in pieces)
    assert all(piece.data.startswith(b"paragraph") for piece in pieces)


def test_a_long_file_of_wide_characters_stays_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "PIECE_BYTES", 100)
    (tmp_path / "a.txt").write_bytes(("word " * 100).encode("utf-16"))
    assert len(read(tmp_path, "a.txt")) == 1


def test_fields_of_a_record_come_before_those_of_its_source(tmp_path):
    rows = [
        {"text": "a", "licence": "MIT", "url": "https://a.org/1", "language": "fr"},
        {"text": "a", "license": "", "id": ""},
        {"text": "a", "license": ["Apache-2.0"], "id": 7},
        {"text": "a", "license": {"name": "MIT"}, "id": True},
        {"text": "a", "licence": ["MIT", "ISC"], "id": "\ud800"},
        {"text": "a", "licence": " CC-BY-4.0\n by  Jo ", "id": 8},
        {"text": "a", "licence": "Permission is hereby granted " * 30, "id": 9},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = [(r.raw_id, r.licence, r.language) for r in read(tmp_path, "a.jsonl")]
    assert found == [
        ("https://a.org/1", "MIT", "fr"),
        ("a.jsonl:2", "CC0-1.0", ""),
        ("7", "Apache-2.0", ""),
        ("a.jsonl:4", "unknown", ""),
        ("?", "unknown", ""),
        ("8", "CC-BY-4.0 by Jo", ""),
        ("9", "unknown", ""),
    ]


def test_formats_are_told_by_names_with_any_compression(tmp_path):
    line = b'{"body": "one"}\n'
    table = b"id\tbody\n7\tone\n"
    files = {
        "a.JSONL.gz": gzip.compress(line),
        "a.jsonl.zst": zstd(line),
        "a.tsv.gz": gzip.compress(table),
        "a.txt.zst": zstd(b"one"),
        "a.gz": gzip.compress(b"one"),
        "a.html.gz": gzip.compress(b"<p>one"),
        "a.parquet.gz": b"",
        "a.zip": b"",
    }
    found = {}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        row = {"file": name, "name": "s", "licence": "x", "text_field": "body", "language": "en"}
        (found[name],) = read_records(tmp_path, [row])
    assert [record.data for record in found.values()] == [
        "one", "one", "one", b"one", b"one", b"<p>one", None, None
    ]  # fmt: skip
    assert found["a.tsv.gz"].raw_id == "7"
    assert found["a.html.gz"].html
    assert found["a.zip"].fault == found["a.parquet.gz"].fault == "unknown_format"
    assert {record.language for record in found.values()} == {"en"}


def test_a_broken_container_stops_the_reading(tmp_path):
    whole = gzip.compress(random.Random(1).randbytes(5000) + b"\n")
    for name, content in {
        "a.txt.gz": whole[:-9],
        "b.txt.gz": whole[:2000] + b"\x00\x01" + whole[2002:],
        "c.jsonl.zst": zstd(b"x" * 5000)[:-3],
        "d.txt.gz": b"",
        "e.txt.gz": b"no gzip at all",
    }.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=name) as caught:
            read(tmp_path, name)
        assert "truncated or damaged" in str(caught.value)


def test_units_together_are_the_records(tmp_path, monkeypatch):
    monkeypatch.setattr(texts, "PIECE_BYTES", 60)
    monkeypatch.setattr(tables, "SPAN_BYTES", 100)
    monkeypatch.setattr(parquet, "SPAN_BYTES", 100)
    (tmp_path / "a.txt").write_text("word " * 50)
    (tmp_path / "b.jsonl").write_text("".join(f'{{"text": "line {n}"}}\n' for n in range(40)))
    table = pa.table({"text": [f"row {n}" for n in range(40)]})
    pq.write_table(table, tmp_path / "c.parquet", row_group_size=4)
    (tmp_path / "d.csv").write_text("text\none\n")
    ledger = [
        {"file": name, "name": "s", "licence": "x"}
        for name in ("a.txt", "b.jsonl", "c.parquet", "d.csv")
    ]
    units = list(work_units(tmp_path, ledger))
    assert len({unit.row["file"] for unit in units if unit.piece is not None}) == 3
    backwards = [[*read_unit(tmp_path, unit)] for unit in reversed(units)]
    together = list(read_records(tmp_path, ledger))
    assert together == [record for piece in reversed(backwards) for record in piece]
    assert len({record.raw_id for record in together}) == len(together)
    assert [r.data for r in together if ".parquet" in r.raw_id] == [f"row {n}" for n in range(40)]
    assert [r.data for r in together if ".jsonl" in r.raw_id] == [f"line {n}" for n in range(40)]


def test_a_users_own_planted_file_is_read(tmp_path):
    (tmp_path / "planted.jsonl").write_text('{"text": "mine"}')
    row = {"file": "planted.jsonl", "name": "s", "licence": "x", "url": "file:mine"}
    assert [record.data for record in read_records(tmp_path, [row])] == ["mine"]


@given(st.binary(max_size=400), st.sampled_from([".txt", ".html", ".jsonl", ".csv", ".tsv",
       ".parquet", ".warc", ".txt.gz", ".jsonl.zst", ".wet.gz", ".pdf"]))  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_no_bytes_crash_the_reading(tmp_path_factory, content, suffix):
    folder = tmp_path_factory.mktemp("raw", numbered=True)
    (folder / f"a{suffix}").write_bytes(content)
    found, where = [], suffix
    try:
        found = read(folder, f"a{suffix}")
    except InputError as error:
        where = str(error.details["where"])
    assert suffix in where
    for record in found:
        assert (record.data is None) == (record.fault is not None)
        record.raw_id.encode("utf-8")
