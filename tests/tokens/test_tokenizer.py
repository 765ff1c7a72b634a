"""The tokenizer: lossless, deterministic, equal to a plain BPE and to GPT-2's own."""

from __future__ import annotations

import json
import re
import weakref
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from llm.errors import InputError
from llm.files import write_json, write_manifest, write_text
from llm.tokens import tokenizer as tokenizers
from llm.tokens.tokenizer import END_OF_TEXT, from_gpt2, load, train

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


def test_training_merges_the_most_frequent_pair_each_time():
    """Parity with byte-pair encoding written plainly (Sennrich et al. 2016)."""
    text = "hug hugs hugging pug pugs pun bun buns hugs hug, hug."
    words = Counter(re.findall(r" ?[a-z]+| ?[^\sa-z]+", text))
    pieces = {word: [bytes([byte]) for byte in word.encode()] for word in words}
    expected: list[bytes] = []
    for _ in range(12):
        pairs: Counter[tuple[bytes, bytes]] = Counter()
        for word, parts in pieces.items():
            for pair in pairwise(parts):
                pairs[pair] += words[word]
        most = max(pairs.values())
        rank = {token: at for at, token in enumerate([*map(bytes, zip(range(256))), *expected])}
        best = min(
            (pair for pair, count in pairs.items() if count == most),
            key=lambda pair: (rank[pair[0]], rank[pair[1]]),
        )
        expected.append(best[0] + best[1])
        for parts in pieces.values():
            at = 0
            while at < len(parts) - 1:
                if (parts[at], parts[at + 1]) == best:
                    parts[at : at + 2] = [best[0] + best[1]]
                at += 1
    made = train([text], vocab_size=256 + 12 + 1)
    assert [made.token_bytes(256 + at) for at in range(12)] == expected


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
        ("AA== 0\n", "ids are not 0 to 1"),
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


def test_an_unverified_gpt2_vocabulary_is_refused(tmp_path):
    with pytest.raises(InputError, match="missing"):
        from_gpt2(tmp_path)
    write_text(tmp_path / "vocab.bpe", "#version: 0.2\nh e\n")
    write_json(tmp_path / "encoder.json", {"h": 0})
    with pytest.raises(InputError, match="not OpenAI's") as caught:
        from_gpt2(tmp_path)
    assert "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5" in str(caught.value)


def _gpt2_folder(mirror: Path) -> Path:
    return mirror / "openaipublic.blob.core.windows.net/gpt-2/encodings/main"


def test_gpt2_ids_are_the_known_ones(mirror, tmp_path):
    gpt2 = from_gpt2(_gpt2_folder(mirror))
    assert (gpt2.vocab_size, gpt2.end_of_text) == (50_257, 50_256)
    assert gpt2.encode("Hello, world!") == [15496, 11, 995, 0]
    verdict = next(mirror.rglob("the-verdict.txt")).read_text(encoding="utf-8")
    assert len(gpt2.encode(verdict)) == 5_145
    gpt2.save(tmp_path / "gpt2")
    assert load(tmp_path / "gpt2").encode(verdict) == gpt2.encode(verdict)


def test_gpt2_equals_transformers(mirror):
    from transformers import GPT2Tokenizer

    folder = _gpt2_folder(mirror)
    gpt2 = from_gpt2(folder)
    merges = (folder / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:-1]
    other = GPT2Tokenizer(
        vocab=json.loads((folder / "encoder.json").read_text(encoding="utf-8")),
        merges=[tuple(merge.split()) for merge in merges],
    )
    french = next(mirror.rglob("44157-0.txt")).read_text(encoding="utf-8")
    plain = [text for text in AWKWARD if "<|" not in text]  # transformers parses specials
    for text in [*plain, french]:
        assert gpt2.encode(text) == other(text)["input_ids"]
