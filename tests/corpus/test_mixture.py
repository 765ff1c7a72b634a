"""Laws of the mixture: shares as asked, copies that differ by one at most, the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.corpus.mixture import Inventory, plan
from llm.errors import InputError


def inventory(seed: int | None = 1, **sources: list[int]) -> Inventory:
    """Documents of so many tokens each, per source."""
    made = Inventory(seed)
    for source, tokens in sources.items():
        ids = [f"{source}-{number}" for number in range(len(tokens))]
        made.add(ids, [source] * len(tokens), np.array(tokens))
    return made


def rows(made):
    return {row["source"]: row for row in made.table}


def test_without_weights_each_document_stands_once():
    made = plan(inventory(None, web=[10] * 30, books=[50, 50]), None)
    assert made.copies.tolist() == [1] * 32
    assert made.table == [
        {
            "source": "books",
            "documents": 2,
            "tokens": 100,
            "weight": None,
            "share": 0.25,
            "passes": 1.0,
        },
        {
            "source": "web",
            "documents": 30,
            "tokens": 300,
            "weight": None,
            "share": 0.75,
            "passes": 1.0,
        },
    ]


def test_weights_move_tokens_from_one_source_to_another():
    stock = inventory(web=[10] * 300, books=[10] * 100)
    made = plan(stock, {"web": 1, "books": 3})
    table = rows(made)
    assert (table["books"]["weight"], table["books"]["share"]) == (0.75, 0.75)
    assert (table["books"]["passes"], table["web"]["passes"]) == (3.0, 0.3333)
    assert int((made.copies * stock.tokens).sum()) == 4000
    assert set(made.copies[stock.of("books")].tolist()) == {3}
    assert set(made.copies[stock.of("web")].tolist()) == {0, 1}


def test_the_size_can_be_given_and_a_fraction_of_a_pass_is_some_documents():
    stock = inventory(web=[10] * 300, books=[10] * 100)
    made = plan(stock, {"web": 0.5, "books": 0.5}, tokens=5000)
    assert rows(made)["books"]["passes"] == 2.5
    counts = np.bincount(made.copies[stock.of("books")])
    assert counts.tolist() == [0, 0, 50, 50]


def test_a_source_keeps_a_document_whatever_its_weight():
    stock = inventory(web=[10] * 300, book=[90, 900])
    made = plan(stock, {"web": 1e9, "book": 1e-9})
    assert made.copies[stock.of("book")].sum() == 1
    assert rows(made)["book"]["share"] > 0


def test_another_seed_chooses_other_documents():
    def chosen(seed):
        return plan(inventory(seed, a=[10] * 100, b=[10] * 100), {"a": 1, "b": 3}).copies.tolist()

    assert chosen(1) == chosen(1) != chosen(2)


def test_the_order_in_which_documents_come_changes_nothing():
    tokens = {"a-0": 10, "a-1": 20, "a-2": 30, "b-0": 60, "b-1": 60}

    def copies(names):
        stock = Inventory(1)
        for name in names:
            stock.add([name], [name[0]], np.array([tokens[name]]))
        made = plan(stock, {"a": 1, "b": 2})
        return dict(zip(names, made.copies.tolist(), strict=True))

    assert copies(list(tokens)) == copies(list(reversed(tokens)))


sizes = st.lists(st.integers(1, 50), min_size=1, max_size=30)


@given(sizes, sizes, st.floats(0.01, 100), st.integers(1, 5000))
def test_shares_are_met_within_half_a_document(ours, theirs, weight, total):
    stock = inventory(a=ours, b=theirs)
    made = plan(stock, {"a": weight, "b": 1.0}, tokens=total)
    for source, share in (("a", weight / (weight + 1)), ("b", 1 / (weight + 1))):
        at = stock.of(source)
        copies = made.copies[at]
        read = int((copies * stock.tokens[at]).sum())
        assert copies.max() - copies.min() <= 1
        assert copies.max() >= 1
        only_one = copies.sum() == 1  # at least one, however few tokens are asked for
        assert only_one or abs(read - share * total) <= stock.tokens[at].max() / 2 + 1e-6


@pytest.mark.parametrize("scale", [1.0, 1e300, 1e-300, 8e307])
def test_only_the_ratio_of_weights_counts(scale):
    stock = inventory(web=[10] * 300, books=[10] * 100)
    made = plan(stock, {"web": 2.0 * scale, "books": 2.0 * scale})
    assert [row["weight"] for row in made.table] == [0.5, 0.5]
    assert [row["share"] for row in made.table] == [0.5, 0.5]


def test_a_source_read_too_often_stops_the_run():
    stock = inventory(web=[10] * 1000, notes=[10])
    weights = {"web": 1.0, "notes": 1.0}
    with pytest.raises(InputError) as caught:
        plan(stock, weights, maximum_passes=16.0)
    assert "'notes'" in str(caught.value)
    assert "50 % of the mixture, which is 500.5 passes" in str(caught.value)
    assert "at most 16 passes" in str(caught.value)
    assert rows(plan(stock, weights))["notes"]["passes"] == 500
    plan(stock, {"web": 1.0, "notes": 1e-9}, maximum_passes=0.5, tokens=5)  # one document stays


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"web": 1.0}, "no weight for 'books'"),
        ({"web": 1.0, "books": 1.0, "x": 1.0}, "no source 'x'"),
        ({"web": 1.0, "book": 1.0}, "'book': did you mean 'books'?"),
    ],
)
def test_weights_must_be_those_of_the_sources(weights, words):
    with pytest.raises(InputError) as caught:
        plan(inventory(web=[1], books=[1]), weights)
    assert words in str(caught.value)
    assert "books, web" in str(caught.value)
