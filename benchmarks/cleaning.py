"""Clean, dedupe and write, against datatrove's filters and its four MinHash steps."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from benchmarks.corpora import text_corpus
from benchmarks.equal import CHANGES, datatrove_settings
from benchmarks.house import ROOT, House, folder_bytes
from benchmarks.measure import MEGABYTE, Ran, Row, alternate, cores, row, run_measured, version
from llm.files import write_json

AT_LEAST = 10.0
SAMPLE_MEGABYTES = 14.0  # what the peer gets of more: it would take hours


def rows(work: Path, *, megabytes: float, repeats: int) -> list[Row]:
    """One row: MB of raw JSONL per second, ours by the real commands of clean and dedupe."""
    corpus, what = text_corpus(work, megabytes)
    sample, _ = text_corpus(work, min(megabytes, SAMPLE_MEGABYTES))
    house = House(work / "cleaning", changes=CHANGES)
    house.fill(corpus)

    def ours() -> float:
        house.clear()
        return folder_bytes(corpus) / MEGABYTE / house.run("clean", "dedupe").seconds

    def peer() -> float:
        return folder_bytes(sample) / MEGABYTE / datatrove(sample, work / "datatrove").seconds

    our_rate, peer_rate = alternate(repeats, ours, peer)
    part = "" if sample == corpus else f" on the first {SAMPLE_MEGABYTES:g} MB"
    return [
        row(
            f"clean + dedupe + write, {what}",
            unit="MB/s",
            ours=our_rate,
            peer=peer_rate,
            peer_name=f"datatrove {version('datatrove')}{part}",
            at_least=AT_LEAST,
        )
    ]


def datatrove(corpus: Path, work: Path) -> Ran:
    """Run datatrove's steps over a folder of JSONL files."""
    shutil.rmtree(work, ignore_errors=True)
    settings = datatrove_settings()
    minhash = settings.pop("minhash")
    write_json(
        work / "settings.json",
        {
            "input": str(corpus),
            "work": str(work),
            "workers": cores(),
            "filters": settings,
            "minhash": minhash,
        },
    )
    return run_measured(
        [sys.executable, "-m", "benchmarks.peers.datatrove_dedupe", work / "settings.json"],
        cwd=ROOT,
        log=work / "datatrove.log",
        environment={"HF_HUB_OFFLINE": "1"},
    )
