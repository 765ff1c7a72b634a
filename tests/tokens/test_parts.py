"""Tokenising by parts: equal bytes with and without memory, and only what changed done again."""

import os
import shutil
import signal
import subprocess
import sys

import pyarrow as pa
import pytest

from llm.corpus.documents import DOCUMENT_SCHEMA, document_id
from llm.errors import InputError
from llm.files import read_manifest, write_manifest, write_parquet
from llm.tokens import parts, writing
from llm.tokens.parts import forget, write_parts
from llm.tokens.shards import read_batches
from llm.tokens.tokenizer import train
from llm.work_cache import WorkCache, open_cache

TEXT = "the cat sat on the mat and the dog lay by the door "


@pytest.fixture(scope="module")
def tokenizer():
    return train([TEXT * 20], vocab_size=270)


def write_documents(folder, texts_of_parts):
    folder.mkdir(exist_ok=True)
    for number, texts in enumerate(texts_of_parts):
        rows = [
            {
                "id": document_id(text),
                "text": text,
                "source": "tales",
                "licence": "CC0-1.0",
                "language": "en",
                "language_score": 1.0,
                "quality": 1.0,
                "cluster": document_id(text),
                "raw_id": f"{number}",
            }
            for text in texts
        ]
        table = pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA)
        write_parquet(table, folder / f"part-{number:05d}.parquet")
    write_manifest(folder)


PARTS = [
    [TEXT * 3, TEXT * 30, "a short one"],
    [],
    [TEXT * 5 + "again"],
    ["the end", TEXT * 2],
]


@pytest.fixture
def documents(tmp_path):
    write_documents(tmp_path / "documents", PARTS)
    return tmp_path / "documents"


def run(documents, directory, tokenizer, cache, **more):
    return write_parts(
        documents,
        directory,
        tokenizer=tokenizer,
        folder=directory,  # asked for on a cluster alone: see tests/corpus/test_cluster.py
        shard_tokens=100,
        threads=2,
        cache=cache,
        **more,
    )


def cache_of(tmp_path, tokenizer):
    return open_cache(tmp_path / "cache", 100, tokenizer.fingerprint, code="llm/tokens/parts.py")


def manifest(directory):
    return read_manifest(directory, made_by="tokenize", verify=True)


def test_every_document_comes_once_and_in_order(documents, tmp_path, tokenizer):
    seen: list[pa.Table] = []
    written = run(documents, tmp_path / "shards", tokenizer, WorkCache(None), watch=seen.append)
    rows = pa.Table.from_batches(read_batches(tmp_path / "shards")).to_pylist()
    texts = [text for part in PARTS for text in part]
    assert [tokenizer.decode(row["token_ids"][:-1]) for row in rows] == texts
    watched = pa.concat_tables(seen).to_pylist()
    assert [(row["id"], row["tokens"]) for row in watched] == [
        (row["id"], len(row["token_ids"])) for row in rows
    ]
    assert written.counts.documents == len(texts) == manifest(tmp_path / "shards")["documents"]
    assert len(manifest(tmp_path / "shards")["files"]) > 3  # shards end within a part, too
    assert not list(tmp_path.glob(".*"))  # nothing is left beside


def test_memory_changes_no_byte(documents, tmp_path, tokenizer):
    cache = cache_of(tmp_path, tokenizer)
    first = run(documents, tmp_path / "first", tokenizer, cache)
    again = run(documents, tmp_path / "again", tokenizer, cache)
    without = run(documents, tmp_path / "without", tokenizer, WorkCache(None))
    assert (first.remembered, again.remembered, without.remembered) == (0, 3, 0)
    assert manifest(tmp_path / "first") == manifest(tmp_path / "again")
    assert manifest(tmp_path / "first") == manifest(tmp_path / "without")
    assert (again.counts.occurrences == without.counts.occurrences).all()


def test_a_part_that_two_do_at_once_is_one(tmp_path, tokenizer):
    many = 12  # equal parts under way at the same time
    write_documents(tmp_path / "documents", [[TEXT * 200]])
    for number in range(1, many):
        equal = tmp_path / "documents" / f"part-{number:05d}.parquet"
        equal.write_bytes((tmp_path / "documents" / "part-00000.parquet").read_bytes())
    write_manifest(tmp_path / "documents")
    cache = cache_of(tmp_path, tokenizer)
    written = run(tmp_path / "documents", tmp_path / "shards", tokenizer, cache)
    assert written.counts.documents == many == manifest(tmp_path / "shards")["documents"]
    assert cache.folder is not None
    assert [place.name for place in cache.folder.iterdir()] == [written.keys[0]]


def test_a_new_document_costs_its_part_alone(documents, tmp_path, tokenizer):
    cache = cache_of(tmp_path, tokenizer)
    before = run(documents, tmp_path / "shards", tokenizer, cache)
    write_documents(documents, [*PARTS[:2], [*PARTS[2], "something new"], PARTS[3]])
    after = run(documents, tmp_path / "shards", tokenizer, cache)
    assert (len(after.keys), after.remembered) == (3, 2)
    forget(cache, but=set(after.keys))
    assert cache.folder is not None
    assert sorted(place.name for place in cache.folder.iterdir()) == sorted(after.keys)
    assert set(before.keys) - set(after.keys)


def test_a_killed_run_leaves_finished_parts_to_the_next(
    documents, tmp_path, tokenizer, monkeypatch
):
    cache = cache_of(tmp_path, tokenizer)
    with monkeypatch.context() as patch:
        real = writing.write_shards

        def failing(batches, directory, **more):
            rows = list(batches)
            if "the end" in rows[0].column("text").to_pylist():
                raise OSError("the plug was pulled")
            return real(rows, directory, **more)

        patch.setattr(parts, "write_shards", failing)
        with pytest.raises(OSError, match="plug"):
            run(documents, tmp_path / "shards", tokenizer, cache)
    assert not (tmp_path / "shards").exists()
    assert run(documents, tmp_path / "shards", tokenizer, cache).remembered == 2


def test_a_process_killed_on_the_way_leaves_whole_parts(documents, tmp_path, tokenizer, root):
    """SIGKILL between two shards of a part: what was whole is taken, the rest done again."""
    write_documents(documents, [[f"{TEXT * 20} {part} {n}" for n in range(4)] for part in range(6)])
    undisturbed = run(documents, tmp_path / "undisturbed", tokenizer, WorkCache(None))
    tokenizer.save(tmp_path / "tokenizer")
    call = f"""
import os, signal
from pathlib import Path
from llm.tokens import writing
from llm.tokens.parts import write_parts
from llm.tokens.tokenizer import load
from llm.work_cache import open_cache
place = Path({str(tmp_path)!r})
words = load(place / "tokenizer")
real, written = writing._write_shard, []
def dying(table, path, vocab_size):
    written.append(path)
    if len(written) == 14:
        real(table.slice(0, 1), path, vocab_size)
        os.kill(os.getpid(), signal.SIGKILL)
    return real(table, path, vocab_size)
writing._write_shard = dying
cache = open_cache(place / "cache", 100, words.fingerprint, code="llm/tokens/parts.py")
write_parts(place / "documents", place / "shards", tokenizer=words, folder=place / "tokenizer",
            shard_tokens=100, threads=1, cache=cache)
"""
    child = subprocess.run([sys.executable, "-c", call], cwd=root, check=False)
    assert child.returncode == -signal.SIGKILL
    assert not (tmp_path / "shards").exists()
    cache = cache_of(tmp_path, tokenizer)
    assert cache.folder is not None
    whole = [place for place in cache.folder.iterdir() if not place.name.startswith(".")]
    again = run(documents, tmp_path / "shards", tokenizer, cache)
    assert again.remembered == len(whole) >= 2
    assert manifest(tmp_path / "shards") == manifest(tmp_path / "undisturbed")
    assert len(undisturbed.keys) == 6
    forget(cache, but=set(again.keys))
    assert len(list(cache.folder.iterdir())) == 6


@pytest.mark.parametrize("harm", ["truncated", "altered", "gone"])
def test_damaged_memory_is_made_anew(documents, tmp_path, tokenizer, harm, capsys):
    cache = cache_of(tmp_path, tokenizer)
    first = run(documents, tmp_path / "first", tokenizer, cache)
    assert cache.folder is not None
    shard = min((cache.folder / first.keys[0]).glob("*.parquet"))
    content = shard.read_bytes()
    shard.unlink()
    if harm != "gone":
        shard.write_bytes(content[:-9] if harm == "truncated" else content[:-1] + b"X")
    again = run(documents, tmp_path / "again", tokenizer, cache)
    assert again.remembered == 2 and "damaged" in capsys.readouterr().out
    assert manifest(tmp_path / "first") == manifest(tmp_path / "again")


@pytest.mark.parametrize("harm", ["altered", "gone", "more"])
def test_parts_that_their_manifest_does_not_name_so_are_refused(
    documents, tmp_path, tokenizer, harm
):
    part = documents / "part-00002.parquet"
    if harm == "altered":  # at its size, and not in what says how to read it
        content = part.read_bytes()
        part.write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    elif harm == "gone":
        part.unlink()
    else:
        shutil.copyfile(part, documents / "part-00009.parquet")
    name = "part-00009" if harm == "more" else "part-00002"
    with pytest.raises(InputError, match=name) as caught:
        run(documents, tmp_path / "shards", tokenizer, cache_of(tmp_path, tokenizer))
    assert "dvc repro" in str(caught.value) and "split" in str(caught.value)
    assert ("sha256" in str(caught.value)) == (harm == "altered")
    assert not (tmp_path / "shards").exists()


def test_what_a_killed_run_without_a_cache_left_is_not_taken(documents, tmp_path, tokenizer):
    """It may be of another tokenizer: where nothing is remembered, nothing tells."""
    other = train([TEXT * 20 + "zz zz zz"], vocab_size=270)
    cache = cache_of(tmp_path, other)
    written = run(documents, tmp_path / "other", other, cache)
    assert cache.folder is not None
    shutil.copytree(cache.folder, tmp_path / ".shards.parts")
    mine = run(documents, tmp_path / "shards", tokenizer, WorkCache(None))
    assert mine.remembered == 0 and written.keys == mine.keys
    rows = pa.Table.from_batches(read_batches(tmp_path / "shards")).to_pylist()
    assert [tokenizer.decode(row["token_ids"][:-1]) for row in rows] == [
        text for part in PARTS for text in part
    ]


def test_shards_of_a_part_keep_their_order_beyond_five_digits(
    documents, tmp_path, tokenizer, monkeypatch
):
    cache = cache_of(tmp_path, tokenizer)
    keys = run(documents, tmp_path / "first", tokenizer, cache).keys
    assert cache.folder is not None
    shards = sorted((cache.folder / keys[0]).glob("*.parquet"))
    assert len(shards) >= 2
    for shard, number in zip(shards, (99_999, 100_000), strict=False):
        shard.rename(shard.with_name(f"part-{number}.parquet"))
    facts = read_manifest(tmp_path / "first", made_by="")
    left = {n: v for n, v in facts.items() if n != "files"}
    write_manifest(cache.folder / keys[0], **left)
    again = run(documents, tmp_path / "again", tokenizer, cache)
    assert again.remembered == 3
    assert manifest(tmp_path / "again")["files"] == facts["files"]


def test_where_files_cannot_be_linked_they_are_copied(documents, tmp_path, tokenizer, monkeypatch):
    def refuse(source, place):
        raise OSError("not on this file system")

    monkeypatch.setattr(os, "link", refuse)
    run(documents, tmp_path / "shards", tokenizer, cache_of(tmp_path, tokenizer))
    assert manifest(tmp_path / "shards")["documents"] == 6


def test_no_document_is_an_error_and_leaves_nothing(tmp_path, tokenizer):
    write_documents(tmp_path / "documents", [[], []])
    with pytest.raises(InputError, match="no document to tokenise"):
        run(tmp_path / "documents", tmp_path / "shards", tokenizer, WorkCache(None))
    assert not (tmp_path / "shards").exists()
