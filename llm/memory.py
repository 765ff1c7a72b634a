"""How much memory work may hold at once: LLM_MEMORY; past it, data goes through the disk."""

from __future__ import annotations

import os
import re

from llm.errors import ConfigError

DEFAULT_BYTES = 2**30
LEAST_BYTES = 2**24
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def memory_bytes() -> int:
    """Bytes that buffers of one process may hold: LLM_MEMORY, as 512MiB, 4GiB or a plain number
    of bytes; 1 GiB where it is unset.

    K, M, G and T are powers of 1,024. The interpreter, its libraries and a few dozen bytes per
    document come on top. No result depends on it. Raises ConfigError for anything else, and for
    less than 16 MiB.
    """
    text = os.environ.get("LLM_MEMORY", "").strip()
    if not text:
        return DEFAULT_BYTES
    found = _AMOUNT.fullmatch(text)
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if size < LEAST_BYTES:
        raise ConfigError(
            "An environment variable is not an amount of memory.",
            where="environment variable LLM_MEMORY",
            found=repr(text),
            expected="a number with a unit, at least 16MiB, as 512MiB or 4GiB",
            remedy="unset LLM_MEMORY or give it an amount",
        )
    return size
