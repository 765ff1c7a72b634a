"""The tokenizer: lossless, deterministic, equal to a plain BPE, with special tokens and gaps."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pyarrow as pa
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm.errors import InputError
from llm.files import write_manifest, write_text
from llm.tokens import tokenizer as tokenizers
from llm.tokens.patterns import CL100K, PATTERNS
from llm.tokens.tokenizer import load, train
from llm.tokens.vocabularies import END_OF_TEXT

TEXTS = [
    "The fox saw the hen. The hen saw the fox, and the fox's friends weren't there.",
    "In the old house by the sea lived 12 geese; the geese were loud, the house was quiet.",
    "  Spaces\tand\n\n lines   count, too:   don't lose them. \n",
] * 3
AWKWARD = [
    "",
    " ",
    "\n\n \t ",
    "I'LL won't l'été ' '' 's",
    "ünïçødé 日本語 😀 👩‍👩‍👧 e\u0301",
    "\x00\x01\x7f\u2028\ufeff\U0010ffff",
    f"a{END_OF_TEXT}b <|endoftext",
    "x" * 5_000,
]


@pytest.fixture(scope="module")
def trained() -> tokenizers.Tokenizer:
    return train(TEXTS, vocab_size=320)


@pytest.mark.parametrize("text", AWKWARD)
def test_decoding_gives_the_text_back(trained, text):
    assert trained.decode(trained.encode(text)) == text


def test_every_id_is_in_the_vocabulary_and_has_its_bytes(trained):
    assert trained.vocab_size == 320
    assert trained.end_of_text == 319
    tokens = {trained.token_bytes(token_id) for token_id in range(trained.vocab_size)}
    assert len(tokens) == 320
    assert trained.token_bytes(319) == END_OF_TEXT.encode()
    with pytest.raises(KeyError):
        trained.token_bytes(320)


def test_special_tokens_in_a_text_are_ordinary_text_unless_asked_for(trained):
    assert trained.end_of_text not in trained.encode(END_OF_TEXT)
    assert trained.encode(END_OF_TEXT, allow_special=True) == [trained.end_of_text]
    assert trained.end_of_text not in trained.encode_batch([END_OF_TEXT])[0]


def test_special_tokens_come_last_and_are_told_apart_from_text():
    made = train(TEXTS, vocab_size=320, special_tokens=["<|user|>", "<|assistant|>"])
    assert made.vocab_size == 320
    assert made.special_tokens == {END_OF_TEXT: 317, "<|user|>": 318, "<|assistant|>": 319}
    text = f"<|user|>The fox{END_OF_TEXT}"
    words = made.encode("The fox")
    assert made.encode(text, allow_special=True) == [318, *words, 317]
    assert not {317, 318, 319} & set(made.encode(text))
    assert made.decode(made.encode(text)) == made.decode([318, *words, 317]) == text


def test_a_tokenizer_is_extended_behind_its_last_id(trained, tmp_path):
    more = trained.extended(["<|user|>", "<|assistant|>"])
    assert (more.vocab_size, more.end_of_text) == (322, 319)
    assert more.encode("<|assistant|>", allow_special=True) == [321]
    assert more.encode_batch(AWKWARD) == trained.encode_batch(AWKWARD)
    assert more.fingerprint != trained.fingerprint
    assert trained.extended([]).fingerprint == trained.fingerprint
    more.save(tmp_path / "more")
    assert load(tmp_path / "more").special_tokens == more.special_tokens
    with pytest.raises(ValueError, match="special token of trained already"):
        more.extended(["<|user|>"])


def test_ids_may_have_gaps_which_stand_for_nothing():
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"ab": 260}
    made = tokenizers.Tokenizer(
        "gaps", pattern=r"\w+|\W", ranks=ranks, special_tokens={END_OF_TEXT: 270, "<|user|>": 280}
    )
    assert made.vocab_size == 281
    assert made.encode("abab!") == [260, 260, 33]
    assert made.extended(["<|more|>"]).special_tokens["<|more|>"] == 281
    lengths = made.token_lengths
    assert lengths.shape == (281,)
    assert (lengths[33], lengths[260]) == (1, 2)
    assert lengths.sum() == 256 + 2
    for gap in (256, 261, 269, 271, 279, 281):
        with pytest.raises(KeyError):
            made.decode([33, gap])
        with pytest.raises(KeyError):
            made.token_bytes(gap)
        assert made.decode_written([33, gap, 260]) == "!\ufffdab"


def test_the_end_of_text_is_needed():
    ranks = {bytes([byte]): byte for byte in range(256)}
    with pytest.raises(ValueError, match=r"no special token <\|endoftext\|>"):
        tokenizers.Tokenizer("none", pattern=".", ranks=ranks, special_tokens={"<|user|>": 256})


def test_documents_have_the_ids_of_each_alone():
    made = train(TEXTS, vocab_size=320, special_tokens=["<|user|>"])
    texts = [*AWKWARD, "a <|user|> b", "<|endoftext|"]
    ids, ends = made.documents.encode(pa.array(texts))
    starts = [0, *ends[:-1]]
    found = [ids[start:end].tolist() for start, end in zip(starts, ends, strict=True)]
    assert found == [[*made.encode(text), made.end_of_text] for text in texts]


def test_the_pattern_decides_what_may_merge():
    texts = ["in 1234567 of 12345 and 123456 years"] * 5
    whole = train(texts, vocab_size=270)
    threes = train(texts, vocab_size=270, pattern=CL100K)
    longest = [token for token in whole.longest_tokens(20) if token.strip().isdigit()]
    assert max(map(len, longest)) > 4
    assert [threes.decode([i]) for i in threes.encode("1234567")] == ["123", "456", "7"]


def test_a_lone_surrogate_becomes_the_replacement_character(trained):
    assert trained.decode(trained.encode("a\ud800b")) == "a\ufffdb"


def test_a_batch_equals_its_texts_one_by_one_for_any_number_of_threads(trained):
    expected = [trained.encode(text) for text in AWKWARD]
    assert trained.encode_batch(AWKWARD, threads=1) == expected
    assert trained.encode_batch(AWKWARD, threads=3) == expected


def test_training_depends_on_the_texts_alone():
    """Nor on the order of the texts, nor on how many are read at a time; ties are broken."""
    reference = train(TEXTS, vocab_size=300).fingerprint
    assert train(iter(reversed(TEXTS)), vocab_size=300).fingerprint == reference
    assert train(TEXTS, vocab_size=300, buffer_texts=1).fingerprint == reference
    assert train(TEXTS[:2], vocab_size=300).fingerprint != reference


def test_training_reads_a_stream_a_few_texts_at_a_time():
    class Counted(str):
        __slots__ = ("__weakref__",)

    alive: weakref.WeakSet[Counted] = weakref.WeakSet()
    most = 0

    def stream() -> Iterator[str]:
        nonlocal most
        for number in range(200):
            text = Counted(f"{TEXTS[number % 3]} {number}")
            alive.add(text)
            most = max(most, len(alive))
            yield text

    train(stream(), vocab_size=300, buffer_texts=8)
    assert 0 < most <= 32


def plain_merges(texts: list[str], count: int, pattern: str) -> list[bytes]:
    """The tokens of byte-pair encoding written plainly (Sennrich et al. 2016)."""
    words = Counter(word for text in texts for word in regex.findall(pattern, text))
    pieces = {word: list(word.encode()) for word in words}  # ids
    tokens = [bytes([byte]) for byte in range(256)]
    while len(tokens) < 256 + count:
        pairs: Counter[tuple[int, int]] = Counter()
        for word, parts in pieces.items():
            for pair in pairwise(parts):
                pairs[pair] += words[word]
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        tokens.append(tokens[best[0]] + tokens[best[1]])
        for parts in pieces.values():
            at = 0
            while at < len(parts) - 1:
                if (parts[at], parts[at + 1]) == best:
                    parts[at : at + 2] = [len(tokens) - 1]
                at += 1
    return tokens


@pytest.mark.parametrize("name", sorted(PATTERNS))
@given(
    texts=st.lists(st.text("aaabAé1 '\n😀", max_size=40), min_size=1, max_size=6),
    count=st.integers(1, 20),
)
@example(texts=["hug hugs hugging pug pugs pun bun buns hugs hug, hug."], count=12)
@settings(max_examples=100, deadline=None)
def test_training_merges_the_most_frequent_pair_each_time(name, texts, count):
    """Also of letters that repeat, whose pairs overlap; equal counts by the lower ids."""
    expected = plain_merges(texts, count, PATTERNS[name])
    if len(expected) < 256 + count:
        with pytest.raises(InputError, match=f"at most {len(expected) + 1} tokens"):
            train(texts, vocab_size=257 + count, pattern=PATTERNS[name])
        return
    made = train(texts, vocab_size=257 + count, pattern=PATTERNS[name])
    assert [made.token_bytes(at) for at in range(256 + count)] == expected


def test_training_depends_on_no_number_of_threads(root):
    call = (
        "import random; from llm.tokens.tokenizer import train; draw = random.Random(1);"
        "texts = [' '.join(draw.choices(['fox', 'hens', 'geese', 'l\u00e9t\u00e9', '12'], k=50))"
        " + str(draw.random()) for _ in range(300)];"
        "print(train(texts, vocab_size=900).fingerprint)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", call],
            cwd=root,
            env={**os.environ, "RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2", "7")
    }
    assert len(found) == 1 and found != {""}


def test_too_little_text_for_the_vocabulary_is_said():
    with pytest.raises(InputError, match="at most 259 tokens"):
        train(["abc"], vocab_size=400)
    with pytest.raises(InputError, match="at most 257 tokens"):
        train([], vocab_size=400)


def test_a_saved_tokenizer_is_the_same_and_its_bytes_repeat(trained, tmp_path):
    trained.save(tmp_path / "a")
    train(TEXTS, vocab_size=320).save(tmp_path / "b")
    names = ["manifest.json", "ranks.tiktoken", "tokenizer.json"]
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    again = load(tmp_path / "a")
    assert again.fingerprint == trained.fingerprint
    assert again.encode_batch(TEXTS + AWKWARD) == trained.encode_batch(TEXTS + AWKWARD)


def test_a_missing_changed_or_mixed_tokenizer_is_refused(trained, tmp_path):
    with pytest.raises(InputError, match="train_tokenizer"):
        load(tmp_path / "none")
    trained.save(tmp_path / "a")
    ranks = (tmp_path / "a" / "ranks.tiktoken").read_text()
    (tmp_path / "a" / "ranks.tiktoken").write_text(ranks.replace("AA== 0", "AA== 1"))
    with pytest.raises(InputError, match="not what its manifest says"):
        load(tmp_path / "a")


@pytest.mark.parametrize(
    ("ranks", "fault"),
    [
        ("AA== 0\n", "a byte has no token"),
        ("AA== 0\nAQ== 0\n", "an id is double"),
        ("AA== -1\n", "or negative"),
        ("AA== zero\n", "invalid literal"),
        ("no-base64! 0\n", "Error"),
        ("AA==\n", "not enough values"),
    ],
)
def test_malformed_ranks_are_refused(trained, tmp_path, ranks, fault):
    trained.save(tmp_path / "a")
    write_text(tmp_path / "a" / "ranks.tiktoken", ranks)
    write_manifest(tmp_path / "a", fingerprint=trained.fingerprint)
    with pytest.raises(InputError, match=fault):
        load(tmp_path / "a")


def test_ranks_of_another_tokenizer_are_refused(trained, tmp_path):
    trained.save(tmp_path / "a")
    write_manifest(tmp_path / "a", fingerprint="0" * 16)
    with pytest.raises(InputError, match="not the one that its manifest names"):
        load(tmp_path / "a")
