"""datasketch: near-duplicates among documents by its MinHash and MinHashLSH.

Run as a process of its own: python -m benchmarks.peers.datasketch_lsh SETTINGS.json
"""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path
from typing import Any

import regex

_MARKS = regex.compile(r"\p{M}+")
_NOT_WORDS = regex.compile(r"[^\p{L}\p{N}]+")


def main(settings_path: Path) -> None:
    """settings: documents (a folder of Parquet with the columns id and text), ngram_words,
    permutations, bands, rows, similarity, seed, result (where the pairs of ids go, as JSON)."""
    import pyarrow.parquet as pq

    settings: dict[str, Any] = json.loads(settings_path.read_text(encoding="utf-8"))
    texts: dict[str, str] = {}
    for path in sorted(Path(settings["documents"]).glob("*.parquet")):
        table = pq.read_table(path, columns=["id", "text"])
        texts.update(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    pairs = near_pairs(texts, settings)
    Path(settings["result"]).write_text(json.dumps(pairs), encoding="utf-8")


def near_pairs(texts: dict[str, str], settings: dict[str, Any]) -> list[tuple[str, str]]:
    """Pairs of ids that share a band and whose signatures' similarity is at the limit."""
    from datasketch import MinHash, MinHashLSH

    lsh = MinHashLSH(
        threshold=settings["similarity"],
        num_perm=settings["permutations"],
        params=(settings["bands"], settings["rows"]),
    )
    signatures: dict[str, Any] = {}
    pairs = []
    for name, text in sorted(texts.items()):
        signature = MinHash(num_perm=settings["permutations"], seed=settings["seed"])
        signature.update_batch(shingles(text, settings["ngram_words"]))
        pairs += [
            (other, name)
            for other in lsh.query(signature)
            if signatures[other].jaccard(signature) >= settings["similarity"]
        ]
        lsh.insert(name, signature)
        signatures[name] = signature
    return sorted(pairs)


def normalised(text: str) -> str:
    """Words alone, in lower case, without accents, as our signatures see a text."""
    plain = _MARKS.sub("", unicodedata.normalize("NFD", text.lower()))
    return str(_NOT_WORDS.sub(" ", plain)).strip()


def shingles(text: str, ngram_words: int) -> list[bytes]:
    """The word n-grams of a text; the whole text where it has fewer words."""
    words = normalised(text).split(" ")
    count = max(1, len(words) - ngram_words + 1)
    return [" ".join(words[at : at + ngram_words]).encode() for at in range(count)]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
