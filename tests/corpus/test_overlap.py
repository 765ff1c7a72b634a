"""Laws of the word hashes: the same words and places as one word at a time, whatever the batch."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.corpus import overlap
from llm.corpus.overlap import in_one_text, joined, read_words, runs

texts = st.lists(st.text("aB1é \n.-'ß٣字カｂ", max_size=60), max_size=8)


def plain_words(text: str) -> list[tuple[str, int, int]]:
    """Word, first character, last character + 1, by the standard library."""
    found = []
    for match in re.finditer(r"[字カ]|[^\W_字カ]+", text):
        bare = unicodedata.normalize("NFKD", match[0])
        letters = "".join(c.lower() for c in bare if not unicodedata.combining(c))
        found.append((letters, match.start(), match.end()))
    return found


@settings(deadline=None)  # the first call builds the table of characters
@given(texts)
def test_words_and_places_are_those_of_the_plain_way(texts):
    words = joined(read_words(texts))
    plain = [(n, *word) for n, text in enumerate(texts) for word in plain_words(text)]
    assert words.texts.tolist() == [number for number, *_ in plain]
    assert words.starts.tolist() == [start for *_, start, _ in plain]
    assert words.stops.tolist() == [stop for *_, stop in plain]
    hashes = dict(zip([word for _, word, *_ in plain], words.hashes.tolist(), strict=True))
    assert len(set(hashes.values())) == len(hashes)
    assert [hashes[word] for _, word, *_ in plain] == words.hashes.tolist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The CAFÉ—open!", "the cafe open"),
        ("cafe\N{COMBINING ACUTE ACCENT} x", "café x"),
        ("don't", "don t"),
        ("_snake_case_", "snake case"),
        ("ＡＢ １２", "ab 12"),
        ("十七艘船, 2 艘", "十 七 艘 船 2 艘"),
        ("x字ひらカナy", "x 字 ひ ら カ ナ y"),
    ],
)
def test_case_accents_and_marks_make_no_difference(one, other):
    left, right = (joined(read_words([text])).hashes.tolist() for text in (one, other))
    assert left == right


@settings(deadline=None)
@given(texts, st.integers(1, 5), st.integers(5, 50))
def test_batches_change_nothing(texts, longest, size):
    def found(**more):
        places = set()
        for words in read_words(texts, **more):
            for length, hashes in runs(words, longest):
                at = np.arange(len(hashes))
                at = at[in_one_text(words, at, length)]
                numbers = zip(
                    words.texts[at].tolist(),
                    words.starts[at].tolist(),
                    words.stops[at + length - 1].tolist(),
                    hashes[at].tolist(),
                    strict=True,
                )
                places |= {(length, *row) for row in numbers}
        return places

    whole = found()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "_BATCH_CHARACTERS", size)
        overlap._powers.cache_clear()
        # A word longer than a batch is cut; all others stand as they are.
        if all(len(word) < size for text in texts for word in re.split(r"[ \n]", text)):
            assert found(overlap=longest - 1) == whole
    overlap._powers.cache_clear()


def test_runs_are_told_apart_by_order_and_length():
    words = joined(read_words(["a b c", "c b a", "a b c"]))
    hashes = {length: values.tolist() for length, values in runs(words, 3)}
    assert hashes[3][0] == hashes[3][6] != hashes[3][3]
    assert len({hashes[1][0], hashes[2][0], hashes[3][0]}) == 3
    assert list(in_one_text(words, np.arange(7), 3)) == [n in (0, 3, 6) for n in range(7)]


def test_a_text_without_spaces_longer_than_a_batch(monkeypatch):
    text = "".join(chr(0x4E00 + number) for number in range(40))
    whole = [hashes[0] for _, hashes in runs(joined(read_words([text])), 13)][-1]
    monkeypatch.setattr(overlap, "_BATCH_CHARACTERS", 10)
    overlap._powers.cache_clear()
    batches = list(read_words([text], overlap=12))
    found = [value for words in batches for _, some in runs(words, 13) for value in some.tolist()]
    overlap._powers.cache_clear()
    assert len(batches) > 3
    assert whole in found


def test_a_word_longer_than_a_batch_is_read_to_its_end(monkeypatch):
    monkeypatch.setattr(overlap, "_BATCH_CHARACTERS", 10)
    overlap._powers.cache_clear()
    words = joined(read_words(["x" * 25 + " end"]))
    overlap._powers.cache_clear()
    assert words.stops[-1] == 29
    assert sum(words.stops - words.starts) == 28


def test_nothing_gives_nothing():
    assert len(joined(read_words([]))) == len(joined(read_words(["", " .,"]))) == 0
