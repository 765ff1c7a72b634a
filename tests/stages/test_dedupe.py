"""The stage dedupe: one document per cluster, and scores where dirt was planted."""

import json
import os
import random
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from llm.config import read_params
from llm.corpus.documents import CLUSTER_SCHEMA, document_id, read_rows, sorted_documents
from llm.errors import InputError
from llm.files import read_manifest, write_json, write_manifest
from llm.stages.dedupe import Config, Pieces, run

CONFIG = Config(
    ngram_words=5, permutations=128, similarity=0.7, seed=1, paragraphs=None, lines=None
)


def story(seed: int) -> str:
    rng = random.Random(seed)
    return " ".join(f"word{rng.randrange(500)}" for _ in range(200))


TEXTS = {
    "a": story(1),
    "a-again": story(1),
    "a-near": story(1) + " And one more word.",
    "a-loud": story(1).upper(),
    "b": story(2),
    "c": story(3),
}
BEST = "a-near"


def outs(home):
    return {"unique": home / "unique", "clusters": home / "clusters"}


def write(folder, texts):
    folder.mkdir()
    with sorted_documents(folder) as writer:
        for raw_id, text in texts.items():
            row = {
                "id": document_id(text),
                "text": text,
                "source": "s",
                "licence": "l",
                "language": "en",
                "language_score": 1.0,
                "quality": 0.9 if raw_id == BEST else 0.5,
                "cluster": "",
                "raw_id": raw_id,
            }
            writer.add(row)
    write_manifest(folder)
    return folder


@pytest.fixture
def documents(tmp_path):
    return write(tmp_path / "clean", TEXTS)


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


def test_one_document_of_each_cluster_stays(tmp_path, documents, raw):
    metrics = run(CONFIG, documents=documents, raw=raw, **outs(tmp_path))
    rows = list(read_rows(tmp_path / "unique", made_by="dedupe"))
    assert [row["id"] for row in rows] == sorted(row["id"] for row in rows)
    assert {row["raw_id"] for row in rows} == {"a-near", "b", "c"}  # the best stays
    cluster = next(row["cluster"] for row in rows if row["raw_id"] == "a-near")
    assert cluster == min(document_id(TEXTS[name]) for name in ("a", "a-near", "a-loud"))
    assert all(row["cluster"] == row["id"] for row in rows if row["raw_id"] in "bc")
    curve = metrics.pop("candidate_probability")
    assert curve["0.1"] < 0.01 < 0.99 < curve["0.7"]
    assert metrics == {
        "documents_in": 6,
        "documents_kept": 3,
        "exact_duplicates": 1,
        "normalised_duplicates": 1,
        "near_duplicates": 1,
        "clusters_of_several": 1,
        "largest_cluster": 4,
        "duplicate_fraction": 0.5,
    }


def test_what_became_of_each(tmp_path, documents, raw):
    run(CONFIG, documents=documents, raw=raw, **outs(tmp_path))
    (part,) = (tmp_path / "clusters").glob("part-*.parquet")
    table = pq.read_table(part)
    assert table.schema == CLUSTER_SCHEMA
    rows = {row["raw_id"]: row for row in table.to_pylist()}
    assert {raw_id: row["id"] for raw_id, row in rows.items()} == {
        raw_id: document_id(text) for raw_id, text in TEXTS.items()
    }
    assert {row["cluster"] for raw_id, row in rows.items() if raw_id[0] == "a"} == {
        min(document_id(TEXTS[name]) for name in ("a", "a-near", "a-loud"))
    }
    kinds = {raw_id: (row["kind"], row["kept"]) for raw_id, row in rows.items()}
    same_words = sorted([rows["a"]["kind"], rows["a-loud"]["kind"]])
    assert same_words == ["near", "normalised"]  # by the lower id
    assert kinds["a-near"] == kinds["b"] == kinds["c"] == ("unique", True)
    assert kinds["a-again"] == ("exact", False)


def test_of_copies_under_two_licences_the_first_source_stays(tmp_path, raw):
    """Whichever file came first; what became of the other copies stands under `clusters`."""
    folder = tmp_path / "clean"
    folder.mkdir()
    with sorted_documents(folder) as writer:
        for source, licence in (("web", "proprietary"), ("books", "CC0-1.0"), ("news", "MIT")):
            ids = {"id": document_id(story(1)), "cluster": "", "raw_id": f"{source}.txt"}
            own = {"text": story(1), "source": source, "licence": licence, "language": "en"}
            writer.add({**ids, **own, "language_score": 1.0, "quality": 0.5})
    write_manifest(folder)
    run(CONFIG, documents=folder, raw=raw, **outs(tmp_path))
    (kept,) = read_rows(tmp_path / "unique", made_by="dedupe")
    assert (kept["source"], kept["licence"]) == ("books", "CC0-1.0")
    (part,) = (tmp_path / "clusters").glob("part-*.parquet")
    kinds = {row["source"]: row["kind"] for row in pq.read_table(part).to_pylist()}
    assert kinds == {"books": "unique", "news": "exact", "web": "exact"}


def test_memory_does_not_matter(tmp_path, documents, raw, monkeypatch):
    found = []
    for memory in ("16MiB", "4GiB"):
        monkeypatch.setenv("LLM_MEMORY", memory)
        run(CONFIG, documents=documents, raw=raw, **outs(tmp_path))
        found += [read_manifest(out, made_by="dedupe") for out in outs(tmp_path).values()]
    assert found[:2] == found[2:]


def test_twice_gives_the_same_bytes(tmp_path, documents, raw):
    manifests = []
    for name in ("one", "two"):
        run(CONFIG, documents=documents, raw=raw, **outs(tmp_path / name))
        folders = outs(tmp_path / name).values()
        manifests += [read_manifest(out, made_by="dedupe", verify=True) for out in folders]
    assert manifests[:2] == manifests[2:]


def test_scores_where_dirt_was_planted(tmp_path, documents, raw):
    planted = [
        {"id": "a", "planted": "clean", "of": None},
        {"id": "a-again", "planted": "exact_duplicate", "of": "a"},
        {"id": "a-near", "planted": "near_duplicate", "of": "a"},
        {"id": "a-loud", "planted": "near_duplicate", "of": "a"},
        {"id": "b", "planted": "email", "of": None, "expected": "repair", "marks": ["word", "x@y"]},
    ]
    (raw / "planted.jsonl").write_text("\n".join(map(json.dumps, planted)))
    metrics = run(CONFIG, documents=documents, raw=raw, **outs(tmp_path))
    assert metrics["planted"]["recall"] == {"exact_duplicate": 1.0, "near_duplicate": 1.0}
    assert metrics["planted"]["precision"] == 1.0
    assert metrics["planted"]["repaired_fraction"] == {"email": 0.5}


def test_a_truncated_part(tmp_path, documents, raw):
    part = documents / "part-00000.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    write_manifest(documents)
    with pytest.raises(InputError, match="truncated"):
        run(CONFIG, documents=documents, raw=raw, **outs(tmp_path))
    assert not (tmp_path / "unique").exists()
    assert not (tmp_path / "clusters").exists()


def test_pieces_said_before_go_and_too_short_documents_do_not_stay(tmp_path, raw):
    notice = "all the stories of this site may be told to everyone who asks"
    texts = {str(n): f"{notice}\n\n{story(n)}\nthe {notice}\n{story(n + 50)}" for n in range(4)}
    texts["short"] = f"{notice}\n\nthe end"
    folder = write(tmp_path / "more", texts)
    pieces = Pieces(minimum_words=6, minimum_document_words=10)
    config = CONFIG.model_copy(update={"paragraphs": pieces, "lines": pieces})
    metrics = run(config, documents=folder, raw=raw, **outs(tmp_path))
    rows = {row["raw_id"]: row["text"] for row in read_rows(tmp_path / "unique", made_by="dedupe")}
    first = min(texts, key=lambda name: document_id(texts[name]))
    shorter = "short" not in rows
    assert metrics["paragraphs"]["repeated"] == 4
    assert metrics["paragraphs"]["documents_too_short"] == shorter == (first != "short")
    assert metrics["lines"]["repeated"] == 3
    assert metrics["documents_kept"] == len(rows) == 5 - shorter
    assert sum(text.count(notice) for text in rows.values()) == 2
    for name, text in rows.items():
        if name != "short":
            assert story(int(name)) in text
            assert story(int(name) + 50) in text
    (part,) = (tmp_path / "clusters").glob("part-*.parquet")
    kept = {row["raw_id"]: (row["kind"], row["kept"]) for row in pq.read_table(part).to_pylist()}
    assert kept == {name: ("unique", name in rows) for name in texts}
    assert not list((tmp_path / "unique").glob(".*"))


@pytest.mark.slow
def test_a_cluster_gives_the_same_bytes(tmp_path, raw, root):
    """Also of paragraphs and lines, which come after signing, in the same connection."""
    folder = write(
        tmp_path / "many", {str(n): f"{story(1)}\n\n{story(n % 9)}\n{story(7)}" for n in range(12)}
    )
    params = read_params(root / "params.yaml")
    pieces = {"minimum_words": 6, "minimum_document_words": 10}
    params["dedupe"] |= {"paragraphs": pieces, "lines": pieces}
    write_json(tmp_path / "params.yaml", params)
    found = []
    for runner in ("native", "ray"):
        home = tmp_path / runner
        options = {"documents": folder, "raw": raw, "metrics": home / "m.json", **outs(home)}
        flags = [word for name, path in options.items() for word in (f"--{name}", str(path))]
        subprocess.run(
            [sys.executable, "-m", "llm", "dedupe", "--params", tmp_path / "params.yaml", *flags],
            cwd=root,
            env={
                **{name: v for name, v in os.environ.items() if name != "RAY_ADDRESS"},
                "DAFT_RUNNER": runner,
                "LLM_TRACKING": "off",
            },
            check=True,
            timeout=240,
        )
        written = [read_manifest(path, made_by="dedupe") for path in outs(home).values()]
        found.append((written, (home / "m.json").read_bytes()))
    assert found[0] == found[1]
