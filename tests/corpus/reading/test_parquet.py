"""Rows of Parquet: every kind of text, row groups of any size, files that are broken or bombs."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm.corpus.reading import parquet
from llm.corpus.reading.parquet import read_rows, row_spans
from llm.errors import InputError


def rows(path, table, *, text_field="text", **options):
    pq.write_table(table, path, **options)
    return list(read_rows(path, text_field=text_field))


def test_of_every_kind_of_text(tmp_path):
    for kind in (
        pa.string(),
        pa.large_string(),
        pa.string_view(),
        pa.binary(),
        pa.dictionary(pa.int32(), pa.string()),
    ):
        texts = pa.array(["one", None, "two"], pa.string()).cast(kind)
        table = pa.table({"id": [1, 2, 3], "body": texts, "other": [0.5, 1, 2]})
        items = rows(tmp_path / "a.parquet", table, text_field="body", row_group_size=2)
        data = [i.data.decode() if isinstance(i.data, bytes) else i.data for i in items]
        assert data == ["one", None, "two"]
        assert [i.place for i in items] == [":1", ":2", ":3"]
        assert items[1].fault == "broken_record"
        assert items[2].fields == {"id": 3}


def test_text_that_is_not_utf8_and_text_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "RECORD_BYTES", 1000)
    raw = pa.array([b"caf\xe9", b"x" * 2000, b"fine"], pa.binary())
    strings = pa.Array.from_buffers(pa.string(), 3, raw.buffers())
    items = rows(tmp_path / "a.parquet", pa.table({"text": strings}))
    assert [(i.data, i.fault) for i in items] == [
        (b"caf\xe9", None),
        (None, "too_large"),
        ("fine", None),
    ]


def test_without_the_column(tmp_path):
    with pytest.raises(InputError, match="body: string"):
        rows(tmp_path / "a.parquet", pa.table({"text": [1], "body": ["x"]}))
    with pytest.raises(InputError, match="text_field"):
        rows(tmp_path / "a.parquet", pa.table({"body": ["x"]}))


def test_that_is_damaged(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"text {n} " * 20 for n in range(2000)]})
    pq.write_table(table, path, row_group_size=500, write_page_checksum=True, compression="none")
    whole = path.read_bytes()
    for content in (whole[:-20], whole[: len(whole) // 2], b"", b"no table"):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"a\.parquet"):
            list(read_rows(path, text_field="text"))
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(InputError, match="row group"):
        list(read_rows(path, text_field="text"))


def test_spans_of_row_groups(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    table = pa.table({"text": [f"text {n}" for n in range(100)]})
    pq.write_table(table, path, row_group_size=10)
    assert [span.groups for span in row_spans(path)] == [list(range(10))]
    monkeypatch.setattr(parquet, "SPAN_BYTES", 1)
    assert [span.groups for span in row_spans(path)] == [[n] for n in range(10)]
    assert all(span.size > 60 for span in row_spans(path))
    assert next(read_rows(path, text_field="text", span=9)).place == ":91"


def test_what_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_HARMLESS_BYTES", 10_000)
    text = "The keeper of the lamp went home. " * 30
    table = pa.table({"text": pa.array([text] * 9).dictionary_encode()})
    assert len(rows(tmp_path / "a.parquet", table)) == 9
    path = tmp_path / "b.parquet"
    pq.write_table(pa.table({"text": pa.array([text] * 900).dictionary_encode()}), path)
    found = read_rows(path, text_field="text")
    assert next(found).data == text
    with pytest.raises(InputError, match="unpacks to far more") as caught:
        list(found)
    assert caught.value.details["where"] == path


def test_equal_texts_are_held_once(tmp_path):
    path = tmp_path / "a.parquet"
    table = pa.table({"text": pa.array(["x" * 1_000_000] * 100).dictionary_encode()})
    pq.write_table(table, path, compression="zstd")
    texts = [item.data for item in read_rows(path, text_field="text")]
    assert [len(text or "") for text in texts] == [1_000_000] * 100
    assert len({id(text) for text in texts}) < 10
