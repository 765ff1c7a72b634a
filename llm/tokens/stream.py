"""All token ids of a split as one array: in memory, or, where they are many, mapped from a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from llm.files import fingerprint
from llm.tokens.shards import fill_tokens, read_facts, token_dtype
from llm.tokens.tokenizer import Tokenizer

CACHE = Path("data/cache/tokens")
IN_MEMORY_BYTES = 2**30


def open_tokens(
    directory: Path,
    *,
    tokenizer: Tokenizer,
    cache: Path = CACHE,
    in_memory_bytes: int = IN_MEMORY_BYTES,
) -> NDArray[Any]:
    """The token ids of a folder of shards, end to end, (tokens,), to be read only.

    More than `in_memory_bytes` of them are decoded once into a file of the folder `cache`, as
    large as the ids, and mapped: the system then reads what a batch needs, and memory holds what
    is free. One process makes the file while others wait for it. It is named after the shards'
    content, so it is never stale, and takes the place of the file of earlier shards of that
    folder; it may be deleted whenever no training runs. Raises InputError as `read_tokens` does.
    """
    facts = read_facts(directory, tokenizer=tokenizer)
    dtype = token_dtype(facts["vocab_size"])
    size = facts["tokens"] * dtype.itemsize
    if size <= in_memory_bytes:
        token_ids = np.empty(facts["tokens"], dtype=dtype)
        fill_tokens(directory, facts, token_ids)
        return token_ids
    path = cache / f"{directory.name}-{fingerprint(directory)}.bin"
    cache.mkdir(parents=True, exist_ok=True)
    # The processes of one training come here at the same time.
    with FileLock(cache / f"{directory.name}.lock"):
        if not path.is_file() or path.stat().st_size != size:
            _decode(directory, facts, path)
    return np.memmap(path, dtype=dtype, mode="r")


def _decode(directory: Path, facts: dict[str, Any], path: Path) -> None:
    """Write all token ids into a file; remove those of the folder's earlier shards."""
    for earlier in path.parent.glob(f"{directory.name}-*.bin"):
        earlier.unlink()
    temporary = path.with_name(f".{directory.name}.partial")  # a killed process leaves one at most
    try:
        dtype = token_dtype(facts["vocab_size"])
        mapped = np.memmap(temporary, dtype=dtype, mode="w+", shape=(facts["tokens"],))
        fill_tokens(directory, facts, mapped)
        mapped.flush()
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
