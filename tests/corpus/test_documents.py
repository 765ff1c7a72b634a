"""Documents: ids, order, bounded memory, and readable faults."""

import random
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from llm.corpus.documents import (
    DOCUMENT_SCHEMA,
    PartWriter,
    document_id,
    read_rows,
    require_passed,
    row_count,
    sorted_documents,
)
from llm.errors import InputError
from llm.files import write_json


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


def write(directory: Path, documents, **options) -> None:
    directory.mkdir()
    with sorted_documents(directory, **options) as writer:
        for document in documents:
            writer.add(document)


def test_id_is_the_hash_of_the_text_alone():
    assert document_id("a") == document_id("a") != document_id("b")
    assert len(document_id("a")) == 32


def test_rows_come_back_ordered_by_id_and_whole(tmp_path):
    write(tmp_path / "out", rows(50))
    found = list(read_rows(tmp_path / "out", made_by="clean"))
    assert [r["id"] for r in found] == sorted(r["id"] for r in found)
    assert {r["raw_id"] for r in found} == {r["raw_id"] for r in rows(50)}
    assert row_count(tmp_path / "out", made_by="clean") == 50


def test_bytes_do_not_depend_on_the_order_of_arrival_nor_on_spilling(tmp_path):
    documents = [*rows(200), row("twice", "b"), row("twice", "a")]
    write(tmp_path / "one", documents)
    random.Random(1).shuffle(documents)
    write(tmp_path / "two", documents, held_bytes=5_000)
    name = "part-00000.parquet"
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert [p.name for p in (tmp_path / "two").iterdir()] == [name]


def test_parts_end_at_their_size_and_an_empty_folder_has_one(tmp_path):
    writer = PartWriter(tmp_path, DOCUMENT_SCHEMA, part_bytes=1_000)
    for document in rows(20):
        writer.add(document)
    writer.close()
    assert len(list(tmp_path.glob("part-*.parquet"))) > 1
    assert len(list(read_rows(tmp_path, made_by="clean"))) == writer.rows == 20
    tiny = tmp_path / "tiny"
    tiny.mkdir()
    writer = PartWriter(tiny, DOCUMENT_SCHEMA, part_bytes=1_000)
    for document in rows(20):
        writer.add({**document, "text": ""})
    writer.close()
    assert len(list(tiny.glob("part-*.parquet"))) > 1  # rows without text weigh too
    empty = tmp_path / "empty"
    empty.mkdir()
    PartWriter(empty, DOCUMENT_SCHEMA).close()
    assert pq.read_table(empty / "part-00000.parquet").num_rows == 0


def test_scratch_is_removed_when_writing_fails(tmp_path):
    def broken():
        yield from rows(20)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write(tmp_path / "out", broken(), held_bytes=100)
    assert list((tmp_path / "out").iterdir()) == []


def test_truncated_part_names_the_stage(tmp_path):
    write(tmp_path / "out", rows(20))
    part = tmp_path / "out" / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-50])
    with pytest.raises(InputError, match="dvc repro --force clean"):
        list(read_rows(tmp_path / "out", made_by="clean"))


def test_gate_must_have_passed(tmp_path):
    gate = tmp_path / "gate.json"
    with pytest.raises(InputError, match="missing"):
        require_passed(gate, made_by="validate_documents")
    write_json(gate, {"success": False})
    with pytest.raises(InputError, match="did not pass"):
        require_passed(gate, made_by="validate_documents")
    write_json(gate, {"success": True})
    require_passed(gate, made_by="validate_documents")
