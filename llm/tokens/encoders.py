"""Ids of many texts at once: by gigatoken where they are tiktoken's for certain, else by tiktoken.

gigatoken (Rød 2026) keeps the ids of every word it has met and divides text without a regular
expression, which makes it many times faster. What its ids are is not its to say: they are
tiktoken's, or the run fails. Four fences see to that.

1. Only the three divisions into words of `llm.tokens.patterns` that it knows, and vocabularies
   whose ids have no gap; any other pattern or vocabulary is tiktoken's.
2. It divides by the letters and digits of Unicode 17, tiktoken by those of Unicode 16. For every
   character that an earlier Unicode assigns both agree, which a test goes through; texts that hold
   another one are tiktoken's.
3. It is never told of special tokens, so that their names in a text are ordinary text.
4. Each time it is made it encodes a probe, and of each batch the beginning of one text: ids that
   differ from tiktoken's end the run.
"""

from __future__ import annotations

import base64
import functools
import os
import queue
import sys
import tempfile
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tiktoken
from numpy.typing import NDArray

from llm.errors import ConfigError
from llm.tokens.panics import dividing, is_panic
from llm.tokens.patterns import CL100K, GPT2, O200K, probe
from llm.tokens.vocabularies import BYTES, END_OF_TEXT

if TYPE_CHECKING:
    import pyarrow as pa

# gigatoken's names of the divisions into words.
_SCHEMES = {GPT2: "gpt2", CL100K: "gpt4", O200K: "o200k"}
# The last Unicode whose characters both libraries divide alike.
_UNICODE = (16, 0, 0)
# Encoders are not shared by threads: so many at most, 12 MB and its words each. One encodes faster
# than eight cores write Parquet.
_MOST = 16
# Text after which an encoder is made anew, since it forgets no word. Of words that never repeat it
# holds seven bytes for each byte of text; of English, less than one.
_RENEWED_BYTES = 2**26
# Bytes of each batch that tiktoken encodes as well.
_CHECKED_BYTES = 2**12


@dataclass
class _Native:
    """One of gigatoken's encoders. seen: bytes of text that it has encoded."""

    encoder: Any
    seen: int = 0


class TextEncoder:
    """Encodes documents on any number of threads; the same texts always give the same ids."""

    def __init__(
        self,
        reference: tiktoken.Encoding,
        *,
        pattern: str,
        ranks: Mapping[bytes, int],
        end_of_text: int,
    ) -> None:
        """reference: what every id is equal to. pattern, ranks: its division and tokens."""
        self._reference = reference
        self._ranks = ranks
        self._end_of_text = end_of_text
        self._scheme = _scheme(pattern, ranks)
        self._idle: queue.LifoQueue[_Native | None] = queue.LifoQueue()
        for _ in range(_MOST):
            self._idle.put(None)

    @property
    def is_native(self) -> bool:
        """Whether gigatoken may encode."""
        return self._scheme is not None

    def prepare(self) -> None:
        """Load the libraries and make an encoder, for which the first texts would wait."""
        import pyarrow as pa

        self.encode(pa.array(["…"]))

    def encode(self, texts: pa.StringArray) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """The ids of all texts, (tokens,), end to end, each closed by the end of text; where each
        of them ends, (texts,).

        Raises ConfigError where gigatoken's ids differ from tiktoken's.
        """
        import pyarrow as pa

        scheme = self._scheme
        if scheme is None or not len(texts):
            return self._by_tiktoken(texts)
        texts.validate(full=True)  # UTF-8, which gigatoken takes for granted
        documents = texts.cast(pa.binary()).to_pylist()
        if _has_unsettled(documents):
            return self._by_tiktoken(texts)
        native = self._idle.get()
        try:
            if native is None or native.seen >= _RENEWED_BYTES:
                native = self._made(scheme)
            if native is None:
                return self._by_tiktoken(texts)
            ids, lengths = _encoded(native.encoder, documents)
            native.seen += sum(map(len, documents))
            self._check(native.encoder, documents[len(ids) % len(documents)][:_CHECKED_BYTES])
        finally:
            self._idle.put(native)
        borders = np.cumsum(lengths, dtype=np.int64)
        whole = np.insert(ids, borders, np.uint32(self._end_of_text))
        return whole, borders + np.arange(1, len(borders) + 1)

    def _by_tiktoken(self, texts: pa.StringArray) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
        """One native call for all texts, the end of text between them: no Python number."""
        strings = texts.to_pylist()
        joined = "".join(text + END_OF_TEXT for text in strings)
        encode = self._reference.encode_to_numpy
        with dividing():
            ids = encode(joined, allowed_special={END_OF_TEXT}, disallowed_special=())
        ends = np.flatnonzero(ids == self._end_of_text) + 1
        if len(ends) == len(strings):
            return ids, ends
        # A text holds the very words <|endoftext|>, which there are nothing special: one by one.
        parts = [[*self._reference.encode_ordinary(text), self._end_of_text] for text in strings]
        return np.concatenate(parts).astype(np.uint32), np.cumsum([len(part) for part in parts])

    def _made(self, scheme: str) -> _Native | None:
        """A new encoder, tried on the probe; None where gigatoken cannot hold the vocabulary."""
        from gigatoken.gigatoken_rs import BPETokenizer

        ranks = sorted(self._ranks.items(), key=lambda item: item[1])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ranks.tiktoken"
            path.write_text("".join(f"{base64.b64encode(t).decode()} {at}\n" for t, at in ranks))
            try:
                encoder = BPETokenizer.from_tiktoken(path, scheme, {})
            except BaseException as error:
                # A token that no two others make stops gigatoken with a panic of Rust's.
                if not is_panic(error):
                    raise
                print("gigatoken cannot hold this vocabulary: tiktoken encodes.", flush=True)
                self._scheme = None
                return None
        self._check(encoder, probe().encode())
        return _Native(encoder)

    def _check(self, encoder: Any, text: bytes) -> None:
        """Raise ConfigError unless both libraries give a text, which may end within a character,
        the same ids."""
        whole = text.decode("utf-8", "ignore")
        ids, _ = _encoded(encoder, [whole.encode()])
        expected = self._reference.encode_ordinary(whole)
        if ids.tolist() != expected:
            raise ConfigError(
                "gigatoken divides a text into other tokens than tiktoken.",
                where="the libraries that are installed",
                found=f"{len(ids)} ids of {whole[:60]!r} …",
                expected=f"tiktoken's {len(expected)} ids",
                remedy="install the versions of constraints.txt, or set LLM_ENCODER=tiktoken",
            )


def chosen() -> str:
    """Who is to encode where both can, by LLM_ENCODER: gigatoken or tiktoken."""
    wanted = os.environ.get("LLM_ENCODER") or "gigatoken"
    if wanted not in {"gigatoken", "tiktoken"}:
        raise ConfigError(
            "There is no such encoder.",
            where="environment variable LLM_ENCODER",
            found=wanted,
            expected="gigatoken, tiktoken, or nothing",
            remedy="unset LLM_ENCODER",
        )
    return wanted


def _scheme(pattern: str, ranks: Mapping[bytes, int]) -> str | None:
    """gigatoken's name of a division into words; None where only tiktoken may encode."""
    wanted = chosen()
    version = tuple(map(int, unicodedata.unidata_version.split(".")))
    dense = sorted(ranks.values()) == list(range(len(ranks)))
    first = dense and all(ranks[bytes([byte])] < BYTES for byte in range(BYTES))
    usable = wanted == "gigatoken" and version <= _UNICODE and first
    return _SCHEMES.get(pattern) if usable else None


def _encoded(encoder: Any, documents: list[bytes]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The ids of documents in UTF-8, end to end, and the number of each: on this thread alone, and
    without holding Python's lock."""
    import awkward

    rows = encoder.encode_batch(documents, parallel=False)
    return awkward.to_numpy(awkward.flatten(rows)), awkward.to_numpy(awkward.num(rows))


def _has_unsettled(documents: list[bytes]) -> bool:
    """Whether a text holds a character that this Python's Unicode does not assign."""
    import pyarrow as pa
    import pyarrow.compute as pc

    foreign = [document for document in documents if not document.isascii()]
    if not foreign:
        return False
    found = pc.match_substring_regex(pa.array(foreign, pa.string()), _unsettled())
    return bool(pc.any(found).as_py())


@functools.cache
def _unsettled() -> str:
    """A regular expression (RE2) of the characters that Unicode does not assign."""
    ranges: list[list[int]] = []
    for point in range(sys.maxunicode + 1):
        if unicodedata.category(chr(point)) == "Cn":
            if ranges and ranges[-1][1] == point - 1:
                ranges[-1][1] = point
            else:
                ranges.append([point, point])
    return "[" + "".join(rf"\x{{{first:x}}}-\x{{{last:x}}}" for first, last in ranges) + "]"
