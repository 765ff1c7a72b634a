"""Clusters: what signatures find against the true similarity, who stays, and what must not
matter: the order of files, the memory, what was signed before."""

import itertools
import random
import re

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm.corpus.dedupe.clusters import KINDS, find_clusters
from llm.corpus.dedupe.index import Scratch, read_index, unpack_ids
from llm.corpus.dedupe.signatures import Signing, sign
from llm.corpus.documents import document_id
from llm.files import write_parquet

WORDS = [f"word{n}" for n in range(400)]
SIGNING = Signing(ngram_words=5, permutations=128, seed=1)


def text(seed: int, length: int = 300) -> str:
    rng = random.Random(seed)
    return " ".join(rng.choice(WORDS) for _ in range(length))


def edited(original: str, edits: int, seed: int) -> str:
    rng = random.Random(seed)
    words = original.split()
    for place in rng.sample(range(len(words)), edits):
        words[place] = f"new{rng.randrange(10**9)}"
    return " ".join(words)


def jaccard(one: str, two: str, size: int = 5) -> float:
    sets = [
        set(zip(*(re.findall(r"\w+", t.lower())[n:] for n in range(size)), strict=False))
        for t in (one, two)
    ]
    return len(sets[0] & sets[1]) / len(sets[0] | sets[1])


class Outcome:
    """Clusters by text: of, kind, and who is kept."""

    def __init__(self, texts, index, clusters):
        of = {document_id(t): t for t in texts}
        order = [of[name] for name in unpack_ids(index.ids)]
        self.cluster = {t: order[n] for t, n in zip(order, clusters.cluster, strict=True)}
        self.kind = {t: KINDS[k] for t, k in zip(order, clusters.kind, strict=True)}
        self.kept = {t for t, stays in zip(order, clusters.kept, strict=True) if stays}
        self.facts = (self.cluster, self.kind, self.kept)


def outcome(home, texts, *, quality=None, parts=1, reverse=False, memory=2**30, **options):
    """Cluster texts that stand in `parts` files, in the order of their ids or reversed."""
    home.mkdir()
    rows = sorted((document_id(t), t, (quality or {}).get(t, 0.5)) for t in texts)
    columns = ["id", "text", "quality"]
    table = pa.table(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True)))
    table = table.cast(pa.schema([("id", "string"), ("text", "string"), ("quality", "float32")]))
    size = -(-len(rows) // parts)
    paths = []
    for number, start in enumerate(range(0, len(rows), size)):
        paths.append(home / f"{number}.parquet")
        piece = table.slice(start, size)
        write_parquet(piece.take(list(range(len(piece)))[::-1]) if reverse else piece, paths[-1])
    index = read_index(table.to_batches(), Scratch(home), rows=len(rows))
    settings = {"signing": SIGNING, "similarity": 0.7, **options}
    found = find_clusters(index, paths[::-1] if reverse else paths, memory_bytes=memory, **settings)
    return Outcome(texts, index, found)


@pytest.fixture(scope="module")
def planted():
    """Pairs from equal to unlike, a chain, many variants of one text, and words that are equal."""
    texts = []
    for n in range(40):
        texts += [text(n), edited(text(n), edits=n // 3, seed=n)]
    texts += [text(99, 100), text(99, 100).upper(), text(99, 100).replace(" ", ", ")]
    return list(dict.fromkeys(texts)) + [edited(text(70), edits=1, seed=n) for n in range(60)]


def test_recall_and_precision_against_the_true_similarity(tmp_path):
    pairs = [(text(n), edited(text(n), edits=n // 4, seed=n)) for n in range(60)]
    texts = list(dict.fromkeys(itertools.chain(*pairs)))
    found = outcome(tmp_path / "a", texts)
    family = {t: n for n, pair in enumerate(pairs) for t in pair}
    for one, two in itertools.combinations(texts, 2):
        together = found.cluster[one] == found.cluster[two]
        similarity = jaccard(one, two) if family[one] == family[two] else 0.0
        assert together == (similarity >= 0.7)


def true_components(texts):
    """The least text of each one's component, over all pairs, by counted n-grams."""
    lowest = {t: t for t in texts}
    pairs = [
        pair
        for pair in itertools.combinations([t for t in texts if re.search(r"\w", t)], 2)
        if short_jaccard(*pair) >= 0.7 - 1e-9
    ]
    for _ in texts:
        for one, two in pairs:
            lowest[one] = lowest[two] = min(lowest[one], lowest[two], key=document_id)
    return lowest


def short_jaccard(one, two):
    """As `jaccard`; a text of fewer words is one n-gram."""
    sizes = [min(5, len(re.findall(r"\w+", t))) for t in (one, two)]
    return jaccard(one, two, sizes[0]) if sizes[0] == sizes[1] else 0.0


@pytest.mark.parametrize("seed", range(4))
def test_components_and_survivors_by_brute_force(tmp_path, seed):
    """Short and long texts, edits of edits, no words, one word, and many ties of quality."""
    rng = random.Random(seed)
    texts = ["", "?!", "One", "one!", "two words", "Two, words", "a b c d e", "a b c d e f"]
    texts += [text(10 * seed + n, rng.choice([3, 6, 20, 80, 300])) for n in range(6)]
    for n in range(30):
        changed = rng.choice(texts[4:])
        if rng.random() < 0.3:
            changed = changed.upper()
        most = 1 + len(changed.split()) // 12
        texts.append(edited(changed, rng.randrange(min(2, most), most + 1), seed=n))
    texts = sorted(set(texts))
    quality = {t: rng.choice([0.1, 0.5, 0.9]) for t in texts}
    found = outcome(tmp_path / "a", texts, quality=quality, memory=rng.choice([500, 2**30]))
    expected = true_components(texts)
    assert found.cluster == expected
    for name in set(expected.values()):
        members = [t for t in texts if expected[t] == name]
        best = min(members, key=lambda t: (-quality[t], document_id(t)))
        assert found.kept & set(members) == {best}


def test_pairs_near_the_limit_are_counted(tmp_path):
    """An estimate alone would be wrong on both sides of it."""
    pairs = [(text(n), edited(text(n), edits=8 + n % 6, seed=n)) for n in range(200)]
    truth = [jaccard(*pair) >= 0.7 for pair in pairs]
    assert 50 < sum(truth) < 150
    found = outcome(tmp_path / "a", list(itertools.chain(*pairs)), memory=50_000)
    assert [found.cluster[one] == found.cluster[other] for one, other in pairs] == truth


def test_at_similarity_one_nothing_but_equal_sets_of_ngrams_join(tmp_path):
    """Signatures of two long texts that differ in a word are mostly equal."""
    long = [text(n, 3_000) for n in range(8)]
    texts = [t + end for t in long for end in ("", "!", " extra")]
    found = outcome(tmp_path / "a", texts, similarity=1.0)
    for t in long:
        assert found.cluster[t] == found.cluster[t + "!"] != found.cluster[t + " extra"]


def test_a_chain_is_one_cluster(tmp_path):
    chain = [text(1)]
    for n in range(6):
        chain.append(edited(chain[-1], edits=7, seed=n))
    assert jaccard(chain[0], chain[-1]) < 0.5
    assert len(set(outcome(tmp_path / "a", chain).cluster.values())) == 1


def test_a_bucket_of_many_is_one_cluster(tmp_path):
    texts = [edited(text(1), edits=1, seed=n) for n in range(80)]
    found = outcome(tmp_path / "a", texts)
    assert set(found.cluster.values()) == {min(texts, key=document_id)}
    assert len(found.kept) == 1


def test_equal_words_are_their_own_kind_and_not_near(tmp_path):
    texts = [text(1), text(1).upper(), text(1) + "!", edited(text(1), 2, seed=1), text(2)]
    found = outcome(tmp_path / "a", texts, quality={text(1): 0.9})
    assert [found.kind[t] for t in texts] == [
        "unique",
        "normalised",
        "normalised",
        "near",
        "unique",
    ]
    assert found.kept == {text(1), text(2)}
    # The best of equal words stands for them, also where a near one is better still.
    other = outcome(tmp_path / "b", texts, quality={texts[3]: 0.9, texts[1]: 0.8})
    assert [other.kind[t] for t in texts] == [
        "normalised",
        "near",
        "normalised",
        "unique",
        "unique",
    ]


def test_texts_without_words_are_alike_in_nothing(tmp_path):
    found = outcome(tmp_path / "a", ["???", "!!!", "", "...", "a"])
    assert set(found.kind.values()) == {"unique"}
    assert len(set(found.cluster.values())) == 5


def test_the_best_stays_then_the_lowest_id(tmp_path):
    texts = [text(1), edited(text(1), 1, seed=1), edited(text(1), 1, seed=2)]
    assert outcome(tmp_path / "a", texts).kept == {min(texts, key=document_id)}
    for n, best in enumerate(texts):
        assert outcome(tmp_path / f"b{n}", texts, quality={best: 0.6}).kept == {best}


def test_nothing_alike_and_nothing_at_all(tmp_path):
    assert outcome(tmp_path / "a", [text(1), text(2)]).kept == {text(1), text(2)}
    index = read_index([], Scratch(tmp_path), rows=0)
    found = find_clusters(index, [], signing=SIGNING, similarity=0.7, memory_bytes=2**30)
    assert found.kept.tolist() == []


@pytest.mark.parametrize(
    "way",
    [{"parts": 5}, {"parts": 5, "reverse": True}, {"memory": 20_000, "parts": 3}, {"memory": 500}],
    ids=str,
)
def test_what_must_not_matter(tmp_path, planted, way):
    expected = outcome(tmp_path / "a", planted)
    assert len(expected.kept) < len(planted) - 60
    assert {"normalised", "near", "unique"} == set(expected.kind.values())
    assert outcome(tmp_path / "b", planted, **way).facts == expected.facts


def test_signatures_of_before_may_be_used(tmp_path, planted):
    """A signer that remembers, and signs only what it has not seen."""
    known: dict[str, dict] = {}
    asked = []

    def remembering(parts, signing):
        ids = [name for part in parts for name in pq.read_table(part)["id"].to_pylist()]
        new = [name for name in ids if name not in known]
        asked.append(len(new))
        if new:
            table = sign(parts, signing)
            schema = table.schema
            known.update({row["id"]: row | {"_": schema} for row in table.to_pylist()})
        schema = next(iter(known.values()))["_"]
        return pa.Table.from_pylist([known[name] for name in ids], schema=schema)

    first = outcome(tmp_path / "a", planted[:-1], signer=remembering)
    again = outcome(tmp_path / "b", planted, signer=remembering)
    assert asked == [len(planted) - 1, 1]
    assert again.facts == outcome(tmp_path / "c", planted).facts
    assert first.facts == outcome(tmp_path / "d", planted[:-1]).facts


def test_a_hash_that_collides_joins_nothing(tmp_path):
    """Two texts whose hash of words is equal by chance are held against their signatures."""

    def colliding(parts, signing):
        table = sign(parts, signing)
        place = table.schema.get_field_index("words_hash")
        return table.set_column(place, "words_hash", pa.array(np.zeros(len(table), np.uint64)))

    found = outcome(tmp_path / "a", [text(1), text(2), text(3)], signer=colliding)
    assert len(found.kept) == 3
