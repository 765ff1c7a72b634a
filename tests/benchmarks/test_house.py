"""Stages run by the commands of dvc.yaml, under a profile's changed settings."""

import pytest

from benchmarks.house import House, folder_bytes, settings_of
from benchmarks.measure import CommandError


def test_changes_reach_only_what_they_name():
    plain = settings_of("tiny", {})
    changed = settings_of("tiny", {"dedupe": {"similarity": 0.9}})
    assert changed["dedupe"]["similarity"] == 0.9
    changed["dedupe"]["similarity"] = plain["dedupe"]["similarity"]
    assert changed == plain


def test_a_setting_that_does_not_exist_is_an_error():
    with pytest.raises(KeyError, match=r"dedupe\.simliarity"):
        settings_of("tiny", {"dedupe": {"simliarity": 0.9}})


@pytest.mark.slow
def test_stages_run_and_a_cleared_house_keeps_its_raw_data(tmp_path):
    house = House(tmp_path / "a house")
    house.fill_from_url("synthetic://stories?seed=1&scale=0.02")
    raw = folder_bytes(house.data("raw"))
    ran = house.run("clean", "dedupe")
    assert ran.seconds > 0
    assert ran.peak_bytes > 50 << 20
    assert house.metrics("dedupe")["documents_kept"] > 50
    assert house.timings("clean")["seconds"] < ran.seconds
    house.clear()
    assert {path.name for path in house.data("").iterdir()} == {"raw"}
    assert folder_bytes(house.data("raw")) == raw


@pytest.mark.slow
def test_a_stage_that_fails_shows_its_words(tmp_path):
    house = House(tmp_path / "house")
    with pytest.raises(CommandError, match="InputError"):
        house.run("clean")


@pytest.mark.slow
def test_raw_data_comes_from_local_folders(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("A text.")
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "vocab.bpe").write_text("a b")
    house = House(tmp_path / "house")
    house.fill(tmp_path / "texts", vocabulary=tmp_path / "words")
    assert (house.data("raw/corpus/a.txt")).read_text() == "A text."
    assert (house.data("raw/vocabulary/vocab.bpe")).read_text() == "a b"
