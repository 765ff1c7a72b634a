"""Files are whole or absent; manifests notice every change; equal content gives equal bytes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from llm import files
from llm.errors import InputError


def test_json_is_deterministic_and_round_trips(tmp_path: Path):
    files.write_json(tmp_path / "a.json", {"b": 1, "a": "é"})
    files.write_json(tmp_path / "b.json", {"a": "é", "b": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert files.read_json(tmp_path / "a.json", made_by="x") == {"a": "é", "b": 1}
    with pytest.raises(ValueError, match="JSON compliant"):
        files.write_json(tmp_path / "c.json", {"a": float("nan")})
    assert not (tmp_path / "c.json").exists()


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe"])
def test_broken_json_names_the_stage(tmp_path: Path, content: bytes):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match="dvc repro --force clean"):
        files.read_json(tmp_path / "a.json", made_by="clean")


def test_a_failed_folder_does_not_appear_and_spares_the_old_one(tmp_path: Path):
    place = tmp_path / "out"
    with files.new_directory(place) as new:
        (new / "a").write_text("1", encoding="utf-8")
    with pytest.raises(IsADirectoryError), files.new_directory(place) as new:
        new.write_text("2", encoding="utf-8")
    assert (place / "a").read_text(encoding="utf-8") == "1"
    assert [child.name for child in tmp_path.iterdir()] == ["out"]


def test_a_new_folder_takes_the_old_ones_place_whole(tmp_path: Path):
    place = tmp_path / "out"
    for name in ("old", "new"):
        with files.new_directory(place) as new:
            (new / name).mkdir()
            (new / name / "file").touch()
    assert [child.name for child in place.iterdir()] == ["new"]


def make_manifest(folder: Path) -> None:
    with files.new_directory(folder) as new:
        (new / "part").write_text("hello", encoding="utf-8")
        files.write_manifest(new, rows=1)


def test_manifest_notices_sizes_and_with_verify_every_byte(tmp_path: Path):
    folder = tmp_path / "out"
    make_manifest(folder)
    assert files.read_manifest(folder, made_by="x", verify=True)["rows"] == 1
    (folder / "part").write_text("jello", encoding="utf-8")
    files.read_manifest(folder, made_by="x")
    with pytest.raises(InputError, match="not what its manifest says"):
        files.read_manifest(folder, made_by="x", verify=True)
    (folder / "part").write_text("hell", encoding="utf-8")
    with pytest.raises(InputError, match="4 bytes"):
        files.read_manifest(folder, made_by="x")
    (folder / "part").unlink()
    with pytest.raises(InputError, match="missing"):
        files.read_manifest(folder, made_by="x")


def test_parquet_is_checked_when_opened(tmp_path: Path):
    path = tmp_path / "a.parquet"
    table = pa.table({"id": ["a", "b"]})
    files.write_parquet(table, path)
    first = path.read_bytes()
    files.write_parquet(table, path)
    assert path.read_bytes() == first
    assert files.open_parquet(path, schema=table.schema, made_by="x").read().equals(table)
    with pytest.raises(InputError, match="another schema"):
        files.open_parquet(path, schema=pa.schema([("id", pa.int64())]), made_by="x")
    path.write_bytes(first[:-10])
    with pytest.raises(InputError, match="truncated"):
        files.open_parquet(path, made_by="x")


def test_parquet_metadata_holds_no_machine(tmp_path: Path):
    files.write_parquet(pa.table({"id": [1]}), tmp_path / "a.parquet")
    metadata = pq.ParquetFile(tmp_path / "a.parquet").metadata
    assert set(metadata.metadata) <= {b"ARROW:schema"}


def test_fingerprint_follows_content_and_nothing_else(tmp_path: Path):
    make_manifest(tmp_path / "one")
    make_manifest(tmp_path / "two")
    assert files.fingerprint(tmp_path / "one") == files.fingerprint(tmp_path / "two")
    assert files.fingerprint({"a": 1, "b": 2}) == files.fingerprint({"b": 2, "a": 1})
    assert files.fingerprint({"a": 1}) != files.fingerprint({"a": 2})
    (tmp_path / "code.py").write_text("1", encoding="utf-8")
    before = files.fingerprint(tmp_path / "code.py")
    (tmp_path / "code.py").write_text("2", encoding="utf-8")
    assert files.fingerprint(tmp_path / "code.py") != before
