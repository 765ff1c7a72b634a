"""The cache of work: found again whole, never torn, never of other settings, code or packages."""

import pickle

import pyarrow as pa
import pytest

from llm import work_cache
from llm.code import Code
from llm.work_cache import Entry, WorkCache, key_of, open_cache

ENTRY = Entry(
    tables={
        "kept": pa.table({"id": ["a", "b"], "text": ["ä\u2028", ""]}),
        "rejects": pa.schema([("reason", pa.string())]).empty_table(),
    },
    facts={"repairs": {"mojibake": 2}, "characters_in": 7},
)
KEY = key_of("unit", content=b"text")


@pytest.fixture
def cache(tmp_path):
    return open_cache(tmp_path / "cache", {"limit": 1}, code="llm/corpus/units.py")


def test_an_entry_comes_back_as_it_was(cache):
    assert cache.get(KEY) is None
    cache.put(KEY, ENTRY)
    found = pickle.loads(pickle.dumps(cache)).get(KEY)  # as another process asks
    assert found.facts == ENTRY.facts
    assert list(found.tables) == ["kept", "rejects"]
    assert all(found.tables[name].equals(table) for name, table in ENTRY.tables.items())


def test_a_torn_or_altered_entry_is_told_removed_and_made_anew(cache, capsys):
    cache.put(KEY, ENTRY)
    (path,) = cache.folder.glob("*/*")
    whole = path.read_bytes()
    for damaged in (b"", whole[:64], whole[:-1], whole[:-9] + b"X" + whole[-8:], whole + b"\0"):
        path.write_bytes(damaged)
        assert cache.get(KEY) is None
        assert "damaged" in capsys.readouterr().out
        assert not path.exists()
    cache.put(KEY, ENTRY)
    assert path.read_bytes() == whole


def test_what_fails_to_be_written_leaves_nothing(cache):
    with pytest.raises(ValueError, match="JSON"):
        cache.put(KEY, Entry({}, {"score": float("nan")}))
    assert not [path for path in cache.folder.rglob("*") if path.is_file()]


def test_pruning_keeps_what_was_used_and_nothing_of_other_settings(cache, tmp_path):
    other = open_cache(tmp_path / "cache", {"limit": 2}, code="llm/corpus/units.py")
    other.put(KEY, ENTRY)
    unused = key_of("another")
    cache.put(KEY, ENTRY)
    cache.put(unused, ENTRY)
    (cache.folder / KEY[:2] / f".{KEY}.0.partial").write_bytes(b"of a killed run")
    (tmp_path / "cache" / "a person's own folder").mkdir()
    cache.prune([KEY])
    assert cache.get(KEY) is not None
    assert cache.get(unused) is None
    assert [path.name for path in cache.folder.rglob("*") if path.is_file()] == [f"{KEY}.entry"]
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == sorted(
        [cache.folder.name, "a person's own folder"]
    )


def test_without_a_folder_nothing_is_remembered(tmp_path):
    nothing = open_cache(None, {}, code="llm/corpus/units.py")
    nothing.put(KEY, ENTRY)
    nothing.prune([])
    assert nothing == WorkCache(None)
    assert nothing.get(KEY) is None


def test_the_folder_is_named_by_settings_code_and_versions(tmp_path, monkeypatch):
    def name(settings):
        folder = open_cache(tmp_path, settings, code="llm/corpus/units.py").folder
        assert folder is not None
        return folder.name

    first = name({"limit": 1})
    assert name({"limit": 1}) == first
    names = {first, name({"limit": 2})}
    with monkeypatch.context() as patch:
        patch.setattr(work_cache, "version", lambda package: "0.0.1")
        names.add(name({"limit": 1}))
    fewer = Code(files=["llm/files.py"], packages=[])
    with monkeypatch.context() as patch:
        patch.setattr(work_cache, "imported_code", lambda entry, root: fewer)
        names.add(name({"limit": 1}))
    assert len(names) == 4


def test_keys_differ_by_facts_and_content():
    assert key_of("a", content=b"b") == key_of("a", content=b"b")
    keys = {key_of(), key_of("a"), key_of("a", content=b"b"), key_of(content=b"b"), key_of("ab")}
    assert len(keys) == 5
