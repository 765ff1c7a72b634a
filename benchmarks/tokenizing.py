"""Tokenise to Parquet, end to end, against raw tiktoken and Hugging Face tokenizers."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.corpora import mirror, text_corpus, write_tokenizable
from benchmarks.house import ROOT, House
from benchmarks.measure import Row, alternate, cores, row, run_measured, version
from llm.files import read_json, write_json

_VALIDATION_MEGABYTES = 0.1  # the stage wants both splits


def rows(work: Path, *, megabytes: float, repeats: int) -> list[Row]:
    """Two rows: MB of text per second. Ours is what the stage itself measures, from the first
    Parquet batch to the last shard on disk; of the peers only the encoding counts."""
    corpus, what = text_corpus(work, megabytes)
    vocabulary = gpt2_vocabulary()
    changes = {"train_tokenizer": {"kind": "gpt2", "vocab_size": None}} if vocabulary else {}
    name = "GPT-2's vocabulary" if vocabulary else "a trained vocabulary"
    house = House(work / "tokenizing", changes=changes)
    house.fill(corpus, vocabulary=vocabulary)
    documents = house.data("documents/train")
    write_tokenizable(documents, corpus, megabytes)
    write_tokenizable(house.data("documents/validation"), corpus, _VALIDATION_MEGABYTES)
    house.run("train_tokenizer")

    def ours() -> float:
        shutil.rmtree(house.data("cache"), ignore_errors=True)  # else it would remember
        house.run("tokenize")
        return float(house.timings("tokenize")["megabytes_per_second"])

    def peer(library: str) -> float:
        return encode(library, house, documents)

    ours_rate, tiktoken, tokenizers = alternate(
        repeats, ours, lambda: peer("tiktoken"), lambda: peer("tokenizers")
    )
    return [
        row(
            f"tokenise to Parquet, {name}, {what}, against {against}",
            unit="MB/s",
            ours=ours_rate,
            peer=rate,
            peer_name=f"{library} {version(library)}, encoding alone, {cores()} threads",
            at_least=at_least,
        )
        for against, library, rate, at_least in (
            ("raw tiktoken", "tiktoken", tiktoken, 0.9),
            ("Hugging Face", "tokenizers", tokenizers, 5.0),
        )
    ]


def gpt2_vocabulary() -> Path | None:
    """The folder of OpenAI's two files in the mirror."""
    place = mirror()
    folder = place and place / "openaipublic.blob.core.windows.net/gpt-2/encodings/main"
    return folder if folder and folder.is_dir() else None


def encode(library: str, house: House, documents: Path) -> float:
    """MB of text per second that a library encodes, in a process of its own."""
    result = house.folder / f"{library}.json"
    settings = house.folder / f"{library}-settings.json"
    write_json(
        settings,
        {
            "library": library,
            "tokenizer": str(house.data("tokens/tokenizer")),
            "documents": str(documents),
            "threads": cores(),
            "result": str(result),
        },
    )
    run_measured(
        [sys.executable, "-m", "benchmarks.peers.encode", settings],
        cwd=ROOT,
        log=house.folder / "logs" / f"{library}.log",
        environment={"TOKENIZERS_PARALLELISM": "true", "RAYON_NUM_THREADS": str(cores())},
    )
    return float(read_json(result, made_by=library)["megabytes_per_second"])
