"""The gate stages: good data passes, bad data is told by column, settings are checked."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from pydantic import ValidationError

from llm.__main__ import main
from llm.config import read_params
from llm.corpus.documents import DOCUMENT_SCHEMA, REJECT_SCHEMA, document_id
from llm.corpus.instructions import INSTRUCTION_SCHEMA
from llm.corpus.messages import MESSAGE_SCHEMA
from llm.errors import InputError
from llm.files import read_json, sha256_of, write_json, write_manifest, write_parquet, write_text
from llm.stages import (
    clean,
    tokenize,
    train_tokenizer,
    validate_documents,
    validate_drift,
    validate_instructions,
    validate_messages,
    validate_raw,
    validate_splits,
    validate_tokens,
)
from llm.tokens.tokenizer import train
from llm.tokens.writing import write_shards
from llm.tracking import NullTracker

DOCUMENTS = validate_documents.Config(
    language="en",
    minimum_documents=10,
    minimum_characters=5,
    maximum_characters=1_000,
    maximum_dropped_fraction=0.5,
    maximum_reason_fraction={"language": 0.2},
)
DRIFT = validate_drift.Config(
    accepted_as="tales",
    maximum_change=validate_drift.Changes(
        documents=0.5,
        mean_characters=0.2,
        median_characters=0.2,
        mean_language_score=0.1,
        mean_quality=0.1,
        tokens_per_document=0.2,
        vocabulary_used_fraction=0.2,
    ),
    maximum_stability_index=0.25,
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


@pytest.fixture
def cleaned(tmp_path):
    """What cleaning kept and dropped: a quarter, each for one of two reasons."""
    reasons = ["language"] * 3 + ["too_short"] * 2
    rows = [{"raw_id": "1", "source": "tales", "reason": why, "text": "x"} for why in reasons]
    write_parquet(documents(range(12)), tmp_path / "documents" / "part-00000.parquet")
    table = pa.Table.from_pylist(rows, schema=REJECT_SCHEMA)
    write_parquet(table, tmp_path / "rejects" / "part-00000.parquet")
    for name in ("documents", "rejects"):
        write_manifest(tmp_path / name)
    counts = {"language": 3, "too_short": 2}
    cleaning = {"documents_in": 20, "documents_kept": 15, "dropped": counts}
    write_json(tmp_path / "clean.json", cleaning)
    return {
        "documents": tmp_path / "documents",
        "rejects": tmp_path / "rejects",
        "clean_metrics": tmp_path / "clean.json",
    }


def test_documents_and_rejects(cleaned, places):
    metrics = validate_documents.run(DOCUMENTS, **cleaned, **places)
    assert metrics["facts"]["documents"] == 12
    assert metrics["facts"]["dropped_fraction"] == 0.25
    assert metrics["facts"]["dropped_fraction_language"] == 0.15
    assert metrics["statistics"]["cleaning"] == {"kept": 15, "language": 3, "too_short": 2}
    assert json.loads(places["validation"].read_text())["success"] is True

    cleaning = read_json(cleaned["clean_metrics"], made_by="clean")
    write_json(cleaned["clean_metrics"], cleaning | {"documents_in": 12, "documents_kept": 5})
    with pytest.raises(InputError, match=r"2 of .* documents failed") as caught:
        validate_documents.run(DOCUMENTS, **cleaned, **places)
    assert "(dropped_fraction)" in str(caught.value)
    assert "(dropped_fraction_language)" in str(caught.value)
    assert "found 25 %" in str(caught.value)
    assert "section validate_documents" in str(caught.value)
    assert not places["validation"].exists()

    write_json(cleaned["clean_metrics"], {"kept": 5})
    with pytest.raises(InputError, match="documents_in"):
        validate_documents.run(DOCUMENTS, **cleaned, **places)


def test_an_empty_corpus_does_not_pass(cleaned, places):
    write_parquet(DOCUMENT_SCHEMA.empty_table(), cleaned["documents"] / "part-00000.parquet")
    write_manifest(cleaned["documents"])
    with pytest.raises(InputError, match=r"\(documents\): found 0"):
        validate_documents.run(DOCUMENTS, **cleaned, **places)


def test_raw(tmp_path, places):
    kinds = ("corpus", "messages", "instructions", "vocabulary", "weights", "evaluations")
    for kind in kinds:
        write_text(tmp_path / kind / "a.txt", kind)
        entry = {
            "name": "tales",
            "url": f"file:{kind}/a.txt",
            "file": "a.txt",
            "sha256": sha256_of(tmp_path / kind / "a.txt"),
            "bytes": len(kind),
            "licence": "CC0-1.0",
            "language": "en",
        }
        write_manifest(tmp_path / kind, sources=[entry])
    folders = {kind: tmp_path / kind for kind in kinds}
    config = validate_raw.Config(
        url_schemes=["file"], required=["corpus"], maximum_duplicate_fraction=0.0
    )
    metrics = validate_raw.run(config, **folders, **places)
    assert metrics["facts"]["weights_files"] == 1
    (tmp_path / "messages" / "a.txt").unlink()
    with pytest.raises(InputError, match=r"\(missing_files\): found 1") as caught:
        validate_raw.run(config, **folders, **places)
    assert "section validate_raw" in str(caught.value)


def test_splits(tmp_path, places):
    for split, numbers in (("train", range(9)), ("validation", range(9, 10))):
        write_parquet(documents(numbers), tmp_path / split / "part-00000.parquet")
        write_manifest(tmp_path / split)
    folders = {
        "train_documents": tmp_path / "train",
        "validation_documents": tmp_path / "validation",
    }
    config = validate_splits.Config(
        minimum_validation_fraction=0.05, maximum_validation_fraction=0.2
    )
    assert validate_splits.run(config, **folders, **places)["facts"]["train_documents"] == 9
    write_parquet(documents([0, 9, 10]), tmp_path / "validation" / "part-00000.parquet")
    write_manifest(tmp_path / "validation")
    with pytest.raises(InputError, match="3 of") as caught:
        validate_splits.run(config, **folders, **places)
    for fault in ("validation_fraction", "ids_in_two_splits", "clusters_in_two_splits"):
        assert f"({fault})" in str(caught.value)


def test_drift(tmp_path, places, capsys):
    statistics = {
        "documents": 10,
        "mean_characters": 90.0,
        "median_characters": 80.0,
        "mean_language_score": 0.9,
        "mean_quality": 0.5,
        "sources": {"tales": 10},
        "cleaning": {"kept": 10},
    }
    others = {
        "tokens": {"tokens_per_document": 40.0, "vocabulary_used_fraction": 0.8},
        "messages": {"labels": {"positive": 1, "negative": 9}},
    }
    paths = {
        name: tmp_path / f"{name}.json" for name in ("documents", "tokens", "messages", "accepted")
    }
    for name, found in {"documents": statistics, **others}.items():
        write_json(paths[name], {"success": True, "statistics": found})
    write_json(paths["accepted"], {})
    metrics = validate_drift.run(DRIFT, **paths, **places)
    assert (metrics["accepted"], metrics["changes"]) == (None, {})
    assert "Nothing is accepted yet as 'tales'" in capsys.readouterr().out
    passed = places["validation"].read_bytes()

    write_json(paths["accepted"], {"tales": metrics["now"]})
    metrics = validate_drift.run(DRIFT, **paths, **places)
    assert metrics["changes"]["documents_change"] == 0.0
    assert places["validation"].read_bytes() == passed  # so that nothing is trained anew

    moved = statistics | {"documents": 30, "sources": {"tales": 15, "fables": 15}}
    write_json(paths["documents"], {"success": True, "statistics": moved})
    with pytest.raises(InputError, match="2 of 10") as caught:
        validate_drift.run(DRIFT, **paths, **places)
    told = str(caught.value)
    assert "documents: accepted 10, now 30 (documents_change): found 200 %, expected" in told
    assert "fables 0.0% accepted, 50.0% now" in told
    assert "python -m llm accept" in told
    assert not places["validation"].exists()


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
    write_manifest(folder)
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
    write_manifest(folder)
    config = validate_instructions.Config(minimum_records=20, maximum_prompt_characters=100)
    metrics = validate_instructions.run(config, instructions=folder, **places)
    assert metrics["facts"]["records"] == 20
    strict = validate_instructions.Config(minimum_records=20, maximum_prompt_characters=3)
    with pytest.raises(InputError, match=r"\(long_prompts\): found 20"):
        validate_instructions.run(strict, instructions=folder, **places)


def test_bounds_in_the_wrong_order_are_refused():
    with pytest.raises(ValidationError, match="maximum_characters is below"):
        validate_documents.Config(
            **(DOCUMENTS.model_dump() | {"minimum_characters": 9, "maximum_characters": 8})
        )
    with pytest.raises(ValidationError, match="maximum_validation_fraction is below"):
        validate_splits.Config(minimum_validation_fraction=0.6, maximum_validation_fraction=0.5)
    with pytest.raises(ValidationError, match="maximum_positive_fraction is below"):
        validate_messages.Config(
            minimum_rows=1, minimum_positive_fraction=0.6, maximum_positive_fraction=0.5
        )


def test_accepting_is_one_command(root, tmp_path, capsys):
    for gate, statistics in {
        "documents": {"documents": 3},
        "tokens": {"tokens_per_document": 4.5},
        "messages": {"labels": {"positive": 1}},
    }.items():
        write_json(tmp_path / f"{gate}.json", {"success": True, "statistics": statistics})
    accepted = tmp_path / "accepted.json"
    places = ["--gates", str(tmp_path), "--accepted", str(accepted)]
    words = ["accept", "--params", str(root / "params.yaml"), *places]
    assert main(words) == 0
    assert "as 'tiny'. Commit it." in capsys.readouterr().out
    assert read_json(accepted, made_by="x") == {
        "tiny": {"documents": 3, "tokens_per_document": 4.5, "labels": {"positive": 1}}
    }
    (tmp_path / "tokens.json").unlink()
    assert main(words) == 3
    assert "dvc repro validate_tokens" in capsys.readouterr().err


def test_stages_wait_for_the_gates_before_them(tmp_path, root):
    params = read_params(root / "pipelines" / "profiles" / "tiny.yaml")
    failed = tmp_path / "gate.json"
    write_json(failed, {"success": False})
    with pytest.raises(InputError, match=r"did not pass[\s\S]*validate_splits"):
        train_tokenizer.run(
            train_tokenizer.Config(**params["train_tokenizer"]),
            documents=tmp_path,
            vocabulary=tmp_path,
            tokenizer=tmp_path / "tokenizer",
            validated=failed,
        )
    with pytest.raises(InputError, match=r"did not pass[\s\S]*validate_splits"):
        tokenize.run(
            tokenize.Config(**params["tokenize"]),
            train_documents=tmp_path,
            validation_documents=tmp_path,
            tokenizer=tmp_path,
            train=tmp_path / "train",
            validation=tmp_path / "validation",
            tracker=NullTracker(),
            validated=failed,
        )
    write_manifest(tmp_path, sources=[])
    with pytest.raises(InputError, match=r"did not pass[\s\S]*validate_raw"):
        clean.run(
            clean.Config(**params["clean"]),
            raw=tmp_path,
            documents=tmp_path / "documents",
            rejects=tmp_path / "rejects",
            validated=failed,
        )
