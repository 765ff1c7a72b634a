"""Parts: an id alone says where its row stands, whatever the order, the memory and the others."""

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm.corpus import parts
from llm.corpus.documents import DOCUMENT_SCHEMA, document_id
from llm.corpus.parts import PrefixWriter, SortingWriter, borders, part_bits, part_name


def row(text: str, raw_id: str = "raw") -> dict[str, object]:
    return {
        "id": document_id(text),
        "text": text,
        "source": "test",
        "licence": "CC0-1.0",
        "language": "en",
        "language_score": 0.5,
        "quality": 0.5,
        "cluster": "",
        "raw_id": raw_id,
    }


def rows(count: int) -> list[dict[str, object]]:
    return [row(f"text number {n} " * 20, f"raw-{n:04d}") for n in range(count)]


def write(directory, documents, *, held_bytes=10**6, part_bytes=10**6, tables=False):
    directory.mkdir()
    writer = SortingWriter(
        directory,
        DOCUMENT_SCHEMA,
        scratch=directory / ".scratch",
        held_bytes=held_bytes,
        part_bytes=part_bytes,
    )
    if tables:
        for start in range(0, len(documents), 7):
            writer.add_table(
                pa.Table.from_pylist(documents[start : start + 7], schema=DOCUMENT_SCHEMA)
            )
    else:
        for document in documents:
            writer.add(document)
    writer.close()
    assert not (directory / ".scratch").exists()
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_rows_are_the_same_however_few_fit_one_array(tmp_path, monkeypatch):
    documents = rows(60)
    documents[7] = row("a long text " * 400, "long")
    random.Random(1).shuffle(documents)
    whole = write(tmp_path / "whole", documents, tables=True)
    monkeypatch.setattr(parts, "_CHUNK_BYTES", 2000)
    assert write(tmp_path / "pieces", documents, tables=True) == whole
    spilt = write(tmp_path / "spilt", documents, tables=True, held_bytes=5000)
    assert spilt == whole


@pytest.mark.parametrize(
    ("size", "bits"), [(0, 0), (100, 0), (101, 1), (200, 1), (201, 2), (800, 3), (10**12, 20)]
)
def test_the_fewest_bits_that_keep_the_mean(size, bits):
    assert part_bits(size, rows=0, part_bytes=100) == bits


def test_tiny_texts_do_not_make_a_part_of_many_rows():
    """A reader holds something for each row, as a signature of 512 bytes."""
    assert 10**6 / 2 ** part_bits(10**6, rows=10**6) < 100_000


def test_borders_divide_evenly():
    assert borders(0) == []
    assert [border[:2] for border in borders(3)] == ["20", "40", "60", "80", "a0", "c0", "e0"]
    assert all(len(border) == 32 for border in borders(3))


def test_a_row_stands_where_its_id_says(tmp_path):
    files = write(tmp_path / "out", rows(300), part_bytes=16_000)
    assert len(files) == 16  # 300 texts of about 340 bytes
    for number in range(16):
        ids = pq.read_table(tmp_path / "out" / part_name(number))["id"].to_pylist()
        assert ids == sorted(ids)
        assert all(int(name[0], 16) == number for name in ids)


def test_bytes_depend_on_the_rows_alone(tmp_path):
    documents = [*rows(300), row("twice", "b"), row("twice", "a"), row("long " * 5000, "c")]
    one = write(tmp_path / "one", documents, part_bytes=16_000)
    random.Random(1).shuffle(documents)
    assert write(tmp_path / "spilled", documents, part_bytes=16_000, held_bytes=3_000) == one
    assert write(tmp_path / "tables", documents, part_bytes=16_000, tables=True) == one
    both = write(tmp_path / "both", documents, part_bytes=16_000, held_bytes=9_000, tables=True)
    assert both == one


def test_one_more_document_changes_one_part(tmp_path):
    before = write(tmp_path / "one", rows(300), part_bytes=16_000)
    after = write(tmp_path / "two", [*rows(300), row("new")], part_bytes=16_000)
    assert before.keys() == after.keys()
    assert [name for name in sorted(before) if before[name] != after[name]] == [
        part_name(int(document_id("new")[0], 16))
    ]


def test_parts_without_rows_have_files(tmp_path):
    assert list(write(tmp_path / "none", [])) == [part_name(0)]
    writer = PrefixWriter(tmp_path, DOCUMENT_SCHEMA, bits=2)
    table = pa.Table.from_pylist([row("text number 1")], schema=DOCUMENT_SCHEMA)
    writer.add(table.slice(0, 0))
    writer.add(table)
    writer.close()
    counts = [pq.read_table(tmp_path / part_name(n)).num_rows for n in range(4)]
    assert sum(counts) == writer.rows == 1
    assert counts[int(document_id("text number 1")[0], 16) // 4] == 1


def test_many_loose_rows_become_tables(tmp_path):
    files = write(tmp_path / "out", [row(f"t{n}", str(n)) for n in range(2_500)])
    assert pq.read_table(tmp_path / "out" / next(iter(files))).num_rows == 2_500
