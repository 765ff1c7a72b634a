"""Objects of a store: found, brought and resumed from a real S3 server on the loopback."""

import hashlib
import importlib
import sys

import pytest

from llm.corpus.sources import remote
from llm.corpus.sources.remote import Store, names_many
from llm.errors import ConfigError, InputError, ServiceError

OBJECTS = {
    "corpus/a.txt": b"one " * 1000,
    "corpus/sub/b.jsonl": b'{"text": "two"}\n',
    "corpus/.hidden": b"no",
    "corpus/empty/": b"",
    "corpus-other/c.txt": b"other",
}


@pytest.fixture(scope="module")
def address():
    server = pytest.importorskip("moto.server")
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(address, monkeypatch):
    """A client for a bucket with objects, and the environment that leads there."""
    boto3 = pytest.importorskip("boto3")
    monkeypatch.setenv("AWS_ENDPOINT_URL", address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket="books")
    for key, content in OBJECTS.items():
        client.put_object(Bucket="books", Key=key, Body=content)
    return client


@pytest.fixture
def store(tmp_path):
    return Store(partial=tmp_path / "partial", retries=0, timeout_seconds=60, backoff_seconds=0.0)


@pytest.mark.parametrize(
    ("url", "many"),
    [
        ("s3://b/a.txt", False),
        ("s3://b/a/b", False),
        ("s3://b", True),
        ("s3://b/", True),
        ("gs://b/a/", True),
        ("gs://b/a*.txt", True),
        ("s3://b/a?.txt", True),
        ("s3://b/[ab].txt", True),
    ],
)
def test_which_addresses_mean_many(url, many):
    assert names_many(url) is many


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("s3://books/corpus/a.txt", ["a.txt"]),
        ("s3://books/corpus/", ["a.txt", "sub/b.jsonl"]),
        ("s3://books", ["corpus-other/c.txt", "corpus/a.txt", "corpus/sub/b.jsonl"]),
        ("s3://books/corpus/*.txt", ["a.txt"]),
        ("s3://books/corp*/*.txt", ["corpus-other/c.txt", "corpus/a.txt"]),
        ("s3://books/corpus/**/*.jsonl", ["sub/b.jsonl"]),
    ],
)
def test_objects_are_found_by_key_prefix_and_pattern(bucket, store, url, names):
    found = store.find(url)
    assert [item.name for item in found] == names
    for item in found:
        key = item.url.removeprefix("s3://books/")
        assert item.size == len(OBJECTS[key])
        assert store.fetch(item).read_bytes() == OBJECTS[key]
    store.clear()
    assert list(store.partial.iterdir()) == []


def test_a_checksum_is_compared(bucket, store):
    (item,) = store.find("s3://books/corpus/a.txt")
    right = hashlib.sha256(OBJECTS["corpus/a.txt"]).hexdigest()
    assert store.fetch(item, right).is_file()
    with pytest.raises(InputError, match="0" * 64):
        store.fetch(item, "0" * 64)
    assert list(store.partial.iterdir()) == []


def test_a_broken_transfer_goes_on_where_it_broke_off(bucket, store, monkeypatch):
    monkeypatch.setattr(remote, "_BLOCK_BYTES", 1000)
    (item,) = store.find("s3://books/corpus/a.txt")
    system = store._system("s3")
    opened: list = []
    real = system.open

    def breaking(*args, **options):
        stream = real(*args, **options)
        read, opened_first = stream.read, not opened
        opened.append(stream)

        def breaks(size):
            if opened_first and stream.tell() >= 2000:
                raise OSError("broken pipe")
            return read(size)

        stream.read = breaks
        return stream

    monkeypatch.setattr(system, "open", breaking)
    with pytest.raises(ServiceError, match="broken pipe"):
        store.fetch(item)
    (part,) = store.partial.iterdir()
    assert part.stat().st_size == 2000
    started: list = []
    real_seek = type(opened[0]).seek

    def seek(self, place, *rest):
        started.append(place)
        return real_seek(self, place, *rest)

    monkeypatch.setattr(type(opened[0]), "seek", seek)
    assert store.fetch(item).read_bytes() == OBJECTS["corpus/a.txt"]
    assert started[0] == 2000
    assert store.fetch(item).is_file()  # what is whole is not brought again
    assert len(opened) == 2


def test_an_object_that_changes_meanwhile(bucket, store):
    (item,) = store.find("s3://books/corpus/a.txt")
    bucket.put_object(Bucket="books", Key="corpus/a.txt", Body=b"new " * 1000)
    with pytest.raises(InputError, match="changed while"):
        store.fetch(item)
    assert list(store.partial.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    ["s3://books/none.txt", "s3://books/none/", "s3://books/none*.txt", "s3://nowhere/a.txt"],
)
def test_what_is_missing_is_named(bucket, store, url):
    with pytest.raises(InputError, match="missing or empty") as caught:
        store.find(url)
    assert caught.value.details["where"] == url


def test_no_credentials(bucket, store, monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="does not let us in") as caught:
        store.find("s3://books/corpus/a.txt")
    assert "AWS_ACCESS_KEY_ID" in str(caught.value.details["remedy"])


def test_a_server_that_is_not_there(bucket, store, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(ServiceError, match="does not answer"):
        store.find("s3://books/corpus/a.txt")


@pytest.mark.parametrize(("scheme", "package"), [("s3", "s3fs"), ("gs", "gcsfs")])
def test_a_missing_package_has_its_remedy(store, monkeypatch, scheme, package):
    monkeypatch.setitem(sys.modules, package, None)
    registry = importlib.import_module("fsspec.registry")
    monkeypatch.delitem(registry._registry, scheme, raising=False)
    with pytest.raises(ConfigError, match=package) as caught:
        store.find(f"{scheme}://bucket/a.txt")
    assert "LLM_EXTRAS=cloud" in str(caught.value.details["remedy"])
