"""The stage clean: rows by id, rejects with reasons, equal bytes however many processes."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from llm.config import read_params
from llm.corpus.documents import DOCUMENT_SCHEMA, REJECT_SCHEMA
from llm.errors import InputError
from llm.files import read_manifest, write_manifest
from llm.stages import clean
from llm.stages.clean import Config, run

PARAMS = Path(__file__).resolve().parents[2] / "pipelines" / "profiles" / "tiny.yaml"
VALUES = read_params(PARAMS)["clean"]
VALUES["filters"] |= {"minimum_words": 5, "maximum_words": 1000}
CONFIG = Config.model_validate(VALUES)
STORY = "The keeper of lamp number {n} walked to the harbour and watched the boats of the evening."


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()

    def fill(files: dict[str, bytes]):
        for name, content in files.items():
            (folder / name).write_bytes(content)
        rows = [
            {"name": "own", "file": n, "licence": "CC0-1.0", "bytes": len(c)}
            for n, c in sorted(files.items())
        ]
        write_manifest(folder, sources=rows)
        return folder

    return fill


def jsonl(count: int) -> bytes:
    rows = [{"id": f"s{n}", "text": STORY.format(n=n)} for n in range(count)]
    return "\n".join(map(json.dumps, rows)).encode()


def paths(folder):
    return {"documents": folder / "documents", "rejects": folder / "rejects"}


def test_what_is_kept_and_what_is_dropped(tmp_path, raw):
    files = {
        "a.jsonl": jsonl(20) + b"\n{broken\n" + json.dumps({"id": "x", "text": "no"}).encode(),
        "b.txt": STORY.format(n="café").encode("cp1252"),
        "c.bin": b"\x00",
    }
    metrics = run(CONFIG, raw=raw(files), **paths(tmp_path))
    assert metrics["documents_in"] == 24
    assert metrics["documents_kept"] == 21
    assert metrics["dropped"] == {"broken_record": 1, "too_short": 1, "unknown_format": 1}
    assert metrics["would_drop"] == metrics["dropped"] | {"language": 1, "word_length": 1}
    assert metrics["dropped_fraction"] == pytest.approx(3 / 24)
    assert metrics["encodings"] == {"cp1252": 1}
    assert metrics["licences"] == {"CC0-1.0": 21}
    kept = pq.read_table(tmp_path / "documents" / "part-00000.parquet")
    assert kept.schema.equals(DOCUMENT_SCHEMA)
    ids = kept["id"].to_pylist()
    assert ids == sorted(ids)
    rejects = pq.read_table(tmp_path / "rejects" / "part-00000.parquet")
    assert rejects.schema.equals(REJECT_SCHEMA)
    assert rejects["raw_id"].to_pylist() == ["a.jsonl:21", "x", "c.bin"]
    assert rejects["measured"].to_pylist() == [None, 1.0, None]
    assert rejects["limit"].to_pylist() == [None, 5.0, None]
    assert read_manifest(tmp_path / "documents", made_by="clean", verify=True)["documents"] == 21


def test_equal_bytes_on_one_and_on_two_processes(tmp_path, raw, monkeypatch):
    folder = raw({f"{n}.jsonl": jsonl(400) for n in range(3)})
    monkeypatch.setattr(clean, "_SPREAD_BYTES", 0)
    results = []
    for workers in ("1", "2"):
        monkeypatch.setenv("LLM_WORKERS", workers)
        metrics = run(CONFIG, raw=folder, **paths(tmp_path / workers))
        manifest = (tmp_path / workers / "documents" / "manifest.json").read_bytes()
        results.append((metrics, manifest))
    assert results[0] == results[1]


def test_equal_documents_are_all_kept_here(tmp_path, raw):
    metrics = run(CONFIG, raw=raw({"a.jsonl": jsonl(3), "b.jsonl": jsonl(3)}), **paths(tmp_path))
    assert metrics["documents_kept"] == 6


def test_nothing_kept_names_the_reasons_and_writes_nothing(tmp_path, raw):
    with pytest.raises(InputError, match="too_short: 1") as caught:
        run(CONFIG, raw=raw({"a.txt": b"Too short."}), **paths(tmp_path))
    assert caught.value.exit_code == 3
    assert "clean" in str(caught.value.details["remedy"])
    assert not (tmp_path / "documents").exists()
    assert not (tmp_path / "rejects").exists()


def test_an_empty_corpus(tmp_path, raw):
    with pytest.raises(InputError, match="corpus is empty"):
        run(CONFIG, raw=raw({}), **paths(tmp_path))


def test_a_missing_corpus(tmp_path):
    with pytest.raises(InputError, match="dvc repro download"):
        run(CONFIG, raw=tmp_path / "none", **paths(tmp_path))


def test_licences_that_are_not_allowed_are_dropped_and_counted(tmp_path, raw):
    rows = [{"text": STORY.format(n=n), "licence": name} for n, name in enumerate(("MIT", "ISC"))]
    files = {"a.jsonl": "\n".join(map(json.dumps, rows)).encode(), "b.jsonl": jsonl(3)}
    config = CONFIG.model_copy(update={"allow_licences": ["cc0-1.0", "ISC"]})
    metrics = run(config, raw=raw(files), **paths(tmp_path))
    assert metrics["dropped"] == {"licence": 1}
    ledger = {row["licence"]: row for row in metrics["licence_ledger"]}
    assert {name: row["documents_kept"] for name, row in ledger.items()} == {
        "CC0-1.0": 3,
        "ISC": 1,
        "MIT": 0,
    }
    assert ledger["MIT"]["documents_forbidden"] == 1
    assert ledger["ISC"]["characters_kept"] == len(STORY.format(n=1))


def test_the_unusual_is_dropped_on_request(tmp_path, raw):
    odd = "A wizard quickly jinxed the six foxy gnomes of Czech fjords, vexing nymphs in vaults."
    files = {"a.jsonl": jsonl(61), "b.txt": odd.encode()}
    usual = {"keep_fraction": 0.9, "sample_characters": 10_000}
    config = Config.model_validate(VALUES | {"perplexity": usual})
    metrics = run(config, raw=raw(files), **paths(tmp_path))
    assert metrics["dropped"]["perplexity"] >= 1
    assert metrics["maximum_perplexity"] > 1.0
    names = sorted(path.name for path in (tmp_path / "documents").iterdir())
    assert names == ["manifest.json", "part-00000.parquet"]
    rejects = pq.read_table(tmp_path / "rejects" / "part-00000.parquet")
    assert "b.txt" in rejects["raw_id"].to_pylist()
