"""The tokenizer: byte-level BPE, trained on the corpus or published, kept in one folder."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tiktoken
from numpy.typing import NDArray

from llm.errors import InputError
from llm.files import (
    new_directory,
    read_json,
    read_manifest,
    require,
    write_json,
    write_manifest,
    write_text,
)
from llm.tokens.encoders import TextEncoder
from llm.tokens.panics import dividing
from llm.tokens.patterns import GPT2
from llm.tokens.vocabularies import BYTES, END_OF_TEXT, check_special_tokens

MADE_BY = "train_tokenizer"


class Tokenizer:
    """Byte-level BPE with special tokens, the end of a text among them.

    Ids may have gaps, as in OpenAI's later vocabularies: vocab_size is the largest id + 1, and an
    id in a gap is never made and has no bytes. Special tokens that stand in a text are encoded as
    ordinary text unless that is asked for. Surrogates, which no UTF-8 text holds, become U+FFFD.
    A million white-space characters on end are more than tiktoken divides: InputError.
    """

    def __init__(
        self,
        name: str,
        *,
        pattern: str,
        ranks: Mapping[bytes, int],
        special_tokens: Mapping[str, int],
    ) -> None:
        """pattern: the division into words. ranks: token bytes → id, in the order of merging.

        special_tokens: text → id, `<|endoftext|>` among them. Raises ValueError where an id is
        double or negative, a byte has no token, or there is no end of text.
        """
        ids = [*ranks.values(), *special_tokens.values()]
        if len(set(ids)) < len(ids) or min(ids) < 0:
            raise ValueError("an id is double or negative")
        if any(bytes([byte]) not in ranks for byte in range(BYTES)):
            raise ValueError("a byte has no token")
        if END_OF_TEXT not in special_tokens:
            raise ValueError(f"there is no special token {END_OF_TEXT}")
        self.name = name
        self.pattern = pattern
        self.special_tokens = dict(special_tokens)
        self.end_of_text = special_tokens[END_OF_TEXT]
        self.vocab_size = max(ids) + 1
        self._ranks = dict(ranks)
        self._encoding = tiktoken.Encoding(
            name,
            pat_str=pattern,
            mergeable_ranks=self._ranks,
            special_tokens=self.special_tokens,
        )

    def extended(self, names: Sequence[str]) -> Tokenizer:
        """This tokenizer with more special tokens, whose ids follow the largest one.

        Raises ValueError where a name does not read <|name|> or is a special token already.
        """
        check_special_tokens(names)
        if known := [name for name in names if name in self.special_tokens]:
            raise ValueError(f"{known[0]} is a special token of {self.name} already")
        more = {name: self.vocab_size + at for at, name in enumerate(names)}
        return Tokenizer(
            self.name,
            pattern=self.pattern,
            ranks=self._ranks,
            special_tokens={**self.special_tokens, **more},
        )

    @functools.cached_property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of a hash of all that decides about ids: pattern and tokens."""
        digest = hashlib.sha256(json.dumps(self._facts(), sort_keys=True).encode())
        digest.update(self._rank_lines().encode())
        return digest.hexdigest()[:16]

    def encode(self, text: str, *, allow_special: bool = False) -> list[int]:
        """Token ids of a text; "" gives none. allow_special: each special token is one id."""
        with dividing():
            if allow_special:
                return self._encoding.encode(text, allowed_special="all")
            return self._encoding.encode_ordinary(text)

    def encode_batch(self, texts: Sequence[str], *, threads: int = 1) -> list[list[int]]:
        """Token ids of every text, in order, whatever the number of threads."""
        with dividing():
            return self._encoding.encode_ordinary_batch(list(texts), num_threads=threads)

    @functools.cached_property
    def documents(self) -> TextEncoder:
        """The encoder of many documents at once: the ids of `encode`, faster, no Python number."""
        return TextEncoder(
            self._encoding,
            pattern=self.pattern,
            ranks=self._ranks,
            end_of_text=self.end_of_text,
        )

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of token ids; bytes that form no UTF-8 become U+FFFD.

        Raises KeyError for an id outside the vocabulary, or in a gap of it.
        """
        return self._encoding.decode(list(token_ids))

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of one token. Raises KeyError for an id outside the vocabulary or in a gap."""
        return self._encoding.decode_single_token_bytes(token_id)

    def written_bytes(self, token_id: int) -> bytes:
        """The bytes of a token that a model wrote: U+FFFD for one in a gap.

        A model has a score for every id below vocab_size, and before it has learned much it may
        well choose one that stands for nothing.
        """
        try:
            return self.token_bytes(token_id)
        except KeyError:
            return "\ufffd".encode()

    def decode_written(self, token_ids: Sequence[int]) -> str:
        """The text of token ids that a model wrote; what forms no UTF-8 or no token is U+FFFD."""
        return b"".join(map(self.written_bytes, token_ids)).decode("utf-8", "replace")

    @functools.cached_property
    def token_lengths(self) -> NDArray[np.int64]:
        """Bytes of text that each id stands for, (vocab_size,); 0 for special tokens and gaps."""
        lengths = np.zeros(self.vocab_size, dtype=np.int64)
        ids = np.fromiter(self._ranks.values(), np.int64)
        lengths[ids] = np.fromiter(map(len, self._ranks), np.int64)
        return lengths

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
            "special_tokens": self.special_tokens,
        }

    def _rank_lines(self) -> str:
        ranks = sorted(self._ranks.items(), key=lambda item: item[1])
        return "".join(f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks)


def train(
    texts: Iterable[str],
    *,
    vocab_size: int,
    pattern: str = GPT2,
    special_tokens: Sequence[str] = (),
    buffer_texts: int = 64,
) -> Tokenizer:
    """Learn a vocabulary of exactly `vocab_size` ids, all special tokens included.

    texts: read once, in any order, `buffer_texts` at a time; memory holds the distinct words.
    pattern: the division into words, see `llm.tokens.patterns`. special_tokens: those besides the
    end of text. Pairs of equal count merge in the order of their ids, so that the result depends
    on nothing but the texts. Raises InputError where the texts are too few for so many tokens.
    """
    import rustbpe

    check_special_tokens(special_tokens)
    ordinary = vocab_size - 1 - len(special_tokens)
    trainer = rustbpe.Tokenizer()
    with dividing():
        trainer.train_from_iterator(
            iter(texts), vocab_size=ordinary, buffer_size=buffer_texts, pattern=pattern
        )
    if trainer.vocab_size < ordinary:
        raise InputError(
            "The texts are too few for a vocabulary of this size.",
            where="the training documents",
            found=f"text for at most {trainer.vocab_size + vocab_size - ordinary} tokens",
            expected=f"train_tokenizer.vocab_size: {vocab_size}",
            remedy="lower train_tokenizer.vocab_size, or add documents",
        )
    ranks = {bytes(token): rank for token, rank in trainer.get_mergeable_ranks()}
    names = [END_OF_TEXT, *special_tokens]
    special_ids = {name: ordinary + at for at, name in enumerate(names)}
    return Tokenizer("trained", pattern=pattern, ranks=ranks, special_tokens=special_ids)


def load(directory: Path) -> Tokenizer:
    """The tokenizer of a folder that `Tokenizer.save` wrote, every byte checked.

    Raises InputError where a file is missing, differs from the manifest or is malformed.
    """
    manifest = read_manifest(directory, made_by=MADE_BY, verify=True)
    facts = read_json(directory / "tokenizer.json", made_by=MADE_BY)
    path = require(directory / "ranks.tiktoken", made_by=MADE_BY)
    try:
        tokenizer = Tokenizer(
            facts["name"],
            pattern=facts["pattern"],
            ranks=read_ranks(path),
            special_tokens=facts["special_tokens"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
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


def read_ranks(path: Path) -> dict[bytes, int]:
    """Token bytes → id from a file of lines `base64 id`. Raises ValueError where one is not so."""
    ranks = {}
    for line in path.read_text(encoding="ascii").splitlines():
        token, rank = line.split(" ")
        ranks[base64.b64decode(token, validate=True)] = int(rank)
    return ranks
