"""The written corpus: equal bytes, scale, split files, and a true record of what was planted."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from llm.corpus.synthetic import stories
from llm.corpus.synthetic.dirt import RATES, similarity

if TYPE_CHECKING:
    from pathlib import Path

SCALE = 0.1


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("raw") / "corpus"
    stories.write_stories(directory, seed=1, scale=SCALE)
    return directory


@pytest.fixture(scope="module")
def truth(written: Path) -> dict[str, dict[str, Any]]:
    lines = (written / stories.PLANTED).read_text(encoding="utf-8").split("\n")[:-1]
    return {record["id"]: record for record in map(json.loads, lines)}


@pytest.fixture(scope="module")
def texts(written: Path, truth: dict[str, dict[str, Any]]) -> dict[str, str]:
    found = {}
    for path in sorted(written.glob("stories-*.jsonl")):
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
            record = json.loads(line)
            found[record["id"]] = record["text"]
    for path in written.glob("*.txt"):
        found[path.name] = path.read_bytes().decode(truth[path.name]["encoding"])
    return found


def test_equal_seed_gives_equal_bytes(written: Path, tmp_path: Path) -> None:
    stories.write_stories(tmp_path / "again", seed=1, scale=SCALE)
    names = {path.name for path in written.iterdir()}
    assert names == {path.name for path in (tmp_path / "again").iterdir()}
    for name in names:
        assert (written / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_other_seed_gives_other_stories(tmp_path: Path, written: Path) -> None:
    stories.write_stories(tmp_path, seed=2, scale=0.005)
    other = (tmp_path / "stories-00000.jsonl").read_bytes()
    assert other != (written / "stories-00000.jsonl").read_bytes()[: len(other)]


def test_scale_counts_documents_and_keeps_the_first_ones(
    texts: dict[str, str], truth: dict[str, dict[str, Any]]
) -> None:
    assert len(texts) == len(truth) == round(stories.DOCUMENTS_PER_SCALE * SCALE)
    assert 5e6 < sum(map(len, texts.values())) / SCALE < 1e7
    smaller = list(stories.raw_documents(seed=1, count=30))
    assert [raw.truth for raw in smaller] == list(truth.values())[:30]


def test_rates_are_planted(truth: dict[str, dict[str, Any]]) -> None:
    counts = Counter(record["planted"] for record in truth.values())
    for kind, rate in RATES.items():
        # the very first duplicates may find no original before them
        slack = 3 if kind.endswith("duplicate") else 0.001
        assert counts[kind] == pytest.approx(len(truth) * rate, abs=slack)


def test_record_matches_text(texts: dict[str, str], truth: dict[str, dict[str, Any]]) -> None:
    for identity, record in truth.items():
        text = texts[identity]
        if record["planted"] == "exact_duplicate":
            assert text == texts[record["of"]]
        elif record["planted"] == "near_duplicate":
            assert text != texts[record["of"]]
            assert similarity(text, texts[record["of"]]) == pytest.approx(
                record["similarity"], abs=1e-4
            )
        else:
            assert record["of"] is None
        if record["planted"] != "language":
            assert all(mark in text for mark in record["marks"])
        if record["of"]:
            assert truth[record["of"]]["planted"] == "clean"


def test_files_stay_small(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, texts: dict[str, str]
) -> None:
    monkeypatch.setattr(stories, "_FILE_BYTES", 50_000)
    stories.write_stories(tmp_path, seed=1, scale=SCALE)
    parts = sorted(tmp_path.glob("stories-*.jsonl"))
    assert len(parts) > 10
    assert max(part.stat().st_size for part in parts) < 60_000
    lines = [line for part in parts for line in part.read_bytes().split(b"\n")[:-1]]
    assert [json.loads(line)["id"] for line in lines] == [
        identity for identity in sorted(texts) if not identity.endswith(".txt")
    ]


def test_documents_come_one_at_a_time() -> None:
    """Ten documents of a corpus of ten thousand million are there at once."""
    first = islice(stories.raw_documents(seed=1, count=10**10), 10)
    assert [raw.truth["id"] for raw in first][-1] == "story-00000009"


def test_tiny_scale_still_has_a_document(tmp_path: Path) -> None:
    stories.write_stories(tmp_path, seed=1, scale=1e-9)
    assert len((tmp_path / stories.PLANTED).read_text().splitlines()) == 1
