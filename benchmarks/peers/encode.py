"""Raw encoding of texts in memory: tiktoken, or Hugging Face tokenizers, on all cores.

Run as a process of its own: python -m benchmarks.peers.encode SETTINGS.json
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

_BATCH_TEXTS = 512  # encoded by one call; what it gives is dropped before the next one
_COMPARED_TEXTS = 20


def main(settings_path: Path) -> None:
    """settings: library ("tiktoken" or "tokenizers"), tokenizer (a folder of ours), documents (a
    folder of Parquet), threads, result (where the JSON goes). Reading is not timed; ids of the
    first texts are compared with tiktoken's."""
    import pyarrow.parquet as pq

    settings: dict[str, Any] = json.loads(settings_path.read_text(encoding="utf-8"))
    texts: list[str] = []
    for path in sorted(Path(settings["documents"]).glob("*.parquet")):
        texts += pq.read_table(path, columns=["text"])["text"].to_pylist()
    folder, threads = Path(settings["tokenizer"]), int(settings["threads"])
    reference = tiktoken_encoder(folder, threads)
    encode = reference
    if settings["library"] == "tokenizers":
        encode = tokenizers_encoder(folder)
        if ids_of(encode(texts[:_COMPARED_TEXTS])) != reference(texts[:_COMPARED_TEXTS]):
            raise SystemExit("both libraries must give the same ids")
    began = time.perf_counter()
    for start in range(0, len(texts), _BATCH_TEXTS):
        encode(texts[start : start + _BATCH_TEXTS])
    seconds = time.perf_counter() - began
    size = sum(len(text.encode("utf-8")) for text in texts)
    result = json.dumps({"megabytes_per_second": size / seconds / 1e6})
    Path(settings["result"]).write_text(result, encoding="utf-8")


def tiktoken_encoder(folder: Path, threads: int) -> Callable[[Sequence[str]], Any]:
    """tiktoken's own batch encoding, with the vocabulary of a folder of ours."""
    import tiktoken

    facts, ranks = _read(folder)
    encoding = tiktoken.Encoding(
        "peer", pat_str=facts["pattern"], mergeable_ranks=ranks, special_tokens={}
    )
    return lambda texts: encoding.encode_ordinary_batch(list(texts), num_threads=threads)


def tokenizers_encoder(folder: Path) -> Callable[[Sequence[str]], Any]:
    """Hugging Face's fastest batch encoding, without offsets (on all cores by itself), with the
    same vocabulary.

    Its byte-level pre-tokenizer divides text as GPT-2 does, and so as our tokenizers do.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers

    _, ranks = _read(folder)
    letter = byte_letters()

    def spelled(token: bytes) -> str:
        return "".join(letter[byte] for byte in token)

    model = models.BPE(
        vocab={spelled(token): rank for token, rank in ranks.items()},
        merges=[(spelled(one), spelled(two)) for one, two in merges_of(ranks)],
    )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return lambda texts: tokenizer.encode_batch_fast(list(texts))


def ids_of(encoded: Sequence[Any]) -> list[list[int]]:
    """The ids of Hugging Face's encodings."""
    return [encoding.ids for encoding in encoded]


def merges_of(ranks: Mapping[bytes, int]) -> list[tuple[bytes, bytes]]:
    """The pair of tokens that each longer token was merged from, in the order of ranks."""
    merges = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) > 1:
            one, two = _parts(token, ranks, rank)
            merges.append((one, two))
    return merges


def _parts(token: bytes, ranks: Mapping[bytes, int], below: int) -> list[bytes]:
    """The token encoded by the merges that came before its own: two parts are left."""
    parts = [token[at : at + 1] for at in range(len(token))]
    while len(parts) > 2:
        joined = [ranks.get(one + two, below) for one, two in pairwise(parts)]
        best = min(range(len(joined)), key=joined.__getitem__)
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts


def byte_letters() -> dict[int, str]:
    """GPT-2's letter for each byte (Radford et al. 2019, encoder.py): itself where printable, else
    one from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: chr(byte) for byte in printable} | {
        byte: chr(256 + at) for at, byte in enumerate(others)
    }


def _read(folder: Path) -> tuple[dict[str, Any], dict[bytes, int]]:
    facts = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    lines = (folder / "ranks.tiktoken").read_text(encoding="ascii").splitlines()
    pairs = (line.split(" ") for line in lines)
    return facts, {base64.b64decode(token): int(rank) for token, rank in pairs}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
