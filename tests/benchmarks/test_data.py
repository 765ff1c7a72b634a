"""The command that measures: names, choice, results; a loader and a step that have a rate."""

import json

import pytest

from benchmarks import data
from benchmarks.editions import EDITIONS, pairs_of
from benchmarks.loading import loader_rate
from benchmarks.measure import row
from benchmarks.train_step import SHAPES, seconds_of_ours


def test_every_measurement_has_a_name_to_ask_for(capsys):
    assert data.main(["--list"]) == 0
    assert capsys.readouterr().out.split() == list(data.MEASUREMENTS)
    with pytest.raises(SystemExit):
        data.main(["--only", "nothing"])


def test_what_was_asked_for_is_measured_printed_and_written(tmp_path, monkeypatch, capsys):
    def measure(work, options):
        assert work.is_absolute()
        return [
            row(
                "a thing",
                unit="MB/s",
                ours=options.megabytes,
                peer=2.0,
                peer_name="other",
                at_least=3.0,
            )
        ]

    monkeypatch.setitem(data.MEASUREMENTS, "loading", measure)
    results = tmp_path / "data.json"
    assert (
        data.main(
            [
                *("--only", "loading", "--megabytes", "8"),
                *("--work", str(tmp_path), "--results", str(results)),
            ]
        )
        == 0
    )
    assert "| a thing | MB/s | 8 | 2 | other | 4 | 3 | reached |" in capsys.readouterr().out
    assert [found["name"] for found in json.loads(results.read_text())] == ["a thing"]


def test_pairs_are_those_of_one_group():
    assert pairs_of([{"a", "b", "c"}, {"d"}]) == {
        frozenset("ab"),
        frozenset("ac"),
        frozenset("bc"),
    }
    assert len(pairs_of(EDITIONS)) == 8


def test_the_truth_names_every_english_book_once(root):
    from benchmarks.house import settings_of

    sources = settings_of("books", {})["download"]["sources"]
    files = [
        url.rsplit("/", 1)[-1]
        for source in sources
        if source["holds"] == "corpus" and source["language"] == "en"
        for url in source["urls"]
    ]
    named = [name for group in EDITIONS for name in group]
    assert sorted(named) == sorted(files)


@pytest.mark.slow
def test_the_loader_is_faster_than_the_step_it_feeds():
    config, batch_size = SHAPES["small"], 16
    slowest = max(seconds_of_ours(config, batch_size, 2, compile=False))
    assert loader_rate(0.05) > batch_size * config.context_length / slowest > 0
