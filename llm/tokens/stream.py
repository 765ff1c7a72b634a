"""All token ids of a split as one array: in memory, or, where they are many, mapped from a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.files import fingerprint
from llm.tokens.shards import fill_tokens, read_facts, read_tokens
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
    is free. The file is named after the shards' content, so it is never stale; it may be deleted
    whenever no training runs. Raises InputError as `read_tokens` does.
    """
    manifest = read_facts(directory, tokenizer=tokenizer)
    dtype = np.dtype(manifest["dtype"])
    size = manifest["tokens"] * dtype.itemsize
    if size <= in_memory_bytes:
        return read_tokens(directory, tokenizer=tokenizer)[0]
    path = cache / f"{fingerprint(directory)}.bin"
    if not path.is_file() or path.stat().st_size != size:
        cache.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
        try:
            mapped = np.memmap(temporary, dtype=dtype, mode="w+", shape=(manifest["tokens"],))
            fill_tokens(directory, mapped, np.empty(manifest["documents"], dtype=np.int64))
            mapped.flush()
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    return np.memmap(path, dtype=dtype, mode="r")
