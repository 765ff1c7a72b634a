"""Web archives: pages found, other records left out, damage told from a cut."""

import base64
import gzip
import hashlib

import pyarrow as pa
import pytest

from llm.corpus.reading import warc
from llm.corpus.reading.warc import read_warc
from llm.errors import InputError

HTTP = "application/http; msgtype=response"


def record(kind, block, content_type=HTTP, url="https://a.org/", digest=None) -> bytes:
    head = [
        "WARC/1.0",
        f"WARC-Type: {kind}",
        "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000001>",
        "WARC-Date: 2020-01-01T00:00:00Z",
        f"WARC-Target-URI: {url}",
        *([f"WARC-Block-Digest: {digest}"] if digest else []),
        f"Content-Type: {content_type}",
        f"Content-Length: {len(block)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + block + b"\r\n\r\n"


def page(body, content_type="text/html", status="200 OK", **headers) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {content_type}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def read(tmp_path, *records, name="a.warc", compression=""):
    (tmp_path / name).write_bytes(b"".join(records))
    return list(read_warc(tmp_path / name, compression))


def sha1(block: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(block).digest()).decode()


def test_pages_are_found_and_other_records_left_out(tmp_path):
    items = read(
        tmp_path,
        record("warcinfo", b"software: x\r\n", "application/warc-fields"),
        record("request", b"GET / HTTP/1.1\r\n\r\n", "application/http; msgtype=request"),
        record("response", page(b"<p>one")),
        record("response", page(b"two", "text/plain; charset=utf-8"), url="https://a.org/2"),
        record("metadata", b"x: y", "application/warc-fields"),
        record("response", b"a.org. 60 IN A 192.0.2.1", "text/dns", url="dns:a.org"),
        record("resource", b"<p>three", "text/html"),
        record("conversion", "vier \u00fc".encode(), "text/plain"),
    )
    assert [(i.place, i.data, i.html) for i in items] == [
        (":3", b"<p>one", True),
        (":4", b"two", False),
        (":7", b"<p>three", True),
        (":8", "vier \u00fc".encode(), False),
    ]
    assert items[1].fields == {"url": "https://a.org/2"}


@pytest.mark.parametrize("compression", [".gz", ".zst"])
def test_compressed_record_by_record(tmp_path, compression):
    def pack(data: bytes) -> bytes:
        return gzip.compress(data) if compression == ".gz" else pa.compress(data, "zstd", True)

    parts = [pack(record("conversion", f"page {n}".encode(), "text/plain")) for n in range(3)]
    items = read(tmp_path, *parts, name=f"a.wet{compression}", compression=compression)
    assert [item.data for item in items] == [b"page 0", b"page 1", b"page 2"]


def test_what_servers_do_to_a_page(tmp_path):
    items = read(
        tmp_path,
        record("response", page(gzip.compress(b"<p>packed"), Content_Encoding="gzip")),
        record(
            "response",
            page(b"5\r\n<p>in\r\n6\r\n parts\r\n0\r\n\r\n", Transfer_Encoding="chunked"),
        ),
        record("response", page("日本".encode("shift_jis"), "TEXT/HTML; charset=Shift_JIS")),
        record("response", page(b"caf\xe9", "text/html; charset=utf-8")),  # not what it says
        record("response", page(b"caf\xe9", "text/html; charset=nonsense")),
    )
    expected = [b"<p>packed", b"<p>in parts", "日本".encode("shift_jis"), b"caf\xe9", b"caf\xe9"]
    assert [item.data for item in items] == expected
    assert [item.charset for item in items] == ["", "", "shift_jis", "utf-8", "nonsense"]


def test_every_fault_has_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr(warc, "RECORD_BYTES", 1000)
    bomb = page(gzip.compress(b"0" * 100_000), Content_Encoding="gzip")
    items = read(
        tmp_path,
        record("response", page(b"gone", status="404 Not Found")),
        record("response", page(b"\x89PNG", "image/png")),
        record("response", page(b"no gzip", Content_Encoding="gzip")),
        record("response", b"no HTTP at all"),
        record("response", page(b"x" * 2000)),
        record("response", bomb),
        record("conversion", b"changed", "text/plain", digest=sha1(b"as it was")),
        record("conversion", b"right", "text/plain", digest=sha1(b"right")),
        record("conversion", b"other", "text/plain", digest="crc32:00"),
    )
    assert [item.fault for item in items] == [
        "http_status",
        "unknown_format",
        "broken_record",
        "broken_record",
        "too_large",
        "too_large",
        "broken_record",
        None,
        None,
    ]
    assert all((item.data is None) == (item.fault is not None) for item in items)


@pytest.mark.parametrize("cut", [3, 6, 40, 140])
@pytest.mark.parametrize("compression", ["", ".gz"])
def test_a_file_that_is_cut_off(tmp_path, cut, compression):
    parts = [record("conversion", b"page " * 20, "text/plain") for _ in range(2)]
    whole = b"".join(gzip.compress(part) if compression else part for part in parts)
    if not compression and cut < 5:
        cut = 5  # the empty lines at the very end say nothing
    with pytest.raises(InputError, match="truncated or damaged"):
        read(tmp_path, whole[:-cut], name=f"a.warc{compression}", compression=compression)


def test_what_is_no_web_archive(tmp_path):
    for content in (b"", b"no archive " * 50, b"\x00" * 1000):
        with pytest.raises(InputError, match=r"a\.warc"):
            read(tmp_path, content)
