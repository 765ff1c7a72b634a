"""Rows of JSONL and CSV: text, own fields, places, faults, and files that are broken."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus.reading import tables
from llm.corpus.reading.tables import line_spans, read_csv, read_lines
from llm.errors import InputError


def lines(path, content: bytes, **options):
    path.write_bytes(content)
    return list(read_lines(path, text_field="text", **options))


def cells(path, content: bytes, *, delimiter=",", text_field="text"):
    path.write_bytes(content)
    return list(read_csv(path, text_field=text_field, delimiter=delimiter))


def test_a_line_too_long_and_one_nested_too_deep(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "RECORD_BYTES", 1000)
    monkeypatch.setattr(tables, "_SKIP_BYTES", 64)
    deep = b'{"text": ' + b"[" * 800
    content = b'{"text": "' + b"x" * 5000 + b'"}\n{"text": "after"}\n' + deep + b'\n{"text": 1}'
    found = [(i.place, i.data, i.fault) for i in lines(tmp_path / "a.jsonl", content)]
    assert found == [
        (":1", None, "too_large"),
        (":2", "after", None),
        (":3", None, "broken_record"),
        (":4", None, "broken_record"),
    ]


@given(st.lists(st.text(max_size=30), max_size=20), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_spans_of_lines_are_the_lines(tmp_path_factory, texts, size):
    path = tmp_path_factory.mktemp("spans", numbered=True) / "a.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "SPAN_BYTES", size)
        items = [
            item
            for span in range(line_spans(path))
            for item in read_lines(path, text_field="text", span=span)
        ]
    assert [item.data for item in items] == texts
    assert len({item.place for item in items}) == len(items)


def test_lines_added_at_the_end_change_no_place(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "SPAN_BYTES", 100)
    first = b'{"text": "one"}\n' * 5
    before = lines(tmp_path / "a.jsonl", first, span=0)
    assert lines(tmp_path / "a.jsonl", first * 4, span=0)[: len(before)] == before


@given(st.lists(st.tuples(st.text(), st.text(max_size=5)), max_size=10), st.sampled_from(",\t"))
@settings(max_examples=60, deadline=None)
def test_what_csv_writes_is_read(tmp_path_factory, pairs, delimiter):
    import csv

    pairs = [(a.replace("\x00", ""), b.replace("\x00", "")) for a, b in pairs]
    pairs = [(a.encode(errors="replace").decode(), b.encode(errors="replace").decode())
             for a, b in pairs]  # fmt: skip
    path = tmp_path_factory.mktemp("csv", numbered=True) / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, delimiter=delimiter)
        writer.writerows([("text", "id"), *pairs])
    items = list(read_csv(path, text_field="text", delimiter=delimiter))
    assert [item.data for item in items] == [text for text, _ in pairs]
    assert [item.fields.get("id", "") for item in items] == [name for _, name in pairs]


def test_csv_with_a_mark_a_foreign_encoding_and_short_rows(tmp_path):
    content = b"\xef\xbb\xbfid,text\n1,caf\xc3\xa9\n2,caf\xe9\n3\n\n4,a,b\n"
    found = [(i.place, i.data, i.fault) for i in cells(tmp_path / "a.csv", content)]
    assert found == [
        (":2", "café", None),
        (":3", b"caf\xe9", None),
        (":4", None, "broken_record"),
        (":6", None, "broken_record"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no header"),
        (b"id,body\n1,x\n", "id, body"),
        (b'id,text\n1,"never closed\n2,x\n', "unexpected end of data"),
        (b'id,text\n1,"x"y\n', "expected after"),
    ],
)
def test_csv_that_cannot_be_read_right(tmp_path, content, message):
    with pytest.raises(InputError, match=message) as caught:
        cells(tmp_path / "a.csv", content)
    assert str(tmp_path / "a.csv") in str(caught.value.details["where"])
    assert all(caught.value.details.values())


@pytest.mark.parametrize("content", [b"text\n" + b"x" * 3000, b'text\n"' + b"x\n" * 3000])
def test_csv_cells_are_bounded(tmp_path, monkeypatch, content):
    monkeypatch.setattr(tables, "RECORD_BYTES", 1000)
    with pytest.raises(InputError, match=r"line over 64 MiB|field larger"):
        cells(tmp_path / "a.csv", content)
    monkeypatch.undo()
    cells(tmp_path / "a.csv", b"text\nx")  # the module's limit is process-wide: set it back
