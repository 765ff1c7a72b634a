"""The limit of perplexity is learnt from the corpus, and unusual documents are dropped by it."""

import json
from dataclasses import replace

import pytest

from llm.corpus.filtering.filters import PerplexitySettings
from llm.corpus.perplexity import learn_limit
from llm.corpus.reading.records import Record
from llm.errors import InputError

LEDGER = [{"name": "own", "file": "a.jsonl", "licence": "l", "bytes": 1}]
STORY = "The keeper of lamp number {n} walked to the harbour, and the boats of the evening came."
ODD = (
    "A wizard quickly jinxed the six foxy gnomes of Czech fjords, vexing waltzing nymphs in vaults."
)


def write(folder, count):
    lines = (json.dumps({"text": STORY.format(n=n)}) for n in range(count))
    (folder / "a.jsonl").write_text("\n".join(lines))


def settings(keep_fraction):
    return PerplexitySettings(keep_fraction=keep_fraction, sample_characters=10_000)


def test_unusual_documents_are_dropped(tmp_path, cleaner):
    write(tmp_path, 60)
    model = tmp_path / "model.npz"
    limit = learn_limit(tmp_path, LEDGER, cleaner, settings(0.99), model=model)
    assert limit is not None
    strict = replace(cleaner, perplexity=limit)
    records = [Record("r", "s", "l", text) for text in (STORY.format(n=2), ODD)]
    result = strict(records)
    assert [row["reason"] for row in result.rejects] == ["perplexity"]
    assert result.rejects[0]["limit"] == limit.maximum < result.rejects[0]["measured"]
    at = limit._replace(maximum=result.rejects[0]["measured"])
    assert len(replace(cleaner, perplexity=at)(records).kept) == 2
    (both,) = strict([Record("r", "s", "l", ODD + " lorem ipsum")]).rejects
    assert (both["reason"], both["also"]) == ("placeholder", "perplexity")
    assert len(cleaner(records).kept) == 2
    assert learn_limit(tmp_path, LEDGER, cleaner, settings(0.99), model=model) == limit
    lower = learn_limit(tmp_path, LEDGER, cleaner, settings(0.1), model=model)
    assert lower is not None
    assert lower.maximum < limit.maximum


def test_it_can_be_off(tmp_path, cleaner):
    off = settings(None)
    assert learn_limit(tmp_path, LEDGER, cleaner, off, model=tmp_path / "model.npz") is None
    assert not (tmp_path / "model.npz").exists()


def test_too_small_a_sample_is_said(tmp_path, cleaner):
    write(tmp_path, 5)
    with pytest.raises(InputError, match="Too few documents"):
        learn_limit(tmp_path, LEDGER, cleaner, settings(0.5), model=tmp_path / "model.npz")
