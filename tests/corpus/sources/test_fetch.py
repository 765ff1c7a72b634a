"""Downloads against a real server on the loopback that misbehaves as servers do."""

import hashlib
import re
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from llm.corpus.sources.fetch import Fetcher
from llm.errors import ConfigError, InputError, ServiceError

BODY = bytes(range(256)) * 2048  # 512 KiB
SHA256 = hashlib.sha256(BODY).hexdigest()
WRONG = b"something else"


class Handler(BaseHTTPRequestHandler):
    """The first part of the path says how to misbehave; `requests` remembers what was asked."""

    protocol_version = "HTTP/1.1"
    requests: dict[str, list[dict[str, str]]]

    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        # As the fixture has set it.
        seen = self.server.requests[self.path]  # type: ignore[attr-defined]
        seen.append(dict(self.headers))
        kind = self.path.split("/")[1]
        first = len(seen) == 1
        if kind == "missing":
            self.answer(404, b"")
        elif kind == "busy" and first:
            self.answer(503, b"", {"Retry-After": "0"})
        elif kind == "down":
            self.answer(500, b"")
        elif kind == "wrong":
            self.answer(200, WRONG)
        elif kind == "moved":
            self.answer(302, b"", {"Location": "/fine/file.bin"})
        elif kind in ("drops", "norange", "changed") and first:
            self.answer(200, BODY, {"ETag": '"one"'}, stop_after=200_000)
        elif kind == "changed":  # another file now: If-Range must bring it whole
            self.answer(200, BODY, {"ETag": '"two"'})
        elif kind == "stale" and first:
            self.answer(200, WRONG * 50_000, stop_after=200_000)  # no ETag to tell
        else:
            self.ranged(allowed=kind != "norange")

    def ranged(self, *, allowed: bool) -> None:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not (match and allowed):
            self.answer(200, BODY, {"ETag": '"one"'})
            return
        start = int(match[1])
        if start >= len(BODY):
            self.answer(416, b"")
            return
        where = f"bytes {start}-{len(BODY) - 1}/{len(BODY)}"
        self.answer(206, BODY[start:], {"Content-Range": where, "ETag": '"one"'})

    def answer(self, status, body, headers=None, stop_after=None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:stop_after])
        if stop_after is not None:
            self.wfile.flush()
            self.close_connection = True


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        # What a handler finds on its server; the library's type knows nothing of it.
        http.requests = defaultdict(list)  # type: ignore[attr-defined]
        http.base = f"http://127.0.0.1:{http.server_address[1]}"  # type: ignore[attr-defined]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield http
        http.shutdown()
        thread.join()


@pytest.fixture
def fetcher(tmp_path, monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return Fetcher(
        partial=tmp_path / "partial", retries=3, timeout_seconds=5, backoff_seconds=0.001
    )


@pytest.mark.parametrize(
    ("kind", "requests"),
    [("fine", 1), ("moved", 1), ("busy", 2), ("drops", 2), ("norange", 2), ("changed", 2),
     ("stale", 3)],
)  # fmt: skip
def test_the_right_bytes_arrive_whatever_the_server_does(server, fetcher, kind, requests):
    path = fetcher.fetch(f"{server.base}/{kind}/file.bin", SHA256)
    assert path.read_bytes() == BODY
    assert len(server.requests[f"/{kind}/file.bin"]) == requests


def test_a_broken_transfer_goes_on_where_it_stopped(server, fetcher):
    fetcher.fetch(f"{server.base}/drops/file.bin", SHA256)
    _, second = server.requests["/drops/file.bin"]
    assert 0 < int(second["Range"].removeprefix("bytes=").removesuffix("-")) < len(BODY)
    assert second["If-Range"] == '"one"'


def test_a_killed_process_resumes_in_the_next_one(server, fetcher, tmp_path):
    hasty = Fetcher(partial=tmp_path / "partial", retries=0, timeout_seconds=5)
    with pytest.raises(ServiceError, match="goes on from there"):
        hasty.fetch(f"{server.base}/drops/file.bin", SHA256)
    assert 0 < (tmp_path / "partial" / SHA256).stat().st_size < len(BODY)
    assert fetcher.fetch(f"{server.base}/drops/file.bin", SHA256).read_bytes() == BODY
    assert "Range" in server.requests["/drops/file.bin"][1]


def test_a_whole_file_is_not_fetched_again(server, fetcher):
    for _ in range(2):
        fetcher.fetch(f"{server.base}/fine/file.bin", SHA256)
    assert len(server.requests["/fine/file.bin"]) == 1
    fetcher.clear()
    assert not fetcher.partial.exists()


def test_a_missing_file_is_asked_for_once(server, fetcher):
    with pytest.raises(ServiceError, match="404") as caught:
        fetcher.fetch(f"{server.base}/missing/file.bin", SHA256)
    assert caught.value.exit_code == 4
    assert len(server.requests["/missing/file.bin"]) == 1


def test_a_dead_server_is_asked_as_often_as_set(server, fetcher):
    with pytest.raises(ServiceError, match="LLM_MIRROR"):
        fetcher.fetch(f"{server.base}/down/file.bin", SHA256)
    assert len(server.requests["/down/file.bin"]) == 4


def test_no_server_at_all(fetcher, server):
    server.server_close()
    port = server.server_address[1]
    with pytest.raises(ServiceError):
        fetcher.fetch(f"http://127.0.0.1:{port}/fine/file.bin", SHA256)


def test_wrong_bytes_name_both_hashes_and_leave_nothing(server, fetcher):
    with pytest.raises(InputError) as caught:
        fetcher.fetch(f"{server.base}/wrong/file.bin", SHA256)
    assert SHA256 in str(caught.value)
    assert hashlib.sha256(WRONG).hexdigest() in str(caught.value)
    assert caught.value.exit_code == 3
    assert not any(fetcher.partial.iterdir())
    assert len(server.requests["/wrong/file.bin"]) == 1


def mirror_folder(root: Path, content: bytes) -> Path:
    file = root / "example.invalid" / "a" / "file.bin"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return file


def test_a_mirror_folder_comes_first_and_is_not_touched(tmp_path, fetcher):
    file = mirror_folder(tmp_path / "mirror", BODY)
    fetcher.mirror = str(tmp_path / "mirror")
    assert fetcher.fetch("https://example.invalid/a/file.bin", SHA256) == file
    fetcher.clear()
    assert file.read_bytes() == BODY


def test_a_mirror_address_comes_first(server, fetcher):
    fetcher.mirror = f"{server.base}/mirror/"
    path = fetcher.fetch("https://example.invalid/fine/file.bin", SHA256)
    assert path.read_bytes() == BODY
    assert "/mirror/example.invalid/fine/file.bin" in server.requests


@pytest.mark.parametrize("kind", ["missing", "wrong", "down"])
def test_a_bad_mirror_is_passed_over(server, fetcher, kind):
    fetcher.mirror = f"{server.base}/{kind}"
    assert fetcher.fetch(f"{server.base}/fine/file.bin", SHA256).read_bytes() == BODY
    assert f"/{kind}/127.0.0.1/fine/file.bin" in server.requests


def test_a_mirror_folder_with_other_bytes_is_passed_over(tmp_path, server, fetcher):
    file = tmp_path / "mirror" / "127.0.0.1" / "fine" / "file.bin"
    file.parent.mkdir(parents=True)
    file.write_bytes(WRONG)
    fetcher.mirror = str(tmp_path / "mirror")
    assert fetcher.fetch(f"{server.base}/fine/file.bin", SHA256).read_bytes() == BODY
    assert file.read_bytes() == WRONG


def test_a_mirror_that_is_no_folder_is_a_wrong_setting(fetcher, tmp_path):
    fetcher.mirror = str(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="LLM_MIRROR"):
        fetcher.fetch("https://example.invalid/a/file.bin", SHA256)
