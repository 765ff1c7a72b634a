"""Evaluation sets: what is read of each kind, and what cannot be read is said."""

from __future__ import annotations

import pytest

from llm.corpus.evaluation_sets import instruction_sets, message_sets, source_sets
from llm.corpus.instructions import Instruction, instruction_table
from llm.corpus.messages import Message, message_table
from llm.errors import InputError
from llm.files import write_manifest, write_parquet, write_text


def test_held_out_messages(tmp_path):
    for split in ("train", "validation", "test"):
        message = Message(id=split, text=f"of {split}", label=0, cluster=split)
        write_parquet(message_table([message]), tmp_path / f"{split}.parquet")
    assert [(one.name, dict(one.examples)) for one in message_sets(tmp_path)] == [
        ("messages, validation", {"validation": ["of validation"]}),
        ("messages, test", {"test": ["of test"]}),
    ]


def test_held_out_instructions(tmp_path):
    for split in ("train", "validation", "test", "judge"):
        record = Instruction(id=split, instruction="Say", input="a word", output="a")
        write_parquet(instruction_table([record]), tmp_path / f"{split}.parquet")
    sets = list(instruction_sets(tmp_path))
    assert [one.name for one in sets] == [
        "instructions, validation",
        "instructions, test",
        "instructions, judge",
    ]
    assert sets[1].examples == {"test": ["Say", "a word", "a"]}


def sources(folder, **files):
    """A raw folder of evaluations: source → (file, content)."""
    rows = []
    for source, (name, content) in files.items():
        write_text(folder / name, content)
        rows.append({"name": source, "file": name, "url": f"file:{name}", "licence": "MIT"})
    rows[0]["text_field"] = "ctx"
    write_manifest(folder, sources=rows)


def test_sources_of_evaluations(tmp_path):
    lines = '{"id": "h1", "ctx": "A man sits"}\n{"id": "h1", "ctx": "A dog"}\n{"ctx": "x"}\n'
    sources(tmp_path, quiz=("quiz.jsonl", lines), own=("own.txt", "Caf\u00e9 at noon"))
    own, quiz = source_sets(tmp_path)
    assert own.name == "own"
    assert own.examples == {"own.txt": ["Caf\u00e9 at noon"]}
    assert quiz.name == "quiz"
    assert list(quiz.examples.values()) == [["A man sits"], ["A dog"], ["x"]]
    assert list(quiz.examples)[:2] == ["h1", "h1~1"]


def test_no_source_gives_no_set(tmp_path):
    write_manifest(tmp_path, sources=[])
    assert list(source_sets(tmp_path)) == []


def test_a_record_without_a_text_is_an_error_that_names_it(tmp_path):
    sources(tmp_path, quiz=("quiz.jsonl", '{"ctx": "fine"}\n{"text": "elsewhere"}\n'))
    with pytest.raises(InputError, match=r"(?s)quiz.jsonl:2.*broken_record.*text_field"):
        list(source_sets(tmp_path))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16"])
def test_texts_come_in_any_encoding(tmp_path, encoding):
    sources(tmp_path, own=("own.txt", ""))
    row = {"name": "own", "file": "own.txt", "licence": "MIT"}
    (tmp_path / "own.txt").write_bytes("Café at noon".encode(encoding))
    write_manifest(tmp_path, sources=[row])
    (own,) = source_sets(tmp_path)
    assert own.examples == {"own.txt": ["Café at noon"]}
    (tmp_path / "own.txt").write_bytes(bytes(12))
    write_manifest(tmp_path, sources=[row])
    with pytest.raises(InputError, match=r"(?s)own.txt.*control bytes"):
        list(source_sets(tmp_path))
