"""Gathering: folders that appear whole with their ledger, archives taken apart."""

import hashlib
import zipfile

import pytest

from llm.corpus.sources.fetch import Fetcher
from llm.corpus.sources.gathering import Gatherer, collect
from llm.corpus.sources.members import ArchiveLimits
from llm.corpus.sources.remote import Store
from llm.corpus.sources.settings import Source
from llm.errors import InputError
from llm.files import read_manifest

HASH = "0" * 64


def source(**changes) -> Source:
    values = {
        "name": "test",
        "holds": "corpus",
        "urls": ["https://example.org/a.txt"],
        "sha256": HASH,
        "licence": "CC0-1.0",
        "language": "en",
    }
    return Source(**{**values, **changes})


@pytest.fixture
def gather(tmp_path):
    def run(*sources, kinds=("corpus",), generators=None):
        directories = {kind: tmp_path / "raw" / kind for kind in kinds}
        patience = {"partial": tmp_path / "partial", "retries": 0, "timeout_seconds": 60}
        gatherer = Gatherer(Fetcher(**patience), Store(**patience), generators or {})
        return collect(sources, directories, gatherer=gatherer)

    return run


def test_a_folder_is_copied_with_its_folders_and_without_hidden_files(tmp_path, gather):
    own = tmp_path / "my texts"
    (own / "sub").mkdir(parents=True)
    (own / "a.txt").write_text("one")
    (own / "sub" / "b.txt").write_text("two")
    (own / ".DS_Store").write_text("junk")
    ledger = gather(source(urls=[f"file:{own}"], sha256=None))
    assert [row["file"] for row in ledger] == ["a.txt", "sub/b.txt"]
    manifest = read_manifest(tmp_path / "raw" / "corpus", made_by="download", verify=True)
    assert manifest["sources"] == ledger
    assert ledger[0]["licence"] == "CC0-1.0"
    assert ledger[0]["sha256"] == hashlib.sha256(b"one").hexdigest()


def test_a_relative_file_and_a_percent_sign(tmp_path, gather, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.txt").write_text("one")
    assert gather(source(urls=["file:a%20b.txt"], sha256=None))[0]["file"] == "a b.txt"


def test_a_file_with_another_hash_is_refused_before_anything_is_written(tmp_path, gather):
    (tmp_path / "a.txt").write_text("one")
    with pytest.raises(InputError, match=HASH):
        gather(source(urls=[f"file:{tmp_path / 'a.txt'}"]))
    assert not (tmp_path / "raw").exists()


def test_a_missing_file_and_an_empty_folder(tmp_path, gather):
    with pytest.raises(InputError, match="nothing"):
        gather(source(urls=[f"file:{tmp_path / 'none.txt'}"], sha256=None))
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="without files"):
        gather(source(urls=[f"file:{tmp_path / 'empty'}"], sha256=None))


def test_equal_names_get_their_source_before(tmp_path, gather):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.txt").write_text(folder)
    urls = [f"file:{tmp_path / folder / 'a.txt'}" for folder in ("one", "two")]
    assert [row["file"] for row in gather(source(urls=urls, sha256=None))] == [
        "a.txt",
        "test-1-a.txt",
    ]


def test_a_manifest_of_their_own_stands_beside_ours(tmp_path, gather):
    own = tmp_path / "own"
    (own / "sub").mkdir(parents=True)
    for path in (own / "manifest.json", own / "sub" / "manifest.json"):
        path.write_text('{"text": "mine"}')
    ledger = gather(source(urls=[f"file:{own}"], sha256=None))
    names = ["sub/manifest.json", "test-0-manifest.json"]
    assert [row["file"] for row in ledger] == names
    manifest = read_manifest(tmp_path / "raw" / "corpus", made_by="download", verify=True)
    assert sorted(manifest["files"]) == names


def test_a_synthetic_set_is_written_with_its_options(tmp_path, gather):
    asked: dict[str, float] = {}

    def write(directory, *, seed, scale):
        asked.update(seed=seed, scale=scale)
        (directory / "made.jsonl").write_text("{}\n")

    ledger = gather(
        source(urls=["synthetic://stories?seed=7&scale=3"], sha256=None),
        generators={"stories": write},
    )
    assert asked == {"seed": 7, "scale": 3}
    assert [row["file"] for row in ledger] == ["made.jsonl"]


def test_a_kind_without_a_source_gets_an_empty_manifest(tmp_path, gather):
    (tmp_path / "a.txt").write_text("one")
    gather(source(urls=[f"file:{tmp_path / 'a.txt'}"], sha256=None), kinds=("corpus", "weights"))
    manifest = read_manifest(tmp_path / "raw" / "weights", made_by="download")
    assert manifest == {"files": {}, "sources": []}


def packed(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_an_archive_gives_a_row_per_member(tmp_path, gather):
    path = packed(
        tmp_path / "books.zip", {"sub/a.txt": "one", "b.jsonl": "{}", ".x": "", "c.zip": ""}
    )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    ledger = gather(source(urls=[f"file:{path}"], sha256=sha256, text_field="body"))
    assert [row["file"] for row in ledger] == [
        "books.zip/b.jsonl",
        "books.zip/c.zip",
        "books.zip/sub/a.txt",
    ]
    assert ledger[2]["sha256"] == hashlib.sha256(b"one").hexdigest()
    assert {(row["url"], row["text_field"]) for row in ledger} == {(f"file:{path}", "body")}
    read_manifest(tmp_path / "raw" / "corpus", made_by="download", verify=True)
    assert not (tmp_path / "partial" / "unpacked").exists()
    assert path.is_file()


def test_archives_in_a_folder_and_equal_members_do_not_meet(tmp_path, gather):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        packed(tmp_path / folder / "books.zip", {"a.txt": folder, "b.txt": folder})
    (tmp_path / "one" / "plain.txt").write_text("x")
    urls = [f"file:{tmp_path / folder}" for folder in ("one", "two")]
    assert [row["file"] for row in gather(source(urls=urls, sha256=None))] == [
        "books.zip/a.txt",
        "books.zip/b.txt",
        "plain.txt",
        "test-1-books.zip/a.txt",
        "test-1-books.zip/b.txt",
    ]


def test_a_bad_archive_touches_no_folder_and_leaves_nothing(tmp_path, gather):
    (tmp_path / "good.txt").write_text("good")
    path = packed(tmp_path / "bad.zip", {"a.txt": "fine", "../evil.txt": "evil"})
    sources = [source(name=p.stem, urls=[f"file:{p}"], sha256=None) for p in
               (tmp_path / "good.txt", path)]  # fmt: skip
    with pytest.raises(InputError, match="leads out") as caught:
        gather(*sources)
    where = str(caught.value.details["where"])
    assert "source 'bad'" in where and str(path) in where and "'../evil.txt'" in where
    assert not (tmp_path / "raw").exists()
    assert not (tmp_path / "partial" / "unpacked").exists()
    assert not list(tmp_path.rglob("evil.txt"))


def test_limits_of_archives_are_the_stages(tmp_path):
    path = packed(tmp_path / "a.zip", {"a.txt": "one", "b.txt": "two"})
    patience = {"partial": tmp_path / "partial", "retries": 0, "timeout_seconds": 60}
    limits = ArchiveLimits(maximum_members=1)
    gatherer = Gatherer(Fetcher(**patience), Store(**patience), {}, limits)
    with pytest.raises(InputError, match="beyond the limit"):
        collect(
            [source(urls=[f"file:{path}"], sha256=None)],
            {"corpus": tmp_path / "raw"},
            gatherer=gatherer,
        )


def test_a_file_and_a_folder_of_one_name(tmp_path, gather):
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a").write_text("file")
    (tmp_path / "two" / "a").mkdir(parents=True)
    (tmp_path / "two" / "a" / "b.txt").write_text("in a folder")
    one, two = (f"file:{tmp_path / name}" for name in ("one", "two"))
    for urls, names in (
        ([one, two], ["a", "test-1-a/b.txt"]),
        ([two, one], ["a/b.txt", "test-1-a"]),
    ):
        assert [row["file"] for row in gather(source(urls=urls, sha256=None))] == names


def test_a_name_that_is_not_utf8_is_refused(tmp_path, gather):
    folder = tmp_path / "own"
    folder.mkdir()
    try:
        (folder / "caf\udce9.txt").write_text("x")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    with pytest.raises(InputError, match="not UTF-8"):
        gather(source(urls=[f"file:{folder}"], sha256=None))


def test_objects_of_a_store_are_placed_with_their_own_addresses(tmp_path, gather, monkeypatch):
    from moto.server import ThreadedMotoServer

    boto3 = pytest.importorskip("boto3")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        # One process has one memory of objects, whatever server asks: a bucket of its own.
        client.create_bucket(Bucket="shelf")
        archive = packed(tmp_path / "more.zip", {"b.txt": "two"}).read_bytes()
        for key, content in {"corpus/a.txt": b"one", "corpus/more.zip": archive}.items():
            client.put_object(Bucket="shelf", Key=key, Body=content)
        ledger = gather(source(urls=["s3://shelf/corpus/"], sha256=None))
        client.put_object(Bucket="shelf", Key="corpus/a\\b.txt", Body=b"evil")
        with pytest.raises(InputError, match="backslash"):
            gather(source(urls=["s3://shelf/corpus/"], sha256=None))
    finally:
        server.stop()
    assert [(row["file"], row["url"], row["bytes"]) for row in ledger] == [
        ("a.txt", "s3://shelf/corpus/a.txt", 3),
        ("more.zip/b.txt", "s3://shelf/corpus/more.zip", 3),
    ]
    assert (tmp_path / "raw" / "corpus" / "more.zip" / "b.txt").read_text() == "two"
