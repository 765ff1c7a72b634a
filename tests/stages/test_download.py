"""The stage download: five folders from real sources, or a clear fault and nothing."""

import hashlib

import pytest
from pydantic import ValidationError

from llm.errors import InputError
from llm.files import read_manifest
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
