"""Lines, also compressed and endless; ledgers; folders: shown in bounded size."""

from __future__ import annotations

import gzip
import io
import json

import pytest
from rich.console import Console

from llm.errors import InputError
from llm.files import write_manifest, write_text
from llm.inspection import contents
from llm.inspection.artefacts import recognise
from llm.inspection.views import View, view

WARC = (
    b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: https://example.org/a\r\n"
    b"WARC-Record-ID: <urn:uuid:1>\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello\r\n\r\n"
)


def shown(path, **wanted):
    console = Console(record=True, width=160, file=io.StringIO())
    for piece in view(recognise(path), View(**wanted)):
        console.print(piece)
    return console.export_text()


def test_compressed_lines_are_shown_as_they_were(tmp_path):
    line = json.dumps({"text": "hällo " * 100})
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(f"{line}\n".encode()))
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"one\ntwo\n"))
    text = shown(tmp_path / "a.jsonl.gz", characters=20)
    assert '"text": "hällo' in text and "580 more characters" in text
    assert "two" in shown(tmp_path / "b.txt.gz")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"one\n" * 1000)[:20])
    with pytest.raises(InputError, match="truncated or damaged"):
        shown(tmp_path / "b.txt.gz", limit=0)


def test_records_of_a_warc_stand_with_their_address(tmp_path):
    (tmp_path / "a.wet").write_bytes(WARC)
    text = shown(tmp_path / "a.wet")
    assert "https://example.org/a" in text and "hello" in text


def test_a_line_without_end_is_not_kept_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "_PIECE_BYTES", 100)
    (tmp_path / "a.txt").write_text("x" * 1_050 + "\nnext\n")
    (tmp_path / "a.jsonl").write_text(json.dumps({"a": "y" * 1_000}) + "\n")
    text = shown(tmp_path / "a.txt", characters=40)
    assert "60 more characters … and 951 more bytes" in text
    assert "next" in text
    assert "and 910 more bytes" in shown(tmp_path / "a.jsonl")


def test_deep_json_is_no_crash(tmp_path):
    (tmp_path / "a.jsonl").write_text("[" * 100_000 + "\n")
    assert "not JSON" in shown(tmp_path / "a.jsonl")


def test_a_text_is_known_by_its_bytes_not_its_name(tmp_path):
    (tmp_path / "dvc.lock").write_text("stages: {}\n")
    assert "stages" in shown(tmp_path / "dvc.lock")


def test_a_raw_folder_shows_its_ledger_and_no_more_than_asked(tmp_path):
    rows = [
        {"name": "web", "file": f"{n}.txt", "bytes": 5_000, "licence": "CC0-1.0", "url": "file:x"}
        for n in range(5)
    ]
    write_manifest(tmp_path, sources=rows, note="all")
    text = shown(tmp_path, limit=2)
    assert "CC0-1.0" in text and "5,000" in text and "1.txt" in text and "2.txt" not in text
    assert "and 3 more" in text and '"note": "all"' in text


def test_another_folder_shows_its_files(tmp_path):
    assert "(empty)" in shown(tmp_path)
    write_text(tmp_path / "one.txt", "12345")
    (tmp_path / "two").mkdir()
    text = shown(tmp_path)
    assert "one.txt" in text and " 5 " in text and "two/" in text
    write_manifest(tmp_path, rows=3)
    text = shown(tmp_path)
    assert "sha256" in text and '"rows": 3' in text
