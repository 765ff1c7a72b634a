"""The synthetic short messages: deterministic, imbalanced, with duplicates, and not too easy."""

from __future__ import annotations

import csv
import re
import tracemalloc
from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from llm.corpus.synthetic.messages import messages, write_messages
from llm.corpus.synthetic.words import FIRST_NAMES, is_held_out

if TYPE_CHECKING:
    from pathlib import Path

ROWS = list(messages(seed=2, count=3000))


def _f1(true: set[int], found: set[int]) -> float:
    return 2 * len(true & found) / (len(true) + len(found))


def _spam() -> set[int]:
    return {row for row, (label, _) in enumerate(ROWS) if label == "spam"}


def test_same_seed_same_bytes_and_other_seed_other_messages(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_messages(tmp_path / name, seed=2, scale=0.1)
    first, second = ((tmp_path / name / "messages.csv").read_bytes() for name in ("one", "two"))
    assert first == second
    others = {text for _, text in messages(seed=3, count=300)}
    assert len(others & {text for _, text in ROWS[:300]}) < 15


def test_csv_gives_back_every_message(tmp_path: Path) -> None:
    assert write_messages(tmp_path, seed=2, scale=1.0) == 3000
    with (tmp_path / "messages.csv").open(encoding="utf-8", newline="") as stream:
        read = list(csv.reader(stream))
    assert read[0] == ["label", "text"]
    assert [tuple(row) for row in read[1:]] == ROWS
    assert any("," in text for _, text in ROWS)
    assert all(text == text.strip() and text for _, text in ROWS)
    assert sum("\n" in text for _, text in ROWS) < 30


def test_imbalanced_as_the_real_set() -> None:
    counts = Counter(label for label, _ in ROWS)
    assert set(counts) == {"ham", "spam"}
    assert 0.11 < counts["spam"] / len(ROWS) < 0.16


def test_no_single_word_tells_spam() -> None:
    holding: defaultdict[str, set[int]] = defaultdict(set)
    for row, (_, text) in enumerate(ROWS):
        for word in re.findall(r"\w+|[^\w\s]+", text.lower()):
            holding[word].add(row)
    best = max(holding, key=lambda word: _f1(_spam(), holding[word]))
    assert _f1(_spam(), holding[best]) < 0.6, best


def test_no_single_shape_tells_spam() -> None:
    """Neither links, nor long numbers, nor shouting, nor money give spam away alone."""
    for shape in (r"\d{4}", r"\d{5}", r"\.(test|example|invalid)", r"[A-Z]{3}", r"[£$€]", r"\d"):
        found = {row for row, (_, text) in enumerate(ROWS) if re.search(shape, text)}
        assert _f1(_spam(), found) < 0.75, shape


@pytest.mark.parametrize(
    "word", ["free", "win", "call", "claim", "prize", "txt", "urgent", "offer"]
)
def test_words_known_from_spam_stand_in_both_classes(word: str) -> None:
    labels = Counter(label for label, text in ROWS if word in text.lower())
    assert labels["ham"] >= 3
    assert labels["spam"] >= 3


def test_some_of_the_same_words_mean_another_thing_in_another_order() -> None:
    bags: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for label, text in messages(seed=5, count=30_000):
        bags[tuple(sorted(re.findall(r"\w+", text.lower())))].add(label)
    assert sum(len(labels) == 2 and len(bag) > 5 for bag, labels in bags.items()) >= 8


def test_duplicates_exact_and_near() -> None:
    texts = Counter(text for _, text in ROWS)
    exact = sum(count - 1 for count in texts.values())
    digitless = Counter(re.sub(r"\d", "0", text) for text in texts)
    near = sum(count - 1 for count in digitless.values())
    assert 0.025 < exact / len(ROWS) < 0.07
    assert near / len(ROWS) > 0.005
    assert max(texts.values()) < 12


def test_names_are_never_the_held_out_ones() -> None:
    kept = {name for name in FIRST_NAMES if is_held_out(name)}
    words = {word for _, text in ROWS for word in re.findall(r"[A-Za-z]+", text)}
    assert not words & kept


def test_the_first_rows_do_not_depend_on_the_scale() -> None:
    assert list(islice(messages(seed=2, count=300_000), 50)) == ROWS[:50]


def test_memory_stays_bounded() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in messages(seed=1, count=count):
            pass
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    peak(100)  # fills the caches of the regular expressions
    assert peak(4000) < peak(400) + 100_000
