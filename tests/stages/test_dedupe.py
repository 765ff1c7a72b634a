"""The stage dedupe: one document per cluster, and scores where dirt was planted."""

import json
import random

import pytest

from llm.corpus.documents import document_id, read_rows, sorted_documents
from llm.errors import InputError
from llm.files import read_manifest, write_manifest
from llm.stages.dedupe import Config, run

CONFIG = Config(ngram_words=5, permutations=128, similarity=0.7, seed=1)


def story(seed: int) -> str:
    rng = random.Random(seed)
    return " ".join(f"word{rng.randrange(500)}" for _ in range(200))


TEXTS = {
    "a": story(1),
    "a-again": story(1),
    "a-near": story(1) + " And one more word.",
    "b": story(2),
    "c": story(3),
}


@pytest.fixture
def documents(tmp_path):
    folder = tmp_path / "clean"
    folder.mkdir()
    with sorted_documents(folder) as writer:
        for raw_id, text in TEXTS.items():
            row = {
                "id": document_id(text),
                "text": text,
                "source": "s",
                "licence": "l",
                "language": "en",
                "language_score": 1.0,
                "quality": 1.0,
                "cluster": "",
                "raw_id": raw_id,
            }
            writer.add(row)
    write_manifest(folder)
    return folder


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def test_one_document_of_each_cluster_stays(tmp_path, documents, raw):
    metrics = run(CONFIG, documents=documents, raw=raw, unique=tmp_path / "unique")
    rows = list(read_rows(tmp_path / "unique", made_by="dedupe"))
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert {row["raw_id"] for row in rows} == {"a-near", "b", "c"}  # the longest stays
    cluster = next(row["cluster"] for row in rows if row["raw_id"] == "a-near")
    assert cluster == min(document_id(TEXTS["a"]), document_id(TEXTS["a-near"]))
    assert all(row["cluster"] == row["id"] for row in rows if row["raw_id"] in "bc")
    assert metrics == {
        "documents_in": 5,
        "documents_kept": 3,
        "exact_duplicates": 1,
        "near_duplicates": 1,
        "clusters_of_several": 1,
        "largest_cluster": 3,
        "duplicate_fraction": 0.4,
    }


def test_twice_gives_the_same_bytes(tmp_path, documents, raw):
    manifests = []
    for name in ("one", "two"):
        run(CONFIG, documents=documents, raw=raw, unique=tmp_path / name)
        manifests.append(read_manifest(tmp_path / name, made_by="dedupe", verify=True))
    assert manifests[0] == manifests[1]


def test_scores_where_dirt_was_planted(tmp_path, documents, raw):
    planted = [
        {"id": "a", "planted": "clean", "of": None},
        {"id": "a-again", "planted": "exact_duplicate", "of": "a"},
        {"id": "a-near", "planted": "near_duplicate", "of": "a"},
        {"id": "b", "planted": "email", "of": None, "expected": "repair", "marks": ["word", "x@y"]},
    ]
    (raw / "planted.jsonl").write_text("\n".join(map(json.dumps, planted)))
    metrics = run(CONFIG, documents=documents, raw=raw, unique=tmp_path / "unique")
    assert metrics["planted"]["recall"] == {"exact_duplicate": 1.0, "near_duplicate": 1.0}
    assert metrics["planted"]["precision"] == 1.0
    assert metrics["planted"]["repaired_fraction"] == {"email": 0.5}


def test_a_truncated_part(tmp_path, documents, raw):
    part = documents / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    write_manifest(documents)
    with pytest.raises(InputError, match="truncated"):
        run(CONFIG, documents=documents, raw=raw, unique=tmp_path / "unique")
    assert not (tmp_path / "unique").exists()
