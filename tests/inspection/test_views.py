"""Every kind of artefact is told by what it holds and shown in plain words and in colours."""

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from llm.__main__ import main
from llm.errors import ConfigError, InputError
from llm.files import write_json
from llm.inspection import contents
from llm.inspection.artefacts import recognise
from llm.inspection.clusters import differences
from llm.inspection.views import View, decoded, view
from llm.tokens.tokenizer import train
from llm.tokens.writing import write_shards

TEXT = "the cat sat on the mat and the dog lay by the door\n" * 30


def shown(path, **wanted):
    console = Console(record=True, width=160, file=io.StringIO())
    for piece in view(recognise(path), View(**wanted)):
        console.print(piece)
    return console.export_text()


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def document(name, text, source="books"):
    return {
        "id": name,
        "text": text,
        "source": source,
        "licence": "CC0-1.0",
        "language": "en",
        "raw_id": f"{name}.txt",
    }


@pytest.fixture
def rejects(tmp_path):
    rows = [
        {"raw_id": "a.txt", "source": "web", "reason": "too_short", "text": "Hm."},
        {"raw_id": "b.txt", "source": "web", "reason": "language", "text": "Le chat dort."},
        {"raw_id": "c.txt", "source": "web", "reason": "language", "text": "Der Hund schläft."},
    ]
    write(tmp_path / "rejects" / "part-00000.parquet", rows)
    return tmp_path / "rejects"


def test_rejects_are_counted_by_reason_and_chosen_by_it(rejects):
    text = shown(rejects, only={"reason": "language"})
    assert "3 rows in 1 file\n" in text
    assert "66.7%" in text
    assert "Le chat dort." in text and "Der Hund schläft." in text
    assert "Hm." not in text


def test_an_unknown_column_is_named_with_what_was_meant(rejects):
    with pytest.raises(ConfigError, match="did you mean 'reason'"):
        shown(rejects, only={"reasn": "language"})


def test_documents_are_cut_and_limited(tmp_path):
    rows = [document(f"{number:032x}", f"Story {number}.\n" + "x" * 500) for number in range(5)]
    write(tmp_path / "unique" / "part-00000.parquet", rows)
    text = shown(tmp_path / "unique", limit=2, characters=20)
    assert "Story 0." in text and "Story 1." in text and "Story 2." not in text
    assert "more characters" in text
    whole = shown(tmp_path / "unique", limit=0, characters=0)
    assert "Story 4." in whole and "more characters" not in whole


def test_markup_in_a_text_is_shown_as_it_stands(tmp_path):
    write(tmp_path / "d" / "part-00000.parquet", [document("0" * 32, "[bold]not a style[/bold]\n")])
    assert "[bold]not a style[/bold]" in shown(tmp_path / "d")


@pytest.fixture
def shards(tmp_path):
    tokenizer = train([TEXT], vocab_size=270)
    tokenizer.save(tmp_path / "tokenizer")
    rows = [{"id": "1" * 32, "source": "s", "cluster": "1", "text": "the cat sat. Ünder"}]
    batches = pa.Table.from_pylist(rows).to_batches()
    write_shards(batches, tmp_path / "train", tokenizer=tokenizer, shard_tokens=1000, threads=1)
    return tmp_path / "train", tokenizer


def test_shards_are_decoded_with_the_tokenizer_beside_them(shards):
    path, _ = shards
    text = shown(path)
    assert "the cat sat." in text and "<|endoftext|>" in text
    assert "tokens" in text


def test_every_token_is_coloured_apart_and_no_byte_is_lost(shards):
    _, tokenizer = shards
    ids = tokenizer.encode("the cat Ü")
    text = decoded(ids, tokenizer)
    assert len(text.spans) == len(ids)
    assert {span.style for span in text.spans[:2]} == {"on dark_green", "on navy_blue"}
    assert "the cat" in text.plain


def test_shards_without_a_tokenizer_name_what_is_missing(shards):
    path, _ = shards
    for child in (path.parent / "tokenizer").iterdir():
        child.unlink()
    with pytest.raises(InputError, match="missing"):
        shown(path)


COMMANDS = "evil \x1b[2J\x1b[31m red \x07\x08 \x9b0m \u202e \x00 end"


def test_nothing_in_the_data_commands_the_terminal(tmp_path, shards):
    rows = [document("0" * 32, COMMANDS), document("1" * 32, "short", source=COMMANDS)]
    write(tmp_path / "d" / "part-00000.parquet", rows)
    (tmp_path / "a.txt").write_text(COMMANDS, encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(json.dumps({"t": COMMANDS}) + f"\n{COMMANDS}\n", "utf-8")
    write_json(tmp_path / "a.json", {"t": COMMANDS})
    for name in ("d", "a.txt", "a.jsonl", "a.json"):
        text = shown(tmp_path / name)
        assert not set(text) & set(COMMANDS) - set(map(chr, range(32, 127))), name
        assert "x1b[2J" in text or "u001b[2J" in text, name
    _, tokenizer = shards
    assert decoded(tokenizer.encode(COMMANDS), tokenizer).plain.isprintable()
    assert not set(differences("a", COMMANDS).plain) & set("\x1b\x9b\u202e")


def test_what_is_missing_is_said(tmp_path):
    write(tmp_path / "d" / "part-00000.parquet", [document("0" * 32, None) | {"licence": None}])
    text = shown(tmp_path / "d")
    assert "licence missing" in text and "text missing" in text and "None" not in text


def test_items_can_be_shown_from_any_on_and_what_follows_is_said(tmp_path):
    rows = [document(f"{number:032x}", f"Story {number}.") for number in range(1, 6)]
    write(tmp_path / "d" / "part-00000.parquet", rows)
    text = shown(tmp_path / "d", start=4, limit=1)
    assert "Story 4." in text and "Story 3." not in text and "Story 5." not in text
    assert "--from 5 goes on" in text
    assert "follow" not in shown(tmp_path / "d", start=5, limit=1)
    assert "no item to show" in shown(tmp_path / "d", start=6)
    assert "no item to show" in shown(tmp_path / "d", only={"source": "nix"})


def test_lines_have_no_columns_to_choose_by(tmp_path):
    (tmp_path / "a.txt").write_text("a\n")
    with pytest.raises(ConfigError, match="no columns"):
        shown(tmp_path / "a.txt", only={"a": "b"})


def test_clusters_stand_side_by_side_with_the_kept_one_first(tmp_path):
    write(
        tmp_path / "clean" / "part-00000.parquet",
        [document("a", "one two three"), document("b", "one 2 three"), document("c", "alone")],
    )
    rows = [
        {"id": name, "raw_id": f"{name}.txt", "source": "books", "cluster": cluster, "kept": kept}
        for name, cluster, kept in (("a", "a", False), ("b", "a", True), ("c", "c", True))
    ]
    write(tmp_path / "clusters" / "part-00000.parquet", rows)
    text = shown(tmp_path / "clusters")
    assert "1 cluster of several documents" in text
    assert text.index("kept · books · b.txt") < text.index("dropped · books · a.txt")
    assert "one 2 three" in text and "one two three" in text and "alone" not in text


def test_of_a_large_cluster_is_said_how_many_stand_there(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    names = "abcde"
    write(tmp_path / "clean" / "part-00000.parquet", [document(n, f"text {n}") for n in names])
    rows = [{"id": n, "raw_id": n, "source": "s", "cluster": "a", "kept": n == "a"} for n in names]
    write(tmp_path / "clusters" / "part-00000.parquet", rows)
    text = shown(tmp_path / "clusters")
    assert "5 documents, 3 of them here" in text and "text c" in text and "text d" not in text
    assert "1 cluster of several" in text
    monkeypatch.setenv("COLUMNS", "20")
    assert "2 of them here" in shown(tmp_path / "clusters")


def test_clusters_without_their_texts_name_the_stage_to_run(tmp_path):
    rows = [
        {"id": name, "raw_id": name, "source": "s", "cluster": "a", "kept": name == "a"}
        for name in "ab"
    ]
    write(tmp_path / "clusters" / "part-00000.parquet", rows)
    with pytest.raises(InputError, match="dvc repro clean"):
        shown(tmp_path / "clusters")


def test_only_what_differs_is_marked():
    text = differences("the cat sat here", "the dog sat here")
    marked = [text.plain[span.start : span.end] for span in text.spans if "red" in str(span.style)]
    assert marked == ["dog"]


def test_a_weights_folder_lists_its_tensors(tmp_path):
    import torch
    from safetensors.torch import save_file

    save_file({"head.weight": torch.zeros(3, 4)}, tmp_path / "model.safetensors")
    write_json(tmp_path / "config.json", {"n_layers": 4})
    text = shown(tmp_path)
    assert "head.weight" in text and "3 × 4" in text and "12 numbers" in text and "n_layers" in text


def test_a_tokenizer_shows_its_merges(shards):
    path, tokenizer = shards
    assert tokenizer.fingerprint in shown(path.parent / "tokenizer")


def test_json_lines_and_text_are_shown(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "hällo"}\nbroken\n', encoding="utf-8")
    text = shown(tmp_path / "a.jsonl")
    assert "hällo" in text and "not JSON" in text and "broken" in text
    (tmp_path / "b.txt").write_bytes(b"caf\xe9\n")
    assert "caf\\xe9" in shown(tmp_path / "b.txt")
    (tmp_path / "c.json").write_text(json.dumps({"loss": 2.5}))
    assert "2.5" in shown(tmp_path / "c.json")
    assert "a.jsonl" in shown(tmp_path)


def test_a_torn_file_and_a_missing_one_are_named(tmp_path):
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 not whole")
    with pytest.raises(InputError, match="truncated"):
        recognise(tmp_path / "torn.parquet")
    with pytest.raises(InputError, match="no such file"):
        recognise(tmp_path / "nothing")
    (tmp_path / "x.bin").write_bytes(b"\x00")
    with pytest.raises(InputError, match="cannot be shown"):
        recognise(tmp_path / "x.bin")
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero")):
        with pytest.raises(InputError, match="neither a file nor a folder"):
            recognise(path)


def command(*arguments):
    return [sys.executable, "-m", "llm", "inspect", *map(str, arguments)]


def run(arguments, root, **more):
    return subprocess.run(command(*arguments), cwd=root, check=False, timeout=60, **more)


def test_a_pipe_gets_plain_text_and_a_wrong_choice_exit_2(rejects, root):
    done = run([rejects, "--only", "reason=language"], root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Le chat dort." in done.stdout and "\x1b[" not in done.stdout
    wrong = run([rejects, "--only", "reason"], root, capture_output=True, text=True)
    assert wrong.returncode == 2 and "COLUMN=VALUE" in wrong.stderr


def test_a_file_that_may_not_be_read_is_told(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.txt").write_text("a\n")

    def refuse(path, _compression):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(contents, "open_stream", refuse)
    assert main(["inspect", str(tmp_path / "a.txt")]) == 3
    assert f"no permission for {tmp_path / 'a.txt'}" in capsys.readouterr().err


@pytest.fixture
def long(tmp_path):
    """More than a pipe holds."""
    (tmp_path / "long.txt").write_text("grüße, ein langer Satz 😀\n" * 20_000, encoding="utf-8")
    return tmp_path / "long.txt"


def test_a_reader_that_leaves_is_no_fault(long, root):
    with subprocess.Popen(
        command(long, "--limit", 0), cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stderr
        assert b"long.txt" in process.stdout.readline()
        process.stdout.close()
        told = process.stderr.read()
        assert (process.wait(60), told) == (0, b"")


def test_what_the_encoding_lacks_is_escaped(long, rejects, root):
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for path, expected in ((long, b"gr\\xfc\\xdfe"), (rejects, b"| language ")):
        done = run([path, "--limit", "1"], root, capture_output=True, env=env)
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout and done.stdout.isascii()


def test_a_pager_that_is_quit_is_no_fault(long, root):
    controller, terminal = pty.openpty()
    try:
        env = {**os.environ, "PAGER": "true", "TERM": "xterm"}  # reads nothing
        done = run([long, "--limit", 0], root, stdout=terminal, stderr=subprocess.PIPE, env=env)
        assert (done.returncode, done.stderr) == (0, b"")
    finally:
        os.close(terminal)
        os.close(controller)


def test_a_pipe_gets_each_text_in_one_line(tmp_path, root):
    write(tmp_path / "d.parquet", [document("0" * 32, "word " * 100)])
    done = run([tmp_path / "d.parquet"], root, capture_output=True, text=True)
    assert "word " * 99 in done.stdout


def test_a_terminal_gets_colours_through_the_pager(rejects, root, tmp_path):
    controller, terminal = pty.openpty()
    try:
        env = {**os.environ, "PAGER": f"tee {tmp_path / 'seen'}", "TERM": "xterm-256color"}
        done = run([rejects], root, stdout=terminal, stderr=subprocess.PIPE, env=env)
        assert done.returncode == 0, done.stderr
    finally:
        os.close(terminal)
        os.close(controller)
    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert "\x1b[" in seen and "Le chat dort." in seen
