"""The stage download: five folders from real sources, or a clear fault and nothing."""

import gzip
import hashlib
import io
import json
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from llm.__main__ import main
from llm.config import read_params
from llm.errors import InputError
from llm.files import read_manifest
from llm.stages import clean
from llm.stages.download import Config, run

SYNTHETIC = {
    "name": "spam",
    "holds": "messages",
    "urls": ["synthetic://messages?seed=2&scale=1"],
    "sha256": None,
    "licence": "CC0-1.0",
    "language": "en",
}


def config(*sources) -> Config:
    return Config.model_validate(
        {"retries": 0, "timeout_seconds": 1, "backoff_seconds": 0.0, "sources": list(sources)}
    )


def corpus(path, **changes):
    return {
        "name": "own",
        "holds": "corpus",
        "urls": [f"file:{path}"],
        "sha256": None,
        "licence": "CC-BY-4.0",
        "language": "en",
        **changes,
    }


@pytest.fixture
def paths(tmp_path):
    kinds = ("corpus", "messages", "instructions", "vocabulary", "weights", "evaluations")
    return {kind: tmp_path / "raw" / kind for kind in kinds} | {"partial": tmp_path / "partial"}


def test_own_folder_and_a_synthetic_set(tmp_path, paths):
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.txt").write_text("one")
    metrics = run(config(corpus(tmp_path / "own"), SYNTHETIC), **paths)
    assert metrics["files"] == 2
    assert metrics["by_kind"]["corpus"] == {"files": 1, "bytes": 3}
    assert metrics["by_licence"]["CC-BY-4.0"] == {"files": 1, "bytes": 3}
    assert metrics["by_source"][0] == {
        "name": "own",
        "licence": "CC-BY-4.0",
        "language": "en",
        "files": 1,
        "bytes": 3,
    }
    assert (paths["messages"] / "messages.csv").is_file()
    for kind in ("corpus", "messages", "instructions", "vocabulary", "weights", "evaluations"):
        read_manifest(paths[kind], made_by="download", verify=True)
    assert not paths["partial"].exists()


def test_the_same_settings_give_the_same_bytes(tmp_path, paths):
    (tmp_path / "a.txt").write_text("one")
    manifests = []
    for _ in range(2):
        run(config(corpus(tmp_path / "a.txt"), SYNTHETIC), **paths)
        manifests.append((paths["messages"] / "manifest.json").read_bytes())
    assert manifests[0] == manifests[1]


def test_a_mirror_from_the_environment(tmp_path, paths, monkeypatch):
    file = tmp_path / "mirror" / "example.invalid" / "texts" / "a.txt"
    file.parent.mkdir(parents=True)
    file.write_text("one")
    monkeypatch.setenv("LLM_MIRROR", str(tmp_path / "mirror"))
    sha256 = hashlib.sha256(b"one").hexdigest()
    run(config(corpus("", urls=["https://example.invalid/texts/a.txt"], sha256=sha256)), **paths)
    assert (paths["corpus"] / "a.txt").read_text() == "one"


def test_a_missing_file_writes_nothing(tmp_path, paths):
    with pytest.raises(InputError):
        run(config(corpus(tmp_path / "none.txt")), **paths)
    assert not (tmp_path / "raw").exists()


def test_settings_that_make_no_sense():
    with pytest.raises(ValidationError, match="same name: own"):
        config(corpus("a.txt"), corpus("b.txt"))
    with pytest.raises(ValidationError, match="no source holds a corpus"):
        config(SYNTHETIC)


STORY = "The keeper of lamp number {n} walked to the harbour and watched the boats of the evening."


def every_format(folder):
    """One story per file, each in another format; return how many."""
    texts = [STORY.format(n=n) for n in range(12)]
    one = json.dumps({"text": texts[0], "licence": "MIT"}).encode()
    other = json.dumps({"text": texts[9]}).encode()
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>" + texts[1].encode()
    warc = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\n"
    warc += b"Content-Length: %d\r\n\r\n%s\r\n\r\n" % (len(http), http)
    wet = b"WARC/1.0\r\nWARC-Type: conversion\r\nContent-Type: text/plain\r\n"
    wet += b"Content-Length: %d\r\n\r\n%s\r\n\r\n" % (len(texts[2]), texts[2].encode())
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        info = tarfile.TarInfo("deep/story.txt")
        info.size = len(texts[3])
        archive.addfile(info, io.BytesIO(texts[3].encode()))
    with zipfile.ZipFile(folder / "b.zip", "w") as archive:
        archive.writestr("story.html", f"<p>{texts[4]}</p>")
    pq.write_table(pa.table({"text": [texts[5]]}), folder / "c.parquet")
    files = {
        "a.jsonl": one,
        "a.warc.gz": gzip.compress(warc),
        "a.wet": wet,
        "a.tar.zst": pa.compress(tar.getvalue(), codec="zstd", asbytes=True),
        "d.csv": f"id,text\n1,{texts[6]}\n".encode(),
        "d.tsv": f"id\ttext\n1\t{texts[7]}\n".encode(),
        "e.txt.gz": gzip.compress(texts[8].encode()),
        "f.jsonl.zst": pa.compress(other, codec="zstd", asbytes=True),
        "g.txt": texts[10].encode("utf-16"),
        "h.htm": f"<p>{texts[11]}".encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return len(texts)


def test_every_format_becomes_a_clean_document(tmp_path, paths, root):
    (tmp_path / "own").mkdir()
    count = every_format(tmp_path / "own")
    run(config(corpus(tmp_path / "own")), **paths)
    settings = clean.Config.model_validate(read_params(root / "params.yaml")["clean"])
    settings = settings.model_copy(
        update={
            "filters": settings.filters.model_copy(update={"minimum_words": 5}),
            "allow_licences": ["CC-BY-4.0"],
        }
    )
    folders = {name: tmp_path / name for name in ("documents", "rejects")}
    metrics = clean.run(settings, raw=paths["corpus"], **folders)
    assert metrics["dropped"] == {"licence": 1}  # the record that brings its own
    texts = pq.read_table(folders["documents"] / "part-00000.parquet")["text"].to_pylist()
    assert sorted(texts) == sorted(STORY.format(n=n) for n in range(1, count))


def test_a_bad_archive_ends_with_code_three(tmp_path, paths, root, capsys):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr("../evil.txt", "evil")
    params = tmp_path / "params.yaml"
    settings = read_params(root / "params.yaml")
    settings["download"]["sources"][0] = corpus(tmp_path / "bad.zip", name="stories")
    params.write_text(json.dumps(settings))
    arguments = [text for name, path in paths.items() for text in (f"--{name}", str(path))]
    assert main(["download", *arguments, "--params", str(params)]) == 3
    told = capsys.readouterr().err
    for word in ("bad.zip", "../evil.txt", "leads out", "expected:", "remedy:"):
        assert word in told
    assert not (tmp_path / "raw").exists()
    assert not list(tmp_path.rglob("evil.txt"))
