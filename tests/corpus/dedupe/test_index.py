"""The numbers of documents: in the order of ids, equal texts once, over the borders of batches."""

import numpy as np
import pyarrow as pa
import pytest

from llm.corpus.dedupe.index import Scratch, numbered, pack_ids, read_index, unpack_ids
from llm.corpus.documents import document_id


def batches(ids: list[str], rows: int):
    table = pa.table(
        {
            "id": ids,
            "quality": pa.array([n / 100 for n in range(len(ids))], pa.float32()),
            "text": ["é" * (n % 5) for n in range(len(ids))],
        }
    )
    return table.to_batches(max_chunksize=rows)


IDS = sorted([document_id(str(n)) for n in range(20)] + [document_id(str(n)) for n in range(9)])


def test_ids_there_and_back():
    awkward = ["00" * 16, "00" * 15 + "01", "01" + "00" * 15, "ff" * 16]
    packed = pack_ids(awkward)
    assert packed.shape == (4,)
    assert unpack_ids(packed) == awkward == sorted(unpack_ids(packed))
    assert np.searchsorted(packed, packed).tolist() == [0, 1, 2, 3]
    assert unpack_ids(packed[:0]) == []


@pytest.mark.parametrize("rows", [1, 2, 7, 100])
def test_equal_texts_have_one_number(tmp_path, rows):
    numbers, first = [], []
    for _, some, new in numbered([*batches(IDS, rows), *batches([], rows)]):
        numbers += some.tolist()
        first += new.tolist()
    expected = sorted(set(IDS))
    assert [expected[n] for n in numbers] == IDS
    assert [name for name, new in zip(IDS, first, strict=True) if new] == expected


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_what_is_known_of_each(tmp_path, rows):
    index = read_index(batches(IDS, rows), Scratch(tmp_path), rows=len(IDS))
    assert unpack_ids(index.ids) == sorted(set(IDS))
    assert index.copies.tolist() == [IDS.count(name) for name in sorted(set(IDS))]
    firsts = [IDS.index(name) for name in sorted(set(IDS))]
    assert index.quality.tolist() == pytest.approx([n / 100 for n in firsts])
    assert index.text_bytes.tolist() == [2 * (n % 5) for n in firsts]


def test_nothing(tmp_path):
    assert len(read_index([], Scratch(tmp_path), rows=0).ids) == 0
    assert Scratch(tmp_path).numbers("n", 0).tolist() == []


def test_arrays_have_their_room_on_the_disk_before_they_are_written(tmp_path):
    array = Scratch(tmp_path).array("numbers", (1000, 100), np.uint32)
    assert not array.any()
    assert (tmp_path / "numbers").stat().st_blocks * 512 >= array.nbytes  # stat(2): of 512 bytes
    array[:] = 1
    assert not Scratch(tmp_path).array("numbers", (1000, 100), np.uint32).any()
