"""Published vocabularies: OpenAI's files or nothing; ids equal to tiktoken's and transformers'.

The files of cl100k and o200k are large and stand in no test: small files of their format take
their place through a table of hashes that the test extends.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
from pathlib import Path

import pytest
import tiktoken

from llm.errors import InputError
from llm.files import write_json, write_text
from llm.tokens.published import from_published
from llm.tokens.tokenizer import load
from llm.tokens.vocabularies import END_OF_TEXT, PUBLISHED

AWKWARD = [
    "",
    "\n\n \t ",
    "I'LL won't l'été ' '' 's HelloWorld 1234567 a.b/c",
    "ünïçødé 日本語 😀 👩‍👩‍👧 e\u0301",
    "\x00\x01\x7f\u2028\ufeff\U0010ffff",
    f"a{END_OF_TEXT}b <|endoftext",
    "x" * 5_000,
]


@pytest.fixture
def small(monkeypatch, tmp_path):
    """A folder with a small file for each vocabulary, known by its hash."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    ranks |= {word: 256 + at for at, word in enumerate([b"he", b" w", b"el", b"lo", b"12", b"23"])}
    lines = "".join(f"{base64.b64encode(token).decode()} {at}\n" for token, at in ranks.items())
    for kind, published in list(PUBLISHED.items()):
        write_text(tmp_path / published.file, lines)
        known = dataclasses.replace(published, sha256=hashlib.sha256(lines.encode()).hexdigest())
        monkeypatch.setitem(PUBLISHED, kind, known)
    return tmp_path, ranks


@pytest.mark.parametrize("kind", sorted(PUBLISHED))
def test_a_verified_file_gives_the_ids_of_tiktoken(small, kind, tmp_path):
    folder, ranks = small
    made = from_published(kind, folder)
    other = tiktoken.Encoding(
        kind,
        pat_str=PUBLISHED[kind].pattern,
        mergeable_ranks=ranks,
        special_tokens=PUBLISHED[kind].special_tokens,
    )
    assert made.vocab_size == PUBLISHED[kind].vocab_size == other.max_token_value + 1
    for text in AWKWARD:
        assert made.encode(text) == other.encode_ordinary(text)
        assert made.decode(made.encode(text)) == text
    assert made.encode(END_OF_TEXT, allow_special=True) == [made.end_of_text]
    made.save(tmp_path / "saved")
    assert load(tmp_path / "saved").fingerprint == made.fingerprint


def test_sizes_are_the_largest_id_and_one():
    assert PUBLISHED["cl100k"].vocab_size == 100_277
    assert PUBLISHED["o200k"].vocab_size == 200_019


@pytest.mark.parametrize("kind", sorted(PUBLISHED))
def test_an_unverified_file_is_refused(kind, tmp_path):
    with pytest.raises(InputError, match="missing"):
        from_published(kind, tmp_path)
    write_text(tmp_path / PUBLISHED[kind].file, "AA== 0\n")
    with pytest.raises(InputError, match="not OpenAI's") as caught:
        from_published(kind, tmp_path)
    assert PUBLISHED[kind].sha256 in str(caught.value)


def test_an_unverified_gpt2_vocabulary_is_refused(tmp_path):
    with pytest.raises(InputError, match="missing"):
        from_published("gpt2", tmp_path)
    write_text(tmp_path / "vocab.bpe", "#version: 0.2\nh e\n")
    write_json(tmp_path / "encoder.json", {"h": 0})
    with pytest.raises(InputError, match="not OpenAI's") as caught:
        from_published("gpt2", tmp_path)
    assert "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5" in str(caught.value)


def _gpt2_folder(mirror: Path) -> Path:
    return mirror / "openaipublic.blob.core.windows.net/gpt-2/encodings/main"


def test_gpt2_ids_are_the_known_ones(mirror, tmp_path):
    gpt2 = from_published("gpt2", _gpt2_folder(mirror))
    assert (gpt2.vocab_size, gpt2.end_of_text) == (50_257, 50_256)
    assert gpt2.encode("Hello, world!") == [15496, 11, 995, 0]
    verdict = next(mirror.rglob("the-verdict.txt")).read_text(encoding="utf-8")
    assert len(gpt2.encode(verdict)) == 5_145
    gpt2.save(tmp_path / "gpt2")
    assert load(tmp_path / "gpt2").encode(verdict) == gpt2.encode(verdict)


def test_gpt2_equals_transformers(mirror):
    from transformers import GPT2Tokenizer

    folder = _gpt2_folder(mirror)
    gpt2 = from_published("gpt2", folder)
    merges = (folder / "vocab.bpe").read_text(encoding="utf-8").split("\n")[1:-1]
    other = GPT2Tokenizer(
        vocab=json.loads((folder / "encoder.json").read_text(encoding="utf-8")),
        merges=[tuple(merge.split()) for merge in merges],
    )
    french = next(mirror.rglob("44157-0.txt")).read_text(encoding="utf-8")
    plain = [text for text in AWKWARD if "<|" not in text]  # transformers parses specials
    for text in [*plain, french]:
        assert gpt2.encode(text) == other(text)["input_ids"]
