"""OpenAI's published vocabularies, from verified local files; nothing is downloaded here."""

from __future__ import annotations

from pathlib import Path

from llm.errors import InputError
from llm.files import read_json, require, sha256_of
from llm.tokens.patterns import GPT2
from llm.tokens.tokenizer import Tokenizer, read_ranks
from llm.tokens.vocabularies import BYTES, END_OF_TEXT, GPT2_FILES, PUBLISHED


def from_published(kind: str, vocabulary: Path) -> Tokenizer:
    """The tokenizer `gpt2`, `cl100k` or `o200k` from its files in the folder `vocabulary`.

    The files are compared with their published SHA-256 first. Raises InputError where one is
    missing or is not OpenAI's.
    """
    if kind == "gpt2":
        return _from_gpt2(vocabulary)
    published = PUBLISHED[kind]
    path = _verified(vocabulary / published.file, published.sha256)
    return Tokenizer(
        kind,
        pattern=published.pattern,
        ranks=read_ranks(path),
        special_tokens=published.special_tokens,
    )


def _from_gpt2(vocabulary: Path) -> Tokenizer:
    """GPT-2's tokenizer from `vocab.bpe` and `encoder.json`."""
    for name, expected in GPT2_FILES.items():
        _verified(vocabulary / name, expected)
    encoder = read_json(vocabulary / "encoder.json", made_by="download")
    byte_of = _gpt2_alphabet()
    ranks = {
        bytes(byte_of[letter] for letter in token): rank
        for token, rank in encoder.items()
        if token != END_OF_TEXT
    }
    special_tokens = {END_OF_TEXT: encoder[END_OF_TEXT]}
    return Tokenizer("gpt2", pattern=GPT2, ranks=ranks, special_tokens=special_tokens)


def _verified(path: Path, expected: str) -> Path:
    require(path, made_by="download")
    found = sha256_of(path)
    if found != expected:
        raise InputError(
            "A file of a published vocabulary is not OpenAI's.",
            where=path,
            found=f"sha256 {found}",
            expected=f"sha256 {expected}",
            remedy="name OpenAI's file in download.sources, then: dvc repro --force download",
        )
    return path


def _gpt2_alphabet() -> dict[str, int]:
    """The byte behind each letter of encoder.json: itself where printable, else from U+0100 on."""
    printable = [byte for byte in range(BYTES) if chr(byte).isprintable() and chr(byte) != " "]
    others = [byte for byte in range(BYTES) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(BYTES + at) for at in range(len(others))]
    return dict(zip(letters, printable + others, strict=True))
