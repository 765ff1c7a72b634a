"""Clean once more: after a kill, and with one new file, only what is missing is done."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from llm.files import read_json, write_manifest

WORKERS = 2
FILES = 24
# Stands on PYTHONPATH, so that every process of the run, workers too, tells when it begins a unit.
WITNESS = """
import os
from llm.corpus.units import UnitCleaner

work = UnitCleaner._work

def told(self, found):
    with open(os.environ["WITNESS"], "ab", buffering=0) as stream:
        stream.write(b"x")
    return work(self, found)

UnitCleaner._work = told
"""


@pytest.fixture
def house(tmp_path, root):
    return House(tmp_path, root)


class House:
    """A raw folder, and runs of clean over it that share one cache."""

    def __init__(self, home: Path, root: Path) -> None:
        self.home, self.root = home, root
        self.raw = home / "raw"
        self.raw.mkdir()
        self.witness = home / "begun"
        (home / "path").mkdir()
        (home / "path" / "sitecustomize.py").write_text(textwrap.dedent(WITNESS), "utf-8")
        for number in range(FILES):
            self.add(number, documents=500)

    def add(self, number: int, *, documents: int) -> None:
        lines = [json.dumps({"text": _story(number, n)}) for n in range(documents)]
        (self.raw / f"{number:02}.jsonl").write_text("\n".join(lines), "utf-8")
        files = sorted(self.raw.glob("*.jsonl"))
        rows = [
            {"name": "s", "file": f.name, "licence": "CC0-1.0", "bytes": f.stat().st_size}
            for f in files
        ]
        write_manifest(self.raw, sources=rows)

    def start(self, name: str, *, cache: bool = True) -> "subprocess.Popen[bytes]":
        self.witness.write_bytes(b"")
        place = self.home / name
        command: list[str | Path] = [sys.executable, "-m", "llm", "clean", "--raw", self.raw]
        command += ["--documents", place / "documents", "--rejects", place / "rejects"]
        command += ["--metrics", place / "metrics.json", "--timings", place / "timings.json"]
        command += ["--cache", self.home / "cache"] if cache else []
        environment = {
            "LLM_TRACKING": "off",
            "LLM_WORKERS": str(WORKERS),
            "WITNESS": str(self.witness),
            "PYTHONPATH": f"{self.home / 'path'}{os.pathsep}{self.root}",
        }
        return subprocess.Popen(
            command, cwd=self.root, env={**os.environ, **environment}, stdout=subprocess.DEVNULL
        )

    def run(self, name: str, *, cache: bool = True) -> list[bytes]:
        """Run to the end; the bytes that tell every output."""
        process = self.start(name, cache=cache)
        assert process.wait(timeout=240) == 0
        names = ("documents/manifest.json", "rejects/manifest.json", "metrics.json")
        return [(self.home / name / n).read_bytes() for n in names]

    def begun(self) -> int:
        return len(self.witness.read_bytes())

    def units(self, name: str) -> tuple[int, int]:
        timings = read_json(self.home / name / "timings.json", made_by="clean")
        return timings["units"], timings["units_cached"]

    def entries(self) -> int:
        return len(list((self.home / "cache").glob("*/*/*.entry")))


def _story(file: int, number: int) -> str:
    return (
        f"The keeper of lamp {number} in house {file} walked to the harbour and watched the boats "
        "of the evening come home, and then he told the children of the town about the sea."
    )


@pytest.mark.slow
def test_a_killed_run_does_at_most_one_unit_per_worker_again(house):
    process = house.start("killed")
    deadline = time.monotonic() + 120
    while house.entries() < 3:
        assert process.poll() is None, "too fast: nothing was left to kill"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=10)
    done = _settled(house.entries)
    begun = house.begun()
    assert 3 <= done < FILES
    assert begun - done <= WORKERS
    assert not (house.home / "killed" / "documents").exists()
    again = house.run("again")
    assert house.units("again") == (FILES, done)
    assert house.begun() == FILES - done
    assert again == house.run("anew", cache=False)


@pytest.mark.slow
def test_one_new_file_is_one_unit(house):
    house.run("first")
    assert house.begun() == FILES
    house.add(FILES, documents=3)
    second = house.run("second")
    assert house.begun() == 1
    assert house.units("second") == (FILES + 1, FILES)
    assert second == house.run("anew", cache=False)
    assert house.entries() == FILES + 1


def _settled(count):
    """The count, once the workers of a killed run have ended and it stays."""
    last, since = count(), time.monotonic()
    while time.monotonic() - since < 3:
        time.sleep(0.1)
        if count() != last:
            last, since = count(), time.monotonic()
    return last
