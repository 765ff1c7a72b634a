"""What is known of vocabularies without reading one: special tokens, and OpenAI's files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from llm.tokens.patterns import CL100K, O200K

END_OF_TEXT = "<|endoftext|>"
BYTES = 256  # every byte is a token, so that every text can be encoded

GPT2_FILES = {
    "vocab.bpe": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    "encoder.json": "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
}


@dataclass(frozen=True, kw_only=True)
class Published:
    """A vocabulary in one file of lines `base64 id`; the special tokens stand beside it."""

    file: str
    sha256: str
    pattern: str
    special_tokens: dict[str, int]

    @property
    def vocab_size(self) -> int:
        """The largest id + 1; ids between the file's and the special tokens' may be unused."""
        return max(self.special_tokens.values()) + 1


# Names, hashes and ids as in tiktoken_ext/openai_public.py.
PUBLISHED = {
    "cl100k": Published(
        file="cl100k_base.tiktoken",
        sha256="223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
        pattern=CL100K,
        special_tokens={
            END_OF_TEXT: 100_257,
            "<|fim_prefix|>": 100_258,
            "<|fim_middle|>": 100_259,
            "<|fim_suffix|>": 100_260,
            "<|endofprompt|>": 100_276,
        },
    ),
    "o200k": Published(
        file="o200k_base.tiktoken",
        sha256="446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
        pattern=O200K,
        special_tokens={END_OF_TEXT: 199_999, "<|endofprompt|>": 200_018},
    ),
}
VOCAB_SIZES = {"gpt2": 50_257, **{kind: one.vocab_size for kind, one in PUBLISHED.items()}}


def check_special_tokens(names: Sequence[str]) -> None:
    """Raise ValueError unless the names read <|name|>, each once, and none is the end of text.

    Plain words would be cut out of ordinary text wherever special tokens are read.
    """
    for name in names:
        if not re.fullmatch(r"<\|\w+\|>", name):
            raise ValueError(f"a special token reads <|name|>; found {name!r}")
    if len({END_OF_TEXT, *names}) <= len(names):
        raise ValueError(f"a special token stands twice, {END_OF_TEXT} included: {list(names)}")
