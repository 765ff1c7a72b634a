"""The four gate stages: good data passes, bad data is told by column, settings are checked."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from pydantic import ValidationError

from llm.corpus.documents import DOCUMENT_SCHEMA, document_id
from llm.corpus.instructions import INSTRUCTION_SCHEMA
from llm.corpus.messages import MESSAGE_SCHEMA
from llm.errors import InputError
from llm.files import write_json, write_parquet
from llm.stages import (
    validate_documents,
    validate_instructions,
    validate_messages,
    validate_tokens,
)
from llm.tokens.shards import write_shards
from llm.tokens.tokenizer import train

DOCUMENTS = validate_documents.Config(
    language="en",
    minimum_documents=10,
    minimum_characters=5,
    maximum_characters=1_000,
    maximum_dropped_fraction=0.5,
)


def documents(numbers):
    texts = [f"The fox number {n} went over the hill to the hens." for n in numbers]
    rows = [
        {
            "id": document_id(text),
            "text": text,
            "source": "tales",
            "licence": "CC0-1.0",
            "language": "en",
            "language_score": 1.0,
            "quality": 1.0,
            "cluster": document_id(text),
            "raw_id": "1",
        }
        for text in texts
    ]
    return pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)


@pytest.fixture
def places(tmp_path):
    return {"validation": tmp_path / "gate.json", "docs": tmp_path / "docs"}


def test_documents(tmp_path, places):
    folder, cleaning = tmp_path / "documents", tmp_path / "clean.json"
    write_parquet(documents(range(12)), folder / "part-00000.parquet")
    write_json(cleaning, {"documents_in": 20, "documents_kept": 15, "dropped": {"short": 5}})
    metrics = validate_documents.run(DOCUMENTS, documents=folder, clean_metrics=cleaning, **places)
    assert metrics["facts"]["documents"] == 12
    assert metrics["facts"]["dropped_fraction"] == 0.25
    assert json.loads(places["validation"].read_text())["success"] is True

    write_json(cleaning, {"documents_in": 20, "documents_kept": 5})
    with pytest.raises(InputError, match=r"dropped_fraction.*found 0\.75") as caught:
        validate_documents.run(DOCUMENTS, documents=folder, clean_metrics=cleaning, **places)
    assert "section validate_documents" in str(caught.value)
    assert not places["validation"].exists()

    write_json(cleaning, {"kept": 5})
    with pytest.raises(InputError, match="documents_in"):
        validate_documents.run(DOCUMENTS, documents=folder, clean_metrics=cleaning, **places)


def test_an_empty_corpus_does_not_pass(tmp_path, places):
    folder, cleaning = tmp_path / "documents", tmp_path / "clean.json"
    write_parquet(DOCUMENT_SCHEMA.empty_table(), folder / "part-00000.parquet")
    write_json(cleaning, {"documents_in": 0, "documents_kept": 0})
    with pytest.raises(InputError, match=r"documents \(every_row\).*found 0"):
        validate_documents.run(DOCUMENTS, documents=folder, clean_metrics=cleaning, **places)


def test_tokens(tmp_path, places):
    tokenizer = train(documents(range(30)).column("text").to_pylist(), vocab_size=290)
    tokenizer.save(tmp_path / "tokenizer")
    for split, numbers in (("train", range(20)), ("validation", range(20, 30))):
        write_shards(
            documents(numbers).to_batches(),
            tmp_path / split,
            tokenizer=tokenizer,
            shard_tokens=200,
            threads=1,
        )
    paths = {
        "train": tmp_path / "train",
        "tokens_validation": tmp_path / "validation",
        "tokenizer": tmp_path / "tokenizer",
        **places,
    }
    config = validate_tokens.Config(minimum_train_tokens=100, minimum_validation_tokens=50)
    metrics = validate_tokens.run(config, **paths)
    assert metrics["facts"]["train_documents"] == 20
    assert metrics["sample_rows"] == 30

    with pytest.raises(InputError) as caught:
        validate_tokens.run(config, **(paths | {"tokens_validation": tmp_path / "train"}))
    assert "ids_in_two_splits" in str(caught.value)
    assert "found 20" in str(caught.value)

    train(["other text, other text"], vocab_size=260).save(tmp_path / "tokenizer")
    with pytest.raises(InputError, match="another tokenizer"):
        validate_tokens.run(config, **paths)


def test_messages(tmp_path, places):
    folder = tmp_path / "messages"
    for split, numbers in (
        ("train", range(8)),
        ("validation", range(8, 12)),
        ("test", range(12, 20)),
    ):
        rows = [
            {"id": f"m{n}", "text": f"call {n} now", "label": n % 2, "cluster": f"m{n}"}
            for n in numbers
        ]
        write_parquet(
            pa.Table.from_pylist(rows, schema=MESSAGE_SCHEMA), folder / f"{split}.parquet"
        )
    config = validate_messages.Config(
        minimum_rows=20, minimum_positive_fraction=0.05, maximum_positive_fraction=0.95
    )
    metrics = validate_messages.run(config, messages=folder, **places)
    assert metrics["facts"]["test_rows"] == 8
    strict = validate_messages.Config(
        minimum_rows=21, minimum_positive_fraction=0.6, maximum_positive_fraction=0.95
    )
    with pytest.raises(InputError, match="4 of") as caught:
        validate_messages.run(strict, messages=folder, **places)
    assert "test_positive_fraction" in str(caught.value)


def test_instructions(tmp_path, places):
    folder = tmp_path / "instructions"
    for at, split in enumerate(("train", "validation", "test", "judge")):
        rows = [
            {
                "id": f"i{at}-{n}",
                "instruction": "Add one.",
                "input": f"{at} {n}",
                "output": "x",
                "family": "sums",
            }
            for n in range(5)
        ]
        table = pa.Table.from_pylist(rows, schema=INSTRUCTION_SCHEMA)
        write_parquet(table, folder / f"{split}.parquet")
    config = validate_instructions.Config(minimum_records=20, maximum_prompt_characters=100)
    metrics = validate_instructions.run(config, instructions=folder, **places)
    assert metrics["facts"]["records"] == 20
    strict = validate_instructions.Config(minimum_records=20, maximum_prompt_characters=3)
    with pytest.raises(InputError, match=r"long_prompts \(every_row\).*found 20"):
        validate_instructions.run(strict, instructions=folder, **places)


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(ValidationError, match="maximum_characters is below"):
        validate_documents.Config(
            **(DOCUMENTS.model_dump() | {"minimum_characters": 9, "maximum_characters": 8})
        )
    with pytest.raises(ValidationError, match="maximum_positive_fraction is below"):
        validate_messages.Config(
            minimum_rows=1, minimum_positive_fraction=0.6, maximum_positive_fraction=0.5
        )
