"""Web archives (WARC, ISO 28500, and Common Crawl's WET): every page that a crawler kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from llm.corpus.reading.formats import RECORD_BYTES, Compression, Item, broken_file, open_stream
from llm.errors import InputError

if TYPE_CHECKING:
    from fastwarc.warc import WarcRecord, WarcRecordPayloadReader

_HTML_TYPES = ("text/html", "application/xhtml+xml")
_PAGES = ("response", "resource", "conversion")
_DIGESTS = ("md5:", "sha1:", "sha256:", "sha512:")  # those that fastwarc computes
_BLOCK_BYTES = 1 << 20


def read_warc(path: Path, compression: Compression = "") -> Iterator[Item]:
    """Pages of a WARC or WET file, one at a time: responses, resources and conversions.

    Place: ":NUMBER" of the record in the file; fields: its `url`. Other records (requests,
    metadata, revisits, answers of name servers) hold no page. Faults: "broken_record" where
    digest, HTTP message or its compression is wrong, "http_status" for anything but 200,
    "unknown_format" for a page that is neither HTML nor plain text, "too_large". Raises InputError
    where the file is cut off, its compression is damaged, or it holds no record.
    """
    from fastwarc.warc import ArchiveIterator

    number = 0
    with open_stream(path, compression) as stream:
        # Its own reader of gzip takes a file that is cut off for a whole one; ours does not.
        records = ArchiveIterator(stream, parse_http=False, stream_detect=False, fsspec_args=False)
        while True:
            try:
                record = next(records, None)
            except OSError as error:  # of fastwarc; a broken stream raises InputError
                raise _broken(path, number, str(error)) from error
            if record is None:
                break
            number += 1
            item = _read_record(record, f":{number}", path, number)
            if item is not None:
                yield item
    if not number:
        raise _broken(path, 0, "no record")


def _read_record(record: WarcRecord, place: str, path: Path, number: int) -> Item | None:
    """The page of a record, or None where it holds none; read to its end in either case."""
    kind = str(record.record_type)
    length = record.headers.get("Content-Length") or ""
    if not length.isdecimal():
        raise _broken(path, number, "a record without its length")
    block = record.reader.read() if int(length) <= RECORD_BYTES else None
    found = len(block) if block is not None else _skip(record.reader)
    if found != int(length):
        raise _broken(path, number, f"a record of {found} bytes, where it promises {length}")
    content_type = record.headers.get("Content-Type")
    if kind not in _PAGES or (kind == "response" and not _is_http(content_type)):
        return None
    if block is None:
        return Item(place, None, fault="too_large")
    fields = {"url": record.headers.get("WARC-Target-URI")}
    message = _message(block, record.headers.get("WARC-Block-Digest"))
    if message is None:
        return Item(place, None, fields, fault="broken_record")
    if kind == "response":
        return _http_item(message, place, fields)
    return _typed_item(block, content_type, None, place, fields)


def _is_http(content_type: str | None) -> bool:
    """Whether a response is one of HTTP: crawlers keep those of name servers beside them."""
    return content_type is None or content_type.strip().lower().startswith("application/http")


def _skip(reader: WarcRecordPayloadReader) -> int:
    skipped = 0
    while block := reader.read(_BLOCK_BYTES):
        skipped += len(block)
    return skipped


def _message(block: bytes, digest: str | None) -> WarcRecord | None:
    """A record of its own with this block, so that a bad one leaves the file's reader alone."""
    from fastwarc.warc import WarcRecord

    checked = digest is not None and digest.lower().startswith(_DIGESTS)
    head = [
        "WARC/1.0",
        "WARC-Type: response",
        "Content-Type: application/http; msgtype=response",
        *([f"WARC-Block-Digest: {digest}"] if checked else []),
        f"Content-Length: {len(block)}",
    ]
    data = "\r\n".join(head).encode("utf-8") + b"\r\n\r\n" + block + b"\r\n\r\n"
    message = WarcRecord.from_bytes(data)
    return None if checked and not message.verify_block_digest(consume=False) else message


def _http_item(message: WarcRecord, place: str, fields: dict[str, str | None]) -> Item:
    try:
        message.parse_http(auto_decode="all")
        body = message.reader.read(RECORD_BYTES + 1)
    except OSError:  # no HTTP message, or its compression or chunks are wrong
        return Item(place, None, fields, fault="broken_record")
    status = message.http_headers.status_code if message.http_headers else None
    if status is None:
        return Item(place, None, fields, fault="broken_record")
    if status != 200:
        return Item(place, None, fields, fault="http_status")
    if len(body) > RECORD_BYTES:
        return Item(place, None, fields, fault="too_large")
    return _typed_item(body, message.http_content_type, message.http_charset, place, fields)


def _typed_item(
    body: bytes, kind: str | None, charset: str | None, place: str, fields: dict[str, str | None]
) -> Item:
    kind = (kind or "").split(";")[0].strip(' "').lower()
    if kind not in (*_HTML_TYPES, "text/plain"):
        return Item(place, None, fields, fault="unknown_format")
    return Item(place, body, fields, html=kind in _HTML_TYPES, charset=charset or "")


def _broken(path: Path, number: int, found: str) -> InputError:
    return broken_file(path, f"{found}, at record {number}", expected="whole WARC records")
