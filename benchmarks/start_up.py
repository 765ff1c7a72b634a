"""Seconds from the start of a training stage's process to the end of its first step."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pyarrow as pa

from benchmarks.house import House
from benchmarks.measure import Row, row
from llm.corpus.documents import DOCUMENT_SCHEMA
from llm.files import write_json
from llm.tokens.tokenizer import train
from llm.tokens.writing import write_shards

_COMPILED_SECONDS, _UNCOMPILED_SECONDS = 15.0, 5.0
_DOCUMENTS = 200
_VOCAB_SIZE = 400


def rows(work: Path) -> list[Row]:
    """The stage `pretrain` under the profile tiny, as `dvc repro` starts it, ended after one step.

    What follows the first step (a checkpoint, the last measurement, writing the weights) is counted
    too, on little data. Compiled code comes from the cache that a run before has left.
    """
    found = []
    for compiled, limit in ((True, _COMPILED_SECONDS), (False, _UNCOMPILED_SECONDS)):
        house = _house(work / "start-up", compiled=compiled)
        if compiled:
            house.run("pretrain")  # fills the cache below data/
        _forget(house)
        began = time.perf_counter()
        house.run("pretrain")
        name = "compiled, warm cache" if compiled else "uncompiled"
        found.append(
            row(
                f"start-up of pretraining to its first step, {name}",
                unit="s",
                ours=time.perf_counter() - began,
                peer=limit,
                peer_name="the limit",
                at_least=1.0,
                lower_is_better=True,
            )
        )
    return found


def _house(folder: Path, *, compiled: bool) -> House:
    changes = {
        "pretrain": {
            "training": {"maximum_steps": 1, "compile": compiled},
            "sample_every_steps": None,
        }
    }
    house = House(folder, changes=changes)
    texts = [f"The cat number {i} sat on mat {i % 7}, and slept. " * 30 for i in range(_DOCUMENTS)]
    tokenizer = train(texts, vocab_size=_VOCAB_SIZE)
    tokenizer.save(house.data("tokens/tokenizer"))
    split = _DOCUMENTS * 9 // 10
    for name, part in (("train", texts[:split]), ("validation", texts[split:])):
        write_shards(
            [_batch(part, name)],
            house.data(f"tokens/{name}"),
            tokenizer=tokenizer,
            shard_tokens=1_000_000,
            threads=1,
        )
    for gate in ("tokens", "drift"):
        write_json(house.data(f"validation/{gate}.json"), {"success": True})
    return house


def _batch(texts: list[str], name: str) -> pa.RecordBatch:
    rows = [
        {
            "id": f"{name}-{number:08d}",
            "text": text,
            "source": "cats",
            "licence": "CC0-1.0",
            "language": "en",
            "language_score": 1.0,
            "quality": 1.0,
            "cluster": f"{name}-{number:08d}",
            "raw_id": str(number),
        }
        for number, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=DOCUMENT_SCHEMA)


def _forget(house: House) -> None:
    """Remove the state of an unfinished training, so that the next run is a first one."""
    shutil.rmtree(house.data("checkpoints"), ignore_errors=True)
