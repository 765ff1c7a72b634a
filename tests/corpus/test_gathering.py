"""Gathering: folders that appear whole with their ledger, archives taken apart."""

import hashlib

import pytest

from llm.corpus.fetch import Fetcher
from llm.corpus.gathering import Gatherer, collect
from llm.corpus.remote import Store
from llm.corpus.sources import Source
from llm.errors import ConfigError, InputError
from llm.files import read_manifest

HASH = "0" * 64


def source(**changes) -> Source:
    values = {
        "name": "test",
        "holds": "corpus",
        "urls": ["https://example.org/a.txt"],
        "sha256": HASH,
        "licence": "CC0-1.0",
        "language": "en",
    }
    return Source(**{**values, **changes})


@pytest.fixture
def gather(tmp_path):
    def run(*sources, kinds=("corpus",), generators=None):
        directories = {kind: tmp_path / "raw" / kind for kind in kinds}
        patience = {"partial": tmp_path / "partial", "retries": 0, "timeout_seconds": 1}
        gatherer = Gatherer(Fetcher(**patience), Store(**patience), generators or {})
        return collect(sources, directories, gatherer=gatherer)

    return run


def test_a_folder_is_copied_with_its_folders_and_without_hidden_files(tmp_path, gather):
    own = tmp_path / "my texts"
    (own / "sub").mkdir(parents=True)
    (own / "a.txt").write_text("one")
    (own / "sub" / "b.txt").write_text("two")
    (own / ".DS_Store").write_text("junk")
    ledger = gather(source(urls=[f"file:{own}"], sha256=None))
    assert [row["file"] for row in ledger] == ["a.txt", "sub/b.txt"]
    manifest = read_manifest(tmp_path / "raw" / "corpus", made_by="download", verify=True)
    assert manifest["sources"] == ledger
    assert ledger[0]["licence"] == "CC0-1.0"
    assert ledger[0]["sha256"] == hashlib.sha256(b"one").hexdigest()


def test_a_relative_file_and_a_percent_sign(tmp_path, gather, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.txt").write_text("one")
    assert gather(source(urls=["file:a%20b.txt"], sha256=None))[0]["file"] == "a b.txt"


def test_a_file_with_another_hash_is_refused_before_anything_is_written(tmp_path, gather):
    (tmp_path / "a.txt").write_text("one")
    with pytest.raises(InputError, match=HASH):
        gather(source(urls=[f"file:{tmp_path / 'a.txt'}"]))
    assert not (tmp_path / "raw").exists()


def test_a_missing_file_and_an_empty_folder(tmp_path, gather):
    with pytest.raises(InputError, match="nothing"):
        gather(source(urls=[f"file:{tmp_path / 'none.txt'}"], sha256=None))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="without files"):
        gather(source(urls=[f"file:{tmp_path / 'empty'}"], sha256=None))


def test_equal_names_get_their_source_before(tmp_path, gather):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(folder)
    urls = [f"file:{tmp_path / folder / 'a.txt'}" for folder in ("one", "two")]
    assert [row["file"] for row in gather(source(urls=urls, sha256=None))] == [
        "a.txt",
        "test-1-a.txt",
    ]


def test_a_reserved_name_is_refused(tmp_path, gather):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="same name"):
        gather(source(urls=[f"file:{tmp_path / 'manifest.json'}"], sha256=None))


def test_a_synthetic_set_is_written_with_its_options(tmp_path, gather):
    asked: dict[str, float] = {}

    def write(directory, *, seed, scale):
        asked.update(seed=seed, scale=scale)
        (directory / "made.jsonl").write_text("{}\n")

    ledger = gather(
        source(urls=["synthetic://stories?seed=7&scale=3"], sha256=None),
        generators={"stories": write},
    )
    assert asked == {"seed": 7, "scale": 3}
    assert [row["file"] for row in ledger] == ["made.jsonl"]


def test_a_kind_without_a_source_gets_an_empty_manifest(tmp_path, gather):
    (tmp_path / "a.txt").write_text("one")
    gather(source(urls=[f"file:{tmp_path / 'a.txt'}"], sha256=None), kinds=("corpus", "weights"))
    manifest = read_manifest(tmp_path / "raw" / "weights", made_by="download")
    assert manifest == {"files": {}, "sources": []}
