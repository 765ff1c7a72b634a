"""Work on Ray: order, faults as they were raised, bounded reading ahead, clear words, two nodes."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pyarrow as pa
import pytest

from llm.corpus import cluster
from llm.corpus.workers import ordered_map
from llm.errors import ConfigError
from llm.files import read_json, write_manifest
from tests.conftest import ROOT, need

QUIET = {"LLM_TRACKING": "off", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
STORE_BYTES = 80 * 2**20  # close to Ray's least; a container's /dev/shm may hold no more


def on_ray(address: str | None = None) -> dict[str, str]:
    return {**os.environ, **QUIET, "DAFT_RUNNER": "ray", "RAY_ADDRESS": address or "local"}


@pytest.fixture(scope="module")
def installed():
    """Ray, which only the extra `ray` brings."""
    need(importlib.util.find_spec("ray") is not None, "Ray (LLM_EXTRAS=ray sh infra/setup.sh)")


@pytest.fixture(scope="module")
def two_nodes(installed):
    """The address of a Ray cluster of two nodes on this machine, one processor each."""
    from ray.cluster_utils import Cluster

    nodes = Cluster()
    try:
        for _ in range(2):
            nodes.add_node(num_cpus=1, object_store_memory=STORE_BYTES, include_dashboard=False)
        nodes.wait_for_nodes(timeout=60)
        yield nodes.address
    finally:
        nodes.shutdown()


def llm(root: Path, *arguments: str, environment: dict[str, str]) -> str:
    """Run a stage; what it printed."""
    ended = subprocess.run(
        [sys.executable, "-m", "llm", *arguments],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""  # quiet
    return ended.stdout


def test_only_its_name_asks_for_ray(monkeypatch):
    for value, wanted in (("ray", True), ("RAY", True), ("native", False), ("", False)):
        monkeypatch.setenv("DAFT_RUNNER", value)
        assert cluster.is_wanted() is wanted
    monkeypatch.delenv("DAFT_RUNNER")
    assert not cluster.is_wanted()


def test_without_the_package_the_remedy_is_named(monkeypatch):
    monkeypatch.setenv("DAFT_RUNNER", "ray")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigError, match="LLM_EXTRAS=ray"):
        list(ordered_map(abs, [1], workers=1))


SCRIPT = """
import os, sys, time, types
from llm.corpus import cluster
from llm.corpus.documents import document_id
from llm.corpus.workers import ordered_map
from llm.errors import InputError, PipelineError

def square(number):
    time.sleep(0.01 * (number % 3))
    return number * number, os.getpid()

def fail(number):
    raise InputError("Bad.", where=f"item {number}", remedy="mend it")

def slow(number):
    time.sleep(600)

def ghost(number):
    return number

taken = []
def items(count):
    for number in range(count):
        taken.append(number)
        yield number

def main(what):
    if what == "slow":
        print("begun", flush=True)
        list(ordered_map(slow, range(3), workers=2))
    if what == "other code":
        cluster.code_stamp = lambda code: "0123456789abcdef"
        list(ordered_map(document_id, ["a text"], workers=2))
    if what == "no code":
        sys.modules["ghosts"] = types.ModuleType("ghosts")
        sys.modules["ghosts"].ghost, ghost.__module__ = ghost, "ghosts"
        list(ordered_map(ghost, range(3), workers=2))
    answers = list(ordered_map(square, range(30), workers=2))
    assert [answer for answer, _ in answers] == [n * n for n in range(30)]
    assert os.getpid() not in {process for _, process in answers}
    some = ordered_map(square, items(1000), workers=2)
    next(some)
    some.close()
    assert len(taken) <= 4 * os.cpu_count(), len(taken)
    try:
        list(ordered_map(fail, range(5), workers=2))
    except PipelineError as error:
        print(type(error).__name__, error.exit_code, error.details["where"])

if __name__ == "__main__":
    try:
        with cluster.connected():  # once for all
            main(sys.argv[1])
    except PipelineError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_ray_of_its_own_is_started_works_and_ends(script, installed):
    ended = subprocess.run(
        [sys.executable, script, "all"],
        env=on_ray(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "InputError 3 item 0"
    assert ended.stdout.startswith("ray: 30 tasks: 30 on node ")
    assert ended.stderr == ""


def test_a_cluster_that_is_not_there(script, installed):
    ended = subprocess.run(
        [sys.executable, script, "all"],
        env=on_ray("127.0.0.1:9"),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 4, ended.stderr
    assert "RAY_ADDRESS, 127.0.0.1:9" in ended.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("other code", "llm/corpus/documents.py and what it imports"),
        ("no code", "No module named 'ghosts'"),
    ],
)
def test_a_node_without_our_code_is_told(script, two_nodes, what, found):
    ended = subprocess.run(
        [sys.executable, script, what],
        env=on_ray(two_nodes),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ended.returncode == 4, ended.stderr
    assert found in ended.stderr
    assert "let every node see this checkout" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_an_interrupt_ends_the_work_on_the_cluster(script, root, two_nodes):
    with subprocess.Popen(
        [sys.executable, script, "slow"],
        env=on_ray(two_nodes),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        time.sleep(5)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    assert process.returncode != 0


@pytest.mark.slow
def test_clean_and_dedupe_on_two_nodes_give_the_bytes_of_one_machine(tmp_path, root, two_nodes):
    raw = tmp_path / "raw"
    write_corpus(raw)
    hashes = {}
    for place, environment in (("one", {**os.environ, **QUIET}), ("two", on_ray(two_nodes))):
        home = tmp_path / place
        arguments = [
            ("clean", "--raw", str(raw), "--documents", str(home / "clean")),
            ("--rejects", str(home / "rejects"), "--cache", str(home / "cache")),
            ("--metrics", str(home / "clean.json"), "--timings", str(home / "timings.json")),
        ]
        told = llm(root, *(word for line in arguments for word in line), environment=environment)
        if place == "two":
            assert told.count(" on node ") == 2, told
        assert read_json(home / "timings.json", made_by="clean")["units_cached"] == 0
        llm(
            root,
            *("dedupe", "--documents", str(home / "clean"), "--raw", str(raw)),
            *("--clusters", str(home / "clusters"), "--cache", str(home / "signatures")),
            *("--unique", str(home / "unique"), "--metrics", str(home / "dedupe.json")),
            environment=environment,
        )
        names = ("clean/manifest.json", "rejects/manifest.json", "unique/manifest.json")
        hashes[place] = [(home / n).read_bytes() for n in (*names, "clean.json", "dedupe.json")]
    assert hashes["one"] == hashes["two"]


def write_corpus(folder: Path) -> None:
    """The synthetic stories, dirt and all, in files of about 300 kB."""
    from llm.corpus.synthetic.stories import write_stories

    made = folder.with_name("made")
    folder.mkdir()
    made.mkdir()
    write_stories(made, seed=3, scale=0.4)
    (folder / "planted.jsonl").write_bytes((made / "planted.jsonl").read_bytes())
    lines = [
        line
        for p in sorted(made.glob("s*.jsonl"))
        for line in p.read_bytes().splitlines(keepends=True)
    ]
    for number in range(10):
        (folder / f"{number}.jsonl").write_bytes(b"".join(lines[number::10]))
    write_manifest(
        folder,
        sources=[
            {"name": "s", "file": path.name, "licence": "CC0-1.0", "bytes": path.stat().st_size}
            for path in sorted(folder.glob("*.jsonl"))
        ],
    )


@pytest.mark.slow
def test_tokenize_on_two_nodes_gives_the_shards_of_one_machine(tmp_path, root, two_nodes):
    write_splits(tmp_path)
    hashes = {}
    for place, environment in (("one", {**os.environ, **QUIET}), ("two", on_ray(two_nodes))):
        home = tmp_path / place
        told = llm(
            root,
            *("tokenize", "--tokenizer", str(tmp_path / "tokenizer")),
            *("--train-documents", str(tmp_path / "train")),
            *("--validation-documents", str(tmp_path / "validation")),
            *("--train", str(home / "train"), "--validation", str(home / "validation")),
            *("--cache", str(home / "cache"), "--metrics", str(home / "metrics.json")),
            environment=environment,
        )
        if place == "two":
            assert told.count(" on node ") >= 3, told  # two of the 32 parts that train
        names = ("train/manifest.json", "validation/manifest.json", "metrics.json")
        hashes[place] = [(home / name).read_bytes() for name in names]
    assert len(json.loads(hashes["one"][0])["files"]) > 10
    assert hashes["one"] == hashes["two"]


def write_splits(home: Path) -> None:
    """Stories as documents of both splits, in many parts, and a tokenizer of them."""
    from llm.corpus.documents import DOCUMENT_SCHEMA, document_id, sorted_documents
    from llm.corpus.synthetic.compose import compose
    from llm.tokens.tokenizer import train

    texts = [compose(5, number).text for number in range(400)]
    train(texts, vocab_size=400).save(home / "tokenizer")
    empty = {f.name: "" if pa.types.is_string(f.type) else 1.0 for f in DOCUMENT_SCHEMA}
    for split, chosen in (("train", texts[40:]), ("validation", texts[:40])):
        (home / split).mkdir()
        with sorted_documents(home / split, part_bytes=20_000) as documents:
            for text in chosen:
                documents.add({**empty, "id": document_id(text), "source": "s", "text": text})
        write_manifest(home / split, documents=len(chosen))
