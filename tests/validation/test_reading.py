"""Reading for a contract: files and columns checked, every row seen once and found again."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from llm.errors import InputError
from llm.files import write_manifest
from llm.validation.reading import columns, files_of, parts_of, place_of, survey_files
from llm.validation.survey import Check

SCHEMA = pa.schema([("n", pa.int64())])
NEGATIVE = Check(
    fact="negative",
    column="n",
    mask=lambda row: pc.less(row.column("n"), 0),
    meaning="no n is negative",
)


def survey(splits, schema=SCHEMA, keep=None):
    return survey_files(
        [NEGATIVE],
        splits,
        schema,
        made_by="split",
        row=lambda _split, batch: batch,
        keep=keep or columns("n"),
    )


def write(path, *values):
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({"n": values}, schema=SCHEMA), path)
    return path


def test_a_file_that_cannot_keep_the_contract_is_refused(tmp_path):
    path = tmp_path / "part-00000.parquet"
    with pytest.raises(InputError, match="missing"):
        survey({"train": [path]})
    pq.write_table(pa.table({"n": ["1"], "m": [1]}), path)
    with pytest.raises(InputError, match=r"n: string\n\s*expected: n: int64"):
        survey({"train": [path]})
    with pytest.raises(InputError, match=r"lacks columns[\s\S]*k: missing"):
        survey({"train": [path]}, pa.schema([("m", pa.int64()), ("k", pa.int64())]))
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match="truncated"):
        survey({"train": [path]})


def test_every_row_of_every_split_is_surveyed_and_kept_with_its_place(tmp_path):
    parts = [write(tmp_path / f"{n}.parquet", *range(700)) for n in range(2)]
    bad = write(tmp_path / "bad.parquet", *[5] * 600, -2)
    found, kept = survey(
        {"train": parts, "test": [bad], "none": []},
        keep={**columns("n"), "twice": lambda batch: pc.multiply(batch["n"], 2)},
    )
    assert (found.seen, found.counts) == (2001, {"negative": 1})
    (case,) = found.faults()[0].cases
    assert (case.where, case.found) == (f"{bad}, row 601", "n -2")
    assert kept["twice"]["test"].values.to_pylist() == [10] * 600 + [-4]
    assert len(kept["n"]["none"].values) == 0
    column = kept["n"]["train"]
    assert len(column.values) == 1400
    assert column.where(699) == f"{parts[0]}, row 700"
    assert column.where(700) == f"{parts[1]}, row 1"


def test_a_place_skips_files_without_rows():
    where = place_of([Path(name) for name in "abcd"], [0, 2, 0, 1])
    assert [where(number) for number in range(3)] == ["b, row 1", "b, row 2", "d, row 1"]


def test_the_parts_are_those_of_the_manifest_and_every_byte_is_checked(tmp_path):
    folder = tmp_path / "train"
    with pytest.raises(InputError, match="missing"):
        parts_of(folder, made_by="split")
    parts = [write(folder / f"part-{n}.parquet", n) for n in range(2)]
    write_manifest(folder, rows=2)
    assert parts_of(folder, made_by="split") == parts
    named = files_of(folder, ["part-0", "part-1"], made_by="split")
    assert named == {"part-0": parts[:1], "part-1": parts[1:]}

    content = parts[1].read_bytes()
    parts[1].write_bytes(content[:40] + bytes([content[40] ^ 1]) + content[41:])
    for look in (parts_of, lambda folder, made_by: files_of(folder, [], made_by=made_by)):
        with pytest.raises(InputError, match=r"not what its manifest says[\s\S]*part-1\.parquet"):
            look(folder, made_by="split")
    parts[1].write_bytes(content)
    stray = write(folder / "part-2.parquet", 2)
    with pytest.raises(InputError, match="does not name") as caught:
        parts_of(folder, made_by="split")
    assert str(stray) in str(caught.value)
