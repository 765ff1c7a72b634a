"""The real books, where the mirror stands: licences gone, editions merged, French dropped."""

import re

import pytest

from benchmarks.editions import EDITIONS
from llm.corpus.documents import read_rows
from llm.stages import clean, dedupe, download, split

BOILERPLATE = re.compile(
    r"project gutenberg|gutenberg\.(org|net)|gutenberg-tm|small print|public domain e(text|book)"
    r"|distributed proofread|e-?text prepared|START OF TH|END OF TH(E|IS) PROJECT",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def house(tmp_path_factory, mirror, root):
    from ruamel.yaml import YAML

    from llm.profiles import render_profile

    text = render_profile("books", profiles_dir=root / "pipelines" / "profiles")
    params = YAML(typ="safe", pure=True).load(text)
    home = tmp_path_factory.mktemp("books")
    raw = {kind: home / kind for kind in ("corpus", "messages", "instructions", "vocabulary")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_MIRROR", str(mirror))
        download.run(
            download.Config(**params["download"]),
            **raw,
            weights=home / "weights",
            evaluations=home / "evaluations",
            partial=home / "partial",
        )
    cleaned = clean.run(
        clean.Config(**params["clean"]),
        raw=raw["corpus"],
        documents=home / "clean",
        rejects=home / "rejects",
    )
    deduped = dedupe.run(
        dedupe.Config(**params["dedupe"]),
        documents=home / "clean",
        raw=raw["corpus"],
        unique=home / "unique",
        clusters=home / "clusters",
    )
    halves = split.run(
        split.Config(**params["split"]),
        documents=home / "unique",
        train=home / "train",
        validation=home / "validation",
    )
    return home, cleaned, deduped, halves


@pytest.mark.slow
def test_the_french_reader_alone_is_dropped(house):
    _, cleaned, _, _ = house
    assert cleaned["dropped"] == {"language": 1}
    assert cleaned["documents_kept"] == 14


@pytest.mark.slow
def test_each_book_survives_once(house):
    home, _, deduped, _ = house
    survivors = {row["raw_id"] for row in read_rows(home / "unique", made_by="dedupe")}
    assert deduped["documents_kept"] == len(survivors) == len(EDITIONS)
    assert all(len(survivors & editions) == 1 for editions in EDITIONS)


@pytest.mark.slow
def test_no_licence_header_survives(house):
    home = house[0]
    for row in read_rows(home / "clean", made_by="clean"):
        assert not BOILERPLATE.search(row["text"]), row["raw_id"]
        assert len(row["text"]) > 300_000, row["raw_id"]


@pytest.mark.slow
def test_books_begin_and_end_where_they_do(house):
    home = house[0]
    texts = {row["raw_id"]: row["text"] for row in read_rows(home / "clean", made_by="clean")}
    for name in ("1342-0.txt", "1342.txt", "pandp10.txt"):
        assert (
            texts[name].casefold().startswith("pride and prejudice\n\nby jane austen\n\nchapter 1")
        )
        assert texts[name].endswith("had been the means of uniting them.")
    for name in ("1661-8.txt", "1661.txt", "advsh12.txt"):
        assert texts[name].startswith("THE ADVENTURES OF SHERLOCK HOLMES")
        assert texts[name].endswith("she has met with considerable success.")
    for name in ("972.txt", "dvldc10.txt"):
        assert texts[name].startswith("THE DEVIL'S DICTIONARY")
        assert texts[name].endswith("sheds its horn every two years.")


@pytest.mark.slow
def test_the_split_holds_out_a_part_of_books(house):
    home, _, _, halves = house
    assert halves["documents_cut"] == 8
    assert 0.03 < halves["validation_character_fraction"] < 0.08
    train = [row["text"] for row in read_rows(home / "train", made_by="split")]
    for row in read_rows(home / "validation", made_by="split"):
        assert not any(row["text"][:500] in text for text in train)
