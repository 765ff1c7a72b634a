"""Encoding many texts: the ids of tiktoken, whoever encodes, and an end where they are not."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.errors import ConfigError
from llm.tokens import encoders
from llm.tokens.encoders import TextEncoder
from llm.tokens.patterns import GPT2, PATTERNS
from llm.tokens.published import from_published
from llm.tokens.tokenizer import Tokenizer, train
from llm.tokens.vocabularies import END_OF_TEXT

CORPUS = [
    "The fox saw the hen. The hen saw the fox, and the fox's friends weren't THERE: they'll run.",
    "In 1234567 of 12345 years\r\n\r\n  the geese   were loud\t\tand a.b/c?d=1 HelloWorld!!\n",
    "ünïçødé l'été 日本語 한국어 हिन्दी العربية 😀😀 e\u0301 \u00a0\u3000 ... --- 's 't <|endoftext",
    "aaaaaaaaaaaaaaaaaaaaaaaa 0000000000000000 \n\n\n\n \t \t \t            x",
] * 3
AWKWARD = [
    "",
    " ",
    "\r\n\r\n \t\n",
    "I'LL won't l'été ' '' 's ſ'ſ",
    "ünïçødé 日本語 😀 👩‍👩‍👧 e\u0301 ǅǈʰª ٣५㉈ⅣⅫ²½",
    "\x00\x01\x1f\x7f\x80\x85\x9f\u2028\u200b\ufeff\U0010ffff\ue000",
    f"a{END_OF_TEXT}b <|endoftext {END_OF_TEXT}",
    *("x" * n for n in (15, 16, 17, 31, 33, 64, 257, 200_000)),
    *(" " * n + "x" for n in (2, 16, 65, 20_000)),
    "1" * 20_000,
    "ab" * 9_999,
    "漢" * 5_000,
]
WORDS = ["'s", "'LL", "\r\n", "  ", " \n", END_OF_TEXT, "HelloWorld", "12345", "!!\n\n", "\t\t}"]
DIRTY = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(WORDS),
        st.builds(lambda a, n: a * n, st.characters(codec="utf-8"), st.integers(1, 70)),
        st.text(alphabet=" \t\r\n\x0b\x85\u00a0\u3000'a1!", max_size=20),
    ),
    max_size=20,
).map("".join)


def made(pattern: str, vocab_size: int = 380) -> Tokenizer:
    return train(CORPUS, vocab_size=vocab_size, pattern=pattern, special_tokens=["<|user|>"])


TOKENIZERS = {name: made(pattern) for name, pattern in PATTERNS.items()}


def assert_equal(tokenizer: Tokenizer, texts: list[str], encoder: TextEncoder | None = None):
    """The ids of `encoder`, the tokenizer's own by default, are tiktoken's for each text alone."""
    ids, ends = (encoder or tokenizer.documents).encode(pa.array(texts, pa.string()))
    assert ids.dtype == np.uint32
    assert ends.dtype == np.int64
    expected = [[*tokenizer.encode(text), tokenizer.end_of_text] for text in texts]
    assert ids.tolist() == [token_id for row in expected for token_id in row]
    assert np.diff(ends, prepend=0).tolist() == [len(row) for row in expected]


@pytest.fixture(params=sorted(PATTERNS))
def tokenizer(request) -> Tokenizer:
    return TOKENIZERS[request.param]


def test_awkward_texts_have_the_ids_of_tiktoken(tokenizer):
    assert tokenizer.documents.is_native
    assert_equal(tokenizer, AWKWARD)
    assert_equal(tokenizer, [""])
    assert_equal(tokenizer, [])
    assert_equal(tokenizer, CORPUS)


def by_tiktoken(tokenizer: Tokenizer) -> TextEncoder:
    """The encoder that the tokenizer has where gigatoken is not wanted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLM_ENCODER", "tiktoken")
        return TextEncoder(
            tokenizer._encoding,
            pattern=tokenizer.pattern,
            ranks=tokenizer._ranks,
            end_of_text=tokenizer.end_of_text,
        )


PLAIN = {name: by_tiktoken(tokenizer) for name, tokenizer in TOKENIZERS.items()}


@pytest.mark.parametrize("name", sorted(PATTERNS))
@given(texts=st.lists(DIRTY, min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_dirty_texts_have_the_ids_of_tiktoken(name, texts):
    assert_equal(TOKENIZERS[name], texts)
    assert_equal(TOKENIZERS[name], texts, PLAIN[name])


def test_a_megabyte_of_one_character_has_the_ids_of_tiktoken(tokenizer):
    """One word of a megabyte, and nearly as much white space as tiktoken divides."""
    texts = ["a", "x" * 1_000_000, "\n" * 1_000_000, " " * 999_000 + "x", "b"]
    assert_equal(tokenizer, texts)
    native, plain = tokenizer.documents, by_tiktoken(tokenizer)
    assert np.array_equal(native.encode(pa.array(texts))[0], plain.encode(pa.array(texts))[0])


def test_gpt2_has_the_ids_of_tiktoken(mirror):
    folder = mirror / "openaipublic.blob.core.windows.net/gpt-2/encodings/main"
    gpt2 = from_published("gpt2", folder)
    assert gpt2.documents.is_native
    assert_equal(gpt2, AWKWARD + CORPUS)
    french = next(mirror.rglob("44157-0.txt")).read_text(encoding="utf-8")
    verdict = next(mirror.rglob("the-verdict.txt")).read_text(encoding="utf-8")
    assert_equal(gpt2, [french, verdict, *french.split("\n\n")])


def _border_ranks() -> dict[bytes, int]:
    """A vocabulary that shows every border between an ASCII character and any other."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    for character in b"aA1! \n\r'/":
        for byte in range(0xF5):
            ranks.setdefault(bytes([character, byte]), len(ranks))
            ranks.setdefault(bytes([byte, character]), len(ranks))
    return ranks


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_all_characters_of_unicode_are_divided_alike(pattern):
    """Each, in every neighbourhood in which a division may depend on its kind."""
    ranks = _border_ranks()
    known = Tokenizer(
        "borders",
        pattern=PATTERNS[pattern],
        ranks=ranks,
        special_tokens={END_OF_TEXT: len(ranks)},
    )
    assert known.documents.is_native
    points = [*range(0xD800), *range(0xE000, 0x40000), *range(0xE0000, 0xE0200), 0xF0000]
    assigned = [chr(point) for point in points if unicodedata.category(chr(point)) != "Cn"]
    neighbours = ["{}a", "{}1", "{}!", "  {}", "a{}A", "A{}a", "a'{}", "1{}1", "\n{}\n", "{}\u0301"]
    for neighbour in neighbours:
        for start in range(0, len(assigned), 4_096):
            text = "\n".join(map(neighbour.format, assigned[start : start + 4_096]))
            ids, _ = known.documents.encode(pa.array([text]))
            assert ids[:-1].tolist() == known.encode(text), (neighbour, hex(start))


def test_characters_that_later_unicode_assigns_are_left_to_tiktoken(tokenizer):
    """U+32FEC is a letter since Unicode 17, and so to gigatoken, but not to tiktoken."""
    assert_equal(tokenizer, ["\U00032fec's", "plain", "\u088f's \ua7ce's \U00010940's"])
    assert tokenizer.documents.is_native


def test_special_tokens_are_never_read_in_a_text(tokenizer):
    ids, _ = tokenizer.documents.encode(pa.array([f"{END_OF_TEXT}<|user|>", END_OF_TEXT]))
    assert np.count_nonzero(ids == tokenizer.end_of_text) == 2
    assert tokenizer.special_tokens["<|user|>"] not in ids


def test_patterns_of_ones_own_and_vocabularies_with_gaps_are_left_to_tiktoken():
    own = made(r"\w+|\W")
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"ab": 260}
    gaps = Tokenizer("gaps", pattern=GPT2, ranks=ranks, special_tokens={END_OF_TEXT: 270})
    late = {bytes([byte]): byte + 1 for byte in range(256)} | {b"ab": 0}
    odd = Tokenizer("odd", pattern=GPT2, ranks=late, special_tokens={END_OF_TEXT: 257})
    for one in (own, gaps, odd):
        assert not one.documents.is_native
        assert_equal(one, AWKWARD + CORPUS)


def test_a_vocabulary_that_gigatoken_cannot_hold_is_left_to_tiktoken(capfd):
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"abc": 256}
    broken = Tokenizer("broken", pattern=GPT2, ranks=ranks, special_tokens={END_OF_TEXT: 257})
    assert_equal(broken, ["abc abcd", "abc"])
    assert not broken.documents.is_native
    assert "tiktoken encodes" in capfd.readouterr().out


def test_the_encoder_can_be_chosen(monkeypatch):
    monkeypatch.setenv("LLM_ENCODER", "tiktoken")
    plain = made(GPT2)
    assert not plain.documents.is_native
    assert_equal(plain, AWKWARD)
    monkeypatch.setenv("LLM_ENCODER", "faster")
    with pytest.raises(ConfigError, match="LLM_ENCODER"):
        made(GPT2).documents.encode(pa.array(["a"]))


def test_other_ids_of_the_probe_end_the_run(monkeypatch):
    monkeypatch.setattr(encoders, "_SCHEMES", {GPT2: "o200k"})
    with pytest.raises(ConfigError, match="other tokens than tiktoken") as caught:
        made(GPT2).documents.encode(pa.array(["plain"]))
    assert "LLM_ENCODER=tiktoken" in str(caught.value)


def test_other_ids_of_a_batch_end_the_run(monkeypatch):
    known = made(GPT2)
    known.documents.prepare()
    honest = encoders._encoded

    def forgetful(encoder, documents):
        ids, lengths = honest(encoder, documents)
        return ids[::-1], lengths

    monkeypatch.setattr(encoders, "_encoded", forgetful)
    with pytest.raises(ConfigError, match="other tokens than tiktoken"):
        known.documents.encode(pa.array(["one two three", "four five six"]))


def test_an_encoder_is_made_anew_before_it_holds_too_many_words(monkeypatch):
    monkeypatch.setattr(encoders, "_RENEWED_BYTES", 100)
    known = made(GPT2)
    times = []
    make = TextEncoder._made

    def counted(self, scheme):
        times.append(scheme)
        return make(self, scheme)

    monkeypatch.setattr(TextEncoder, "_made", counted)
    for _ in range(6):
        assert_equal(known, ["x" * 60])
    assert len(times) == 3


def test_threads_more_than_encoders_give_the_same_ids(monkeypatch, tokenizer):
    monkeypatch.setattr(encoders, "_MOST", 2)
    encoder = TextEncoder(
        tiktoken.Encoding(
            "other",
            pat_str=tokenizer.pattern,
            mergeable_ranks=tokenizer._ranks,
            special_tokens=tokenizer.special_tokens,
        ),
        pattern=tokenizer.pattern,
        ranks=tokenizer._ranks,
        end_of_text=tokenizer.end_of_text,
    )
    texts = [f"{text} {number}" for number in range(40) for text in CORPUS]
    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(assert_equal, tokenizer, texts[at:], encoder) for at in range(8)]
        for one in work:
            one.result()


def test_bytes_that_are_no_text_are_refused():
    broken = pa.array([b"a\xffb"]).view(pa.string())
    with pytest.raises(pa.ArrowInvalid, match="UTF8"):
        TOKENIZERS["gpt2"].documents.encode(broken)
