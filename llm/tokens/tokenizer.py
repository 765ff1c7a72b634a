"""The tokenizer: byte-level BPE, trained on the corpus or GPT-2's own, kept in one folder."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import tiktoken

from llm.errors import InputError
from llm.files import (
    new_directory,
    read_json,
    read_manifest,
    require,
    sha256_of,
    write_json,
    write_manifest,
    write_text,
)

END_OF_TEXT = "<|endoftext|>"
MADE_BY = "train_tokenizer"

# GPT-2's division of text into words (Radford et al. 2019, encoder.py), with possessive
# quantifiers, which match the same and never backtrack. Both kinds of tokenizer use it.
PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"

BYTES = 256  # every byte is a token, so that every text can be encoded
GPT2_VOCAB_SIZE = 50_257
GPT2_FILES = {
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
}


class Tokenizer:
    """Byte-level BPE with one special token, the end of a text.

    Special tokens that stand in a text are encoded as ordinary text unless that is asked for.
    Surrogates, which no UTF-8 text holds, become U+FFFD.
    """

    def __init__(
        self, name: str, *, pattern: str, ranks: Mapping[bytes, int], end_of_text: int
    ) -> None:
        """pattern: the division into words. ranks: token bytes → id, in the order of merging.

        Raises ValueError where ids are missing or double, or a byte has no token.
        """
        if sorted([*ranks.values(), end_of_text]) != list(range(len(ranks) + 1)):
            raise ValueError(f"the ids are not 0 to {len(ranks)}, each once")
        if any(bytes([byte]) not in ranks for byte in range(BYTES)):
            raise ValueError("a byte has no token")
        self.name = name
        self.pattern = pattern
        self.end_of_text = end_of_text
        self.vocab_size = len(ranks) + 1
        self._ranks = dict(ranks)
        self._encoding = tiktoken.Encoding(
            name,
            pat_str=pattern,
            mergeable_ranks=self._ranks,
            special_tokens={END_OF_TEXT: end_of_text},
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of a hash of all that decides about ids: pattern and tokens."""
        digest = hashlib.sha256(json.dumps(self._facts(), sort_keys=True).encode())
        digest.update(self._rank_lines().encode())
        return digest.hexdigest()[:16]

    def encode(self, text: str, *, allow_special: bool = False) -> list[int]:
        """Token ids of a text; "" gives none. allow_special: `<|endoftext|>` becomes one id."""
        if allow_special:
            return self._encoding.encode(text, allowed_special="all")
        return self._encoding.encode_ordinary(text)

    def encode_batch(self, texts: Sequence[str], *, threads: int = 1) -> list[list[int]]:
        """Token ids of every text, in order, whatever the number of threads."""
        return self._encoding.encode_ordinary_batch(list(texts), num_threads=threads)

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of token ids; bytes that form no UTF-8 become U+FFFD."""
        return self._encoding.decode(list(token_ids))

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of one token. Raises KeyError for an id outside the vocabulary."""
        return self._encoding.decode_single_token_bytes(token_id)

    def longest_tokens(self, count: int) -> list[str]:
        """The longest ordinary tokens as text, equal lengths by id; stray bytes escaped."""
        ranked = sorted(self._ranks.items(), key=lambda item: (-len(item[0]), item[1]))
        return [token.decode("utf-8", "backslashreplace") for token, _ in ranked[:count]]

    def save(self, directory: Path) -> None:
        """Write the tokenizer's folder: tokenizer.json, ranks.tiktoken, manifest."""
        with new_directory(directory) as folder:
            write_json(folder / "tokenizer.json", self._facts())
            write_text(folder / "ranks.tiktoken", self._rank_lines())
            write_manifest(folder, vocab_size=self.vocab_size, fingerprint=self.fingerprint)

    def _facts(self) -> dict[str, object]:
        return {
            "name": self.name,
            "pattern": self.pattern,
            "special_tokens": {END_OF_TEXT: self.end_of_text},
        }

    def _rank_lines(self) -> str:
        ranks = sorted(self._ranks.items(), key=lambda item: item[1])
        return "".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks)


def train(texts: Iterable[str], *, vocab_size: int, buffer_texts: int = 64) -> Tokenizer:
    """Learn a vocabulary of exactly `vocab_size` ids, the end of text included.

    texts: read once, in any order, `buffer_texts` at a time; memory holds the distinct words.
    Pairs of equal count merge in the order of their ids, so that the result depends on nothing
    but the texts. Raises InputError where the texts are too few for so many tokens.
    """
    import rustbpe

    trainer = rustbpe.Tokenizer()
    trainer.train_from_iterator(
        iter(texts), vocab_size=vocab_size - 1, buffer_size=buffer_texts, pattern=PATTERN
    )
    if trainer.vocab_size < vocab_size - 1:
        raise InputError(
            "The texts are too few for a vocabulary of this size.",
            where="the training documents",
            found=f"text for at most {trainer.vocab_size + 1} tokens",
            expected=f"train_tokenizer.vocab_size: {vocab_size}",
            remedy="lower train_tokenizer.vocab_size, or add documents",
        )
    ranks = {bytes(token): rank for token, rank in trainer.get_mergeable_ranks()}
    return Tokenizer("trained", pattern=PATTERN, ranks=ranks, end_of_text=vocab_size - 1)


def from_gpt2(vocabulary: Path) -> Tokenizer:
    """GPT-2's tokenizer from OpenAI's `vocab.bpe` and `encoder.json` in a folder.

    Both are compared with their known SHA-256 first; nothing is downloaded. Raises InputError
    where a file is missing or is not OpenAI's.
    """
    for name, expected in GPT2_FILES.items():
        path = require(vocabulary / name, made_by="download")
        found = sha256_of(path)
        if found != expected:
            raise InputError(
                "A file of GPT-2's vocabulary is not OpenAI's.",
                where=path,
                found=f"sha256 {found}",
                expected=f"sha256 {expected}",
                remedy="name OpenAI's file in download.sources, then: dvc repro --force download",
            )
    encoder = read_json(vocabulary / "encoder.json", made_by="download")
    byte_of = _gpt2_alphabet()
    ranks = {
        bytes(byte_of[letter] for letter in token): rank
        for token, rank in encoder.items()
        if token != END_OF_TEXT
    }
    return Tokenizer("gpt2", pattern=PATTERN, ranks=ranks, end_of_text=encoder[END_OF_TEXT])


def load(directory: Path) -> Tokenizer:
    """The tokenizer of a folder that `Tokenizer.save` wrote, every byte checked.

    Raises InputError where a file is missing, differs from the manifest or is malformed.
    """
    manifest = read_manifest(directory, made_by=MADE_BY, verify=True)
    facts = read_json(directory / "tokenizer.json", made_by=MADE_BY)
    path = require(directory / "ranks.tiktoken", made_by=MADE_BY)
    try:
        ranks: dict[bytes, int] = {}
        for line in path.read_text(encoding="ascii").splitlines():
            token, rank = line.split(" ")
            ranks[base64.b64decode(token, validate=True)] = int(rank)
        tokenizer = Tokenizer(
            facts["name"],
            pattern=facts["pattern"],
            ranks=ranks,
            end_of_text=facts["special_tokens"][END_OF_TEXT],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            "A tokenizer cannot be read.",
            where=directory,
            found=f"{type(error).__name__}: {error}",
            expected="tokenizer.json and ranks.tiktoken that belong together",
            remedy=f"make it again: dvc repro --force {MADE_BY}",
        ) from error
    if tokenizer.fingerprint != manifest.get("fingerprint"):
        raise InputError(
            "A tokenizer is not the one that its manifest names.",
            where=directory,
            found=tokenizer.fingerprint,
            expected=manifest.get("fingerprint"),
            remedy=f"make it again: dvc repro --force {MADE_BY}",
        )
    return tokenizer


def _gpt2_alphabet() -> dict[str, int]:
    """The byte behind each letter of encoder.json: itself where printable, else from U+0100 on."""
    printable = [byte for byte in range(BYTES) if chr(byte).isprintable() and chr(byte) != " "]
    others = [byte for byte in range(BYTES) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(BYTES + at) for at in range(len(others))]
    return dict(zip(letters, printable + others, strict=True))
