"""Formats told by names, and streams whose damage is named."""

import bz2
import gzip
import lzma
from typing import Any

import pyarrow as pa
import pytest

from llm.corpus.reading.formats import format_of, open_stream
from llm.errors import InputError


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", ("text", "")),
        ("README", ("text", "")),
        ("README.gz", ("text", ".gz")),
        ("folder.v2/a.MD", ("text", "")),
        ("a.jsonl.zst", ("jsonl", ".zst")),
        ("a.TSV.GZ", ("tsv", ".gz")),
        ("a.txt.xz", ("text", ".xz")),
        ("a.jsonl.bz2", ("jsonl", ".bz2")),
        ("CC-MAIN-1.warc.wet.gz", ("warc", ".gz")),
        ("c4-train.00000-of-01024.json.gz", ("json", ".gz")),
        ("a.htm", ("html", "")),
        ("a.parquet", ("parquet", "")),
        ("a.parquet.gz", (None, "")),
        ("a.pdf", (None, "")),
        ("a.zip", (None, "")),
    ],
)
def test_names(name, expected):
    assert format_of(name) == expected


PACKERS: dict[Any, Any] = {
    ".bz2": bz2.compress,
    ".gz": gzip.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
}


@pytest.mark.parametrize("compression", PACKERS)
def test_streams_of_several_parts_and_their_end(tmp_path, compression):
    pack = PACKERS[compression]
    path = tmp_path / "a"
    path.write_bytes(pack(b"one\n" * 1000) + pack(b"two\n"))
    with open_stream(path, compression) as stream:
        assert stream.read() == b"one\n" * 1000 + b"two\n"
    whole = path.read_bytes()
    if compression in (".gz", ".xz"):  # which may be padded
        path.write_bytes(pack(b"one\n") + bytes(8) + pack(b"two\n") + bytes(4))
        with open_stream(path, compression) as stream:
            assert stream.read() == b"one\ntwo\n"
    for damaged in (whole[:-4], whole + b"garbage" * 10, b"", b"garbage" * 10):
        path.write_bytes(damaged)
        with (
            pytest.raises(InputError, match="the archive shown"),
            open_stream(path, compression, shown="the archive shown") as stream,
        ):
            stream.read()
