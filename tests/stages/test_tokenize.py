"""The stage tokenize: both splits, their metrics, and the same bytes every time."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pyarrow as pa
import pytest
from pydantic import ValidationError

from llm.corpus.documents import DOCUMENT_SCHEMA, document_id
from llm.errors import InputError
from llm.files import read_manifest, write_manifest, write_parquet
from llm.stages.tokenize import Config, Mixture, run
from llm.tokens.shards import read_batches, read_tokens
from llm.tokens.tokenizer import train
from llm.tracking import MemoryTracker

TEXTS = [f"The fox number {n} went over the hill to the {n} hens." * 3 for n in range(80)]


def source(text: str) -> str:
    return "one digit" if len(text) == 150 else "two digits"


def config(weights=None, tokens=None, maximum_passes=None) -> Config:
    mixture = Mixture(weights=weights, tokens=tokens, maximum_passes=maximum_passes, seed=1)
    return Config(shard_tokens=1_000, mixture=mixture)


@pytest.fixture
def inputs(tmp_path):
    for split, texts in (("train", TEXTS[:70]), ("validation", TEXTS[70:])):
        rows = sorted(
            (
                {"id": document_id(t), "text": t, "source": source(t), "cluster": document_id(t)}
                for t in texts
            ),
            key=lambda row: row["id"],
        )
        table = pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)
        write_parquet(table, tmp_path / split / "part-00000.parquet")
        write_manifest(tmp_path / split)
    train(TEXTS, vocab_size=300).save(tmp_path / "tokenizer")
    return {
        "train_documents": tmp_path / "train",
        "validation_documents": tmp_path / "validation",
        "tokenizer": tmp_path / "tokenizer",
    }


def outputs(folder):
    return {"train": folder / "train", "validation": folder / "validation"}


def test_both_splits_are_written_counted_and_repeat(inputs, tmp_path, monkeypatch):
    settings = config()
    tracker = MemoryTracker()
    metrics = run(settings, **inputs, **outputs(tmp_path / "a"), tracker=tracker)
    monkeypatch.setenv("LLM_THREADS", "1")
    assert run(settings, **inputs, **outputs(tmp_path / "b"), tracker=MemoryTracker()) == metrics
    for split, count in (("train", 70), ("validation", 10)):
        token_ids, starts = read_tokens(tmp_path / "a" / split)
        assert len(starts) == metrics[split]["documents"] == count
        assert len(token_ids) == metrics[split]["tokens"] == metrics[f"{split}_tokens"]
        assert read_manifest(tmp_path / "a" / split, made_by="") == read_manifest(
            tmp_path / "b" / split, made_by=""
        )
    assert metrics["vocab_size"] == 300
    assert 1 < metrics["bytes_per_token"] < 20
    assert tracker.timings["megabytes_per_second"] > 0


def test_another_encoder_is_not_given_what_the_first_one_made(inputs, tmp_path, monkeypatch):
    """Who turns to tiktoken in doubt wants its ids, which are the same."""
    found, trackers = [], []
    for encoder in ("gigatoken", "gigatoken", "tiktoken"):
        monkeypatch.setenv("LLM_ENCODER", encoder)
        trackers.append(MemoryTracker())
        out = outputs(tmp_path / "out")
        run(config(), **inputs, **out, tracker=trackers[-1], cache=tmp_path / "cache")
        found.append(read_manifest(out["train"], made_by=""))
    assert [tracker.timings["units_cached"] for tracker in trackers] == [0, 2, 0]
    assert found[0] == found[1] == found[2]


def test_what_a_killed_run_left_beside_the_shards_goes(inputs, tmp_path):
    left = tmp_path / "a" / ".train.unmixed"
    left.mkdir(parents=True)
    run(config(), **inputs, **outputs(tmp_path / "a"), tracker=MemoryTracker())
    assert not left.exists()


def test_an_empty_split_is_refused(inputs, tmp_path):
    part = inputs["validation_documents"] / "part-00000.parquet"
    write_parquet(DOCUMENT_SCHEMA.empty_table(), part)
    write_manifest(part.parent)
    with pytest.raises(InputError, match="no document"):
        run(
            config(),
            **inputs,
            **outputs(tmp_path / "a"),
            tracker=MemoryTracker(),
        )
    assert not (tmp_path / "a" / "validation").exists()


def test_a_mixture_repeats_documents_of_the_training_set_alone(inputs, tmp_path):
    weights = {"one digit": 1.0, "two digits": 1.0}
    plain = run(config(), **inputs, **outputs(tmp_path / "a"), tracker=MemoryTracker())
    mixed = run(config(weights), **inputs, **outputs(tmp_path / "b"), tracker=MemoryTracker())
    again = run(config(weights), **inputs, **outputs(tmp_path / "c"), tracker=MemoryTracker())
    for split in ("train", "validation"):
        manifests = [read_manifest(tmp_path / name / split, made_by="") for name in "abc"]
        assert manifests[1] == manifests[2]
        assert (manifests[0] == manifests[1]) == (split == "validation")
    assert again == mixed
    assert [row["weight"] for row in plain["sources"]] == [None, None]
    few, many = mixed["sources"]
    assert (few["source"], few["documents"], many["documents"]) == ("one digit", 10, 60)
    assert few["share"] == pytest.approx(0.5, abs=0.01)
    assert few["passes"] > 3 > 1 > many["passes"]
    assert mixed["train_tokens"] == pytest.approx(plain["train_tokens"], rel=0.02)
    assert not list(tmp_path.glob("*/.*"))

    rows = [row for batch in read_batches(tmp_path / "b" / "train") for row in batch.to_pylist()]
    ids = [row["id"] for row in rows]
    assert len(set(ids)) == len(ids) == mixed["train"]["documents"]
    names = [name.split("+")[0] for name in ids]
    assert all(one != other for one, other in pairwise(names))
    tokens = {row["id"]: row["token_ids"] for row in rows}
    assert all(tokens[name] == tokens[name.split("+")[0]] for name in ids)
    copies = Counter(Counter(names).values())
    assert max(copies) in (3, 4)


def test_the_size_of_a_mixture_can_be_set(inputs, tmp_path):
    settings = config({"one digit": 1.0, "two digits": 3.0}, tokens=10_000)
    metrics = run(settings, **inputs, **outputs(tmp_path / "a"), tracker=MemoryTracker())
    assert metrics["train_tokens"] == pytest.approx(10_000, rel=0.02)


def test_a_source_read_too_often_is_refused(inputs, tmp_path):
    settings = config({"one digit": 1.0, "two digits": 1e6}, maximum_passes=1.05)
    with pytest.raises(InputError, match="'two digits' would be read more often"):
        run(settings, **inputs, **outputs(tmp_path / "a"), tracker=MemoryTracker())
    assert not list((tmp_path / "a").glob("*train*"))


def test_weights_of_other_sources_are_refused(inputs, tmp_path):
    with pytest.raises(InputError, match="did you mean 'one digit'"):
        run(
            config({"one digits": 1.0, "two digits": 1.0}),
            **inputs,
            **outputs(tmp_path / "a"),
            tracker=MemoryTracker(),
        )
    assert not list((tmp_path / "a").glob("*train*"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"weights": {"a": 0.0}, "tokens": None}, "greater than 0"),
        ({"weights": None, "tokens": 5000}, "tokens is given without weights"),
    ],
)
def test_weights_are_positive_and_a_size_needs_them(values, words):
    with pytest.raises(ValidationError, match=words):
        Mixture.model_validate({**values, "maximum_passes": None, "seed": 1})
