"""Both sides measure with the same settings."""

import importlib
import inspect

from benchmarks import equal
from benchmarks.house import settings_of
from benchmarks.peers.datasketch_lsh import normalised
from llm.stages.clean import Config as CleanConfig
from llm.stages.dedupe import Config as DedupeConfig
from tests.conftest import need_library


def test_ours_are_settings_of_the_stages():
    settings = settings_of("tiny", equal.CHANGES)
    clean, dedupe = CleanConfig(**settings["clean"]), DedupeConfig(**settings["dedupe"])
    assert clean.filters.minimum_words == 50
    assert dedupe.permutations == equal.PERMUTATIONS


def test_datatrove_gets_its_published_limits():
    need_library("datatrove")
    filters = importlib.import_module("datatrove.pipeline.filters")
    settings = equal.datatrove_settings()
    settings.pop("minhash")
    for name, arguments in settings.items():
        parameters = inspect.signature(getattr(filters, name)).parameters
        for key, value in arguments.items():
            off = value is None or value is False or value in ([], -1)
            assert off or value == _plain(parameters[key].default), (name, key)


def _plain(value):
    return [list(pair) for pair in value] if isinstance(value, tuple) else value


def test_bands_and_hashes_are_ours():
    from llm.corpus.dedupe.signatures import choose_bands

    minhash = equal.datatrove_settings()["minhash"]
    bands = choose_bands(equal.PERMUTATIONS, equal.SIMILARITY)
    assert (minhash["num_buckets"], minhash["hashes_per_bucket"]) == (bands.bands, bands.rows)
    assert minhash["n_grams"] == equal.DEDUPE["ngram_words"]
    assert minhash["num_buckets"] * minhash["hashes_per_bucket"] <= equal.PERMUTATIONS


def test_datasketch_sees_the_words_that_our_signatures_see():
    import daft
    from daft import col

    from llm.corpus.dedupe.signatures import normalised as ours

    texts = [
        "“Déjà vu!” — he SAID,\n\nagain:  1,000 times.",
        "Ünïcode_and-dashes",
        "plain words",
        "",
    ]
    frame = daft.from_pydict({"text": texts}).select(ours(col("text")).alias("text"))
    assert frame.to_pydict()["text"] == [normalised(text) for text in texts]
