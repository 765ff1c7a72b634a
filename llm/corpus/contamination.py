"""Which texts of the evaluations stand in the training documents, and how to take them out.

The method is that of GPT-3 (Brown et al. 2020, appendix C): an example overlaps where a run of
13 of its words, or all of a shorter example, stands in a document; a document is cut there, and
not for runs that stand in more than ten documents, which are phrases that everyone uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from llm.corpus.extraction.normal_form import normalise
from llm.corpus.overlap import Hashes, Numbers, Words, in_one_text, joined, read_words, runs

MAXIMUM_PIECES = 10  # a document cut into more is taken out whole (Brown et al. 2020, appendix C)
_LIGATURES = {code: normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}


@dataclass(frozen=True)
class EvaluationSet:
    """Texts that must not train: per example its id and its texts, as question and answer."""

    name: str
    examples: Mapping[str, Sequence[str]]


class Index:
    """The word n-grams of evaluation sets, to be found in documents.

    A text of at least `ngram_words` words is sought by every run of so many; a shorter one as a
    whole; one of fewer than `minimum_words` not at all, since "yes" stands everywhere. Memory: some
    60 bytes per word of the evaluation sets.
    """

    def __init__(
        self, sets: Sequence[EvaluationSet], *, ngram_words: int, minimum_words: int
    ) -> None:
        self.sets = list(sets)
        self.ngram_words = ngram_words
        examples = [texts for one in sets for texts in one.examples.values()]
        self.texts = [_plain(text) for texts in examples for text in texts]
        self._example_of_text = np.repeat(np.arange(len(examples)), [len(t) for t in examples])
        words = joined(read_words(self.texts))
        self._tables: dict[int, _Table] = {}
        patterns, texts, spans = [], [], []
        self.size = 0  # n-grams sought, each once
        for length, hashes, at in self._sought(words, minimum_words):
            table = _Table(hashes, self.size)
            self._tables[length] = table
            self.size += len(table.hashes)
            patterns.append(table.numbers(hashes))
            texts.append(words.texts[at])
            spans.append(np.stack([words.starts[at], words.stops[at + length - 1]], axis=1))
        # One row per place of an n-gram in the evaluation sets.
        none = np.zeros(0, dtype=np.int64)
        self.patterns: Numbers = np.concatenate([none, *patterns])
        self.pattern_texts: Numbers = np.concatenate([none, *texts])
        self.spans: Numbers = np.concatenate([none.reshape(0, 2), *spans])

    @property
    def examples(self) -> Numbers:
        """The number of the example of every place of an n-gram, counted through all sets."""
        return self._example_of_text[self.pattern_texts]

    def find(self, words: Words) -> tuple[Numbers, Numbers, Numbers]:
        """Where n-grams stand in a batch of words: their numbers, first words, and lengths."""
        none = np.zeros(0, dtype=np.int64)
        found, places, lengths = [none], [none], [none]
        for length, hashes in runs(words, max(self._tables, default=0)):
            if length in self._tables:
                at, numbers = self._tables[length].find(hashes)
                inside = in_one_text(words, at, length)
                found.append(numbers[inside])
                places.append(at[inside])
                lengths.append(np.full(int(inside.sum()), length))
        return np.concatenate(found), np.concatenate(places), np.concatenate(lengths)

    def _sought(self, words: Words, minimum_words: int) -> Iterable[tuple[int, Hashes, Numbers]]:
        """Per length of n-grams: the length, their hashes, and where in `words` they begin."""
        sizes = np.bincount(words.texts, minlength=len(self.texts))
        begins = np.cumsum(sizes) - sizes
        for length, hashes in runs(words, self.ngram_words):
            if length == self.ngram_words:
                at = np.arange(len(hashes))
                at = at[in_one_text(words, at, length)]
            elif length >= minimum_words:
                at = begins[sizes == length]
            else:
                continue
            if len(at):
                yield length, hashes[at], at


def _plain(text: str) -> str:
    """An evaluation text in the form that cleaning gives to documents: a soft hyphen or a ligature
    of a textbook stands in none of them."""
    return normalise(text).translate(_LIGATURES)


class _Table:
    """Hashes of n-grams of one length, numbered from `first` on; most others are refused at once,
    by a table of their leading bits."""

    def __init__(self, hashes: Hashes, first: int) -> None:
        self.hashes = np.unique(hashes)
        self._first = first
        bits = min(28, max(16, (32 * len(self.hashes)).bit_length()))
        self._shift = np.uint64(64 - bits)
        self._known = np.zeros(1 << bits, dtype=np.bool_)
        self._known[self.hashes >> self._shift] = True

    def numbers(self, hashes: Hashes) -> Numbers:
        """The numbers of hashes that the table holds."""
        return np.searchsorted(self.hashes, hashes) + self._first

    def find(self, hashes: Hashes) -> tuple[Numbers, Numbers]:
        """Which of the hashes it holds, and their numbers."""
        at = np.flatnonzero(self._known[hashes >> self._shift])
        wanted = hashes[at]
        places = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        same = self.hashes[places] == wanted
        return at[same], places[same] + self._first


@dataclass
class Scan:
    """What was found: per n-gram the documents that hold it, and what of it concerns whom.

    counts: documents per n-gram. documents: documents read. touched: documents that hold an
    n-gram, per set. first: the id of an n-gram's first document. pairs: n-gram and document, for
    n-grams in at most maximum_documents, and for others as many.
    """

    counts: Numbers
    touched: list[int]
    documents: int = 0
    first: dict[int, str] = field(default_factory=dict)
    pairs: list[tuple[int, int]] = field(default_factory=list)

    def common(self, maximum_documents: int | None) -> NDArray[np.bool_]:
        """Which n-grams stand in more documents than that."""
        return self.counts > (np.inf if maximum_documents is None else maximum_documents)

    def contaminated(self, maximum_documents: int | None) -> set[int]:
        """The numbers of the documents that hold an n-gram which is not common."""
        common = self.common(maximum_documents)
        return {document for pattern, document in self.pairs if not common[pattern]}


def scan(
    index: Index, documents: Iterable[tuple[str, str]], *, maximum_documents: int | None
) -> Scan:
    """Read documents, (id, text) each, once, and count which hold which n-grams.

    Memory: a batch, the index, and of every n-gram the documents up to maximum_documents.
    """
    result = Scan(np.zeros(index.size, dtype=np.int64), [0] * len(index.sets))
    last = np.full(index.size, -1)  # the last document that an n-gram was counted for
    last_touched = [-1] * len(index.sets)
    owners = _owners(index)
    ids: dict[int, str] = {}

    def texts() -> Iterable[str]:
        for name, text in documents:
            ids[result.documents] = name
            result.documents += 1
            yield text

    for words in read_words(texts(), overlap=index.ngram_words - 1):
        found, places, _ = index.find(words)
        if len(found):
            pairs = np.unique(np.stack([words.texts[places], found], axis=1), axis=0)
            pairs = pairs[last[pairs[:, 1]] < pairs[:, 0]]
            for number, holders in enumerate(owners):
                touching = np.unique(pairs[holders[pairs[:, 1]], 0])
                touching = touching[touching > last_touched[number]]
                result.touched[number] += len(touching)
                last_touched[number] = int(touching[-1]) if len(touching) else last_touched[number]
            for document, pattern in pairs.tolist():
                last[pattern] = document
                result.counts[pattern] += 1
                if result.counts[pattern] == 1:
                    result.first[pattern] = ids[document]
                if maximum_documents is None or result.counts[pattern] <= maximum_documents:
                    result.pairs.append((pattern, document))
        newest = int(words.texts[-1]) if len(words) else 0
        for number in [number for number in ids if number < newest]:
            del ids[number]
    return result


def _owners(index: Index) -> list[NDArray[np.bool_]]:
    """Per set, which n-grams are its own, or also its own."""
    ends = np.cumsum([len(one.examples) for one in index.sets])
    sets = np.searchsorted(ends, index.examples, side="right")
    owners = []
    for number in range(len(index.sets)):
        holders = np.zeros(index.size, dtype=np.bool_)
        holders[index.patterns[sets == number]] = True
        owners.append(holders)
    return owners


def pieces(
    text: str, index: Index, spared: NDArray[np.bool_], *, margin_characters: int
) -> list[str]:
    """What is left of a document without the n-grams found in it and so much on either side.

    spared: n-grams that stay. Pieces of fewer than `margin_characters` are left out, and all of a
    document that is cut into more than ten. Cuts are made at white space.
    """
    spans: list[list[int]] = []
    for words in read_words([text], overlap=index.ngram_words - 1):
        numbers, places, lengths = index.find(words)
        kept = ~spared[numbers]
        starts = words.starts[places[kept]]
        stops = words.stops[(places + lengths - 1)[kept]]
        spans += np.stack([starts, stops], axis=1).tolist()
    borders = [0]
    for start, stop in sorted(spans):
        begin, end = _widened(text, start - margin_characters, stop + margin_characters)
        if len(borders) > 1 and begin <= borders[-1]:
            borders[-1] = max(borders[-1], end)
        else:
            borders += [begin, end]
    borders.append(len(text))
    edges = zip(borders[::2], borders[1::2], strict=True)
    left = [text[begin:end].strip() for begin, end in edges]
    left = [piece for piece in left if piece and len(piece) >= margin_characters]
    return left if len(left) <= MAXIMUM_PIECES else []


def _widened(text: str, start: int, stop: int) -> tuple[int, int]:
    """The span widened to white space or the text's ends."""
    start, stop = max(0, start), min(len(text), stop)
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while stop < len(text) and not text[stop].isspace():
        stop += 1
    return start, stop
