"""Laws of the split: by hash alone, stable, complete, without overlap, both sides non-empty."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.corpus.split import Sides, blocks, cut, draw, held_out, is_validation

CLUSTERS = [f"cluster-{n:04d}" for n in range(2000)]


def plan(lengths: dict[str, int], *, seed: int, fraction: float) -> dict[str, range]:
    """Of each unit of so many sections, those that validate."""
    sides = Sides(seed=seed, fraction=fraction)
    for unit, sections in lengths.items():
        sides.count(unit, sections)
    assert sides.enough == (sum(lengths.values()) > 1)
    return {unit: sides.of(unit, sections) for unit, sections in lengths.items()}


def test_draws_are_even_and_depend_on_the_seed():
    values = [draw(1, cluster) for cluster in CLUSTERS]
    assert all(0 <= value < 1 for value in values)
    assert sum(values) / len(values) == pytest.approx(0.5, abs=0.02)
    assert draw(1, "a") == draw(1, "a") != draw(2, "a")


def test_the_fraction_holds_and_new_documents_move_nothing():
    held = {cluster for cluster in CLUSTERS if is_validation(1, cluster, 0.1)}
    assert len(held) == pytest.approx(200, abs=45)
    few = plan(dict.fromkeys(CLUSTERS[:1000], 1), seed=1, fraction=0.1)
    more = plan(dict.fromkeys(CLUSTERS, 1), seed=1, fraction=0.1)
    assert all(more[cluster] == run for cluster, run in few.items())
    assert {cluster for cluster, run in more.items() if run} == held


def test_memory_does_not_grow_with_the_units():
    sides = Sides(seed=1, fraction=0.1)
    for cluster in CLUSTERS[:10]:
        sides.count(cluster, 1)
    before = len(pickle.dumps(sides))
    for cluster in CLUSTERS * 2:
        sides.count(cluster, 1)
    assert len(pickle.dumps(sides)) <= before + 20
    assert sides.of("cluster-0001", 1) == range(is_validation(1, "cluster-0001", 0.1))


sizes = st.dictionaries(st.text("abcd", min_size=1), st.integers(1, 40), min_size=1, max_size=30)


@given(sizes, sizes, st.floats(0.001, 0.999), st.integers(0, 1000))
def test_new_documents_move_no_other(old, new, fraction, seed):
    """But for one: what was put on a side only because that side was empty may go back."""
    if sum(old.values()) < 2:
        return
    before = plan(old, seed=seed, fraction=fraction)
    after = plan({**new, **old}, seed=seed, fraction=fraction)
    moved = {cluster for cluster, run in before.items() if after[cluster] != run}
    drawn = {
        cluster: len(held_out(seed, cluster, sections, fraction))
        if sections > 1
        else is_validation(seed, cluster, fraction)
        for cluster, sections in old.items()
    }
    if sum(drawn.values()) in (0, sum(old.values())):
        assert len(moved) <= 1
        assert all(len(after[cluster]) == drawn[cluster] for cluster in moved)
    else:
        assert not moved


def test_a_cluster_that_gets_another_name_is_drawn_again():
    """A new near-duplicate with a lower id renames its cluster: no function of the ids alone could
    keep every cluster in its place, since two clusters of two splits may become one."""
    moved = sum(
        is_validation(1, cluster, 0.05) != is_validation(1, f"0{cluster}", 0.05)
        for cluster in CLUSTERS
    )
    assert moved / len(CLUSTERS) == pytest.approx(2 * 0.05 * 0.95, abs=0.03)


@given(
    st.dictionaries(st.text("abc", min_size=1), st.integers(1, 40), min_size=1),
    st.floats(0.001, 0.999),
    st.integers(0, 1000),
)
def test_both_sides_get_something(lengths, fraction, seed):
    total = sum(lengths.values())
    if total < 2:
        with pytest.raises(ValueError, match="fewer than two"):
            plan(lengths, seed=seed, fraction=fraction)
        return
    runs = plan(lengths, seed=seed, fraction=fraction)
    assert 0 < sum(map(len, runs.values())) < total
    for cluster, run in runs.items():
        assert 0 <= run.start <= run.stop <= lengths[cluster]
        assert lengths[cluster] == 1 or len(run) < lengths[cluster]


def test_long_documents_hold_out_the_fraction_on_average():
    held = sum(len(held_out(1, cluster, 5, 0.05)) for cluster in CLUSTERS)
    assert held / (5 * len(CLUSTERS)) == pytest.approx(0.05, abs=0.01)
    assert {len(held_out(1, cluster, 100, 0.05)) for cluster in CLUSTERS} == {5}
    assert len({held_out(1, cluster, 100, 0.05).start for cluster in CLUSTERS}) > 80


paragraphs = st.lists(st.text("abc .", min_size=1).filter(str.strip), min_size=1, max_size=40)


@given(paragraphs, st.integers(1, 60))
def test_sections_joined_are_the_text_and_long_enough(texts, size):
    text = "\n\n".join(texts)
    sections = cut(text, size)
    assert "\n\n".join(sections) == text.strip("\n")
    assert all(len(section) + 2 >= size for section in sections[:-1])


def test_a_text_without_empty_lines_is_cut_at_its_lines():
    assert len(cut("\n".join(["a line of text"] * 20), 50)) > 1
    assert cut("one line only " * 20, 50) == ["one line only " * 20]


@given(paragraphs, st.data())
def test_blocks_are_the_sections_in_order(sections, data):
    start = data.draw(st.integers(0, len(sections)))
    stop = data.draw(st.integers(start, len(sections)))
    found = blocks(sections, range(start, stop))
    assert "\n\n".join(text for text, _ in found) == "\n\n".join(sections)
    assert [text for text, held in found if held] == (
        ["\n\n".join(sections[start:stop])] if stop > start else []
    )
    assert len(found) <= 3
