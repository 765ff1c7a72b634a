"""The stage decontaminate: reports every set, takes out what it should, repeats byte for byte."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from llm.corpus.documents import document_id, read_rows, sorted_documents
from llm.corpus.instructions import Instruction, instruction_table
from llm.corpus.messages import Message, message_table
from llm.errors import InputError
from llm.files import read_manifest, write_json, write_manifest, write_parquet, write_text
from llm.stages.decontaminate import Config, run
from llm.tracking import MemoryTracker

MESSAGE = "Win one of nine free holidays by the sea if you call this very number before noon today"
ANSWER = "The brown bear ate all of the honey that the small bees had made in May"
RIDDLE = "What has four legs in the morning and two at noon?"
FILLER = " ".join(f"word{number} goes on" for number in range(60))


def config(**changed) -> Config:
    values = {
        "ngram_words": 13,
        "minimum_words": 8,
        "maximum_documents": 10,
        "remove": "passages",
        "passage_characters": 50,
    }
    return Config.model_validate({**values, **changed})


@pytest.fixture
def go(tmp_path):
    def go(texts, settings, name="out", success=True):
        documents = tmp_path / f"{name}-unique"
        documents.mkdir()
        with sorted_documents(documents) as writer:
            for text in texts:
                row = dict.fromkeys(("source", "licence", "language", "raw_id"), "x")
                ids = {"id": document_id(text), "cluster": document_id(text)}
                writer.add({**row, **ids, "text": text, "language_score": 1.0, "quality": 1.0})
        write_manifest(documents, documents=len(texts))
        write_json(tmp_path / "gate.json", {"success": success})
        message = Message(id="m1", text=MESSAGE, label=1, cluster="m1")
        record = Instruction(id="i1", instruction="Tell of bears.", input="", output=ANSWER)
        trained = Instruction(
            id="i2", instruction="Answer.", input=f"Q: {RIDDLE.lower()}", output="A man."
        )
        for split in ("train", "validation", "test", "judge"):
            here = split == "test"
            table = message_table([message] if here else [])
            write_parquet(table, tmp_path / "messages" / f"{split}.parquet")
            table = instruction_table([record] if here else [trained] if split == "train" else [])
            write_parquet(table, tmp_path / "instructions" / f"{split}.parquet")
        write_text(tmp_path / "evaluations" / "riddles.txt", RIDDLE)
        row = {"name": "riddles", "file": "riddles.txt", "url": "file:r", "licence": "MIT"}
        write_manifest(tmp_path / "evaluations", sources=[row])
        tracker = MemoryTracker()
        metrics = run(
            settings,
            documents=documents,
            validated=tmp_path / "gate.json",
            messages=tmp_path / "messages",
            instructions=tmp_path / "instructions",
            evaluations=tmp_path / "evaluations",
            decontaminated=tmp_path / name,
            tracker=tracker,
        )
        assert tracker.timings["megabytes_per_second"] > 0
        rows = list(read_rows(tmp_path / name, made_by="decontaminate"))
        assert metrics["documents_kept"] == len(rows)
        assert read_manifest(tmp_path / name, made_by="")["documents"] == len(rows)
        assert [row["id"] for row in rows] == sorted(document_id(row["text"]) for row in rows)
        return metrics, rows

    return go


TEXTS = [
    "A clean story of a goat.",
    f"{FILLER} {MESSAGE} {FILLER}",
    f"Once {ANSWER.lower()}.",
]


def test_every_set_is_reported_and_none_removes_nothing(go, tmp_path):
    metrics, rows = go(TEXTS, config(remove="none"))
    sets = {row["name"]: row for row in metrics["sets"]}
    assert list(sets) == [
        "messages, validation",
        "messages, test",
        "instructions, validation",
        "instructions, test",
        "instructions, judge",
        "riddles",
    ]
    for name, row in sets.items():
        assert row["overlapping"] == row["documents"] == int(name.endswith("test"))
    assert sets["instructions, test"]["worst"][0]["document"] == document_id(TEXTS[2])
    assert metrics["documents_contaminated"] == 2
    assert metrics["documents_removed"] == metrics["documents_cut"] == 0
    assert metrics["character_fraction_removed"] == 0
    part = "part-00000.parquet"
    assert (tmp_path / "out" / part).read_bytes() == (tmp_path / "out-unique" / part).read_bytes()
    assert len(rows) == 3


def test_what_fine_tunes_is_searched_too(go):
    """A record that trains holds a question of an evaluation from elsewhere."""
    metrics, _ = go(TEXTS, config())
    assert metrics["fine_tuning"] == [
        {"name": "messages, train", "records": 0, "overlapping": 0, "sets": []},
        {
            "name": "instructions, train",
            "records": 1,
            "overlapping": 1,
            "sets": [{"name": "riddles", "searched": 1, "overlapping": 1}],
        },
    ]


def test_evaluations_from_elsewhere_are_sought_too(go):
    metrics, rows = go([*TEXTS, f"He asked: {RIDDLE}"], config())
    assert metrics["sets"][-1]["overlapping"] == 1
    assert not any(RIDDLE in row["text"] for row in rows)


def test_documents_go_whole(go):
    metrics, rows = go(TEXTS, config(remove="documents"))
    assert [row["text"] for row in rows] == TEXTS[:1]
    assert (metrics["documents_removed"], metrics["documents_cut"]) == (2, 0)
    assert 0.9 < metrics["character_fraction_removed"] < 1


def test_passages_leave_pieces_of_the_same_cluster(go, tmp_path):
    metrics, rows = go(TEXTS, config())
    assert (metrics["documents_removed"], metrics["documents_cut"]) == (1, 1)
    cut = [row for row in rows if row["cluster"] == document_id(TEXTS[1])]
    assert sorted(row["raw_id"] for row in cut) == ["x#0", "x#1"]
    assert all(row["text"] in FILLER for row in cut)
    assert len(rows) == 3
    again, same = go(TEXTS, config(), "again")
    assert (again, same) == (metrics, rows)
    assert read_manifest(tmp_path / "again", made_by="") == read_manifest(
        tmp_path / "out", made_by=""
    )


def test_a_piece_that_is_a_document_besides_is_not_written_twice(go):
    _, pieces = go(TEXTS, config())
    ours = [row["text"] for row in pieces if row["cluster"] == document_id(TEXTS[1])]
    other = f"{ours[0]} and here {FILLER[:40]} {MESSAGE}"
    metrics, rows = go([*TEXTS, ours[0], other], config(), "again")
    texts = [row["text"] for row in rows]
    assert len(set(texts)) == len(texts)
    assert ours[0] in texts
    assert metrics["documents_in"] == 5


def test_common_phrases_stay(go):
    texts = [f"{n}: {ANSWER}" for n in range(3)]
    metrics, rows = go(texts, config(maximum_documents=2, remove="documents"))
    assert len(rows) == 3
    assert metrics["ngrams_common"] == metrics["ngrams_found"] == 4
    assert metrics["sets"][3]["only_common"] == 1
    with pytest.raises(InputError, match="Every document"):
        go(texts, config(maximum_documents=None, remove="documents"), "again")


def test_an_unpassed_gate_stops_it(go, tmp_path):
    with pytest.raises(InputError, match="did not pass"):
        go(TEXTS, config(), success=False)
    assert not (tmp_path / "out").exists()


def test_settings_that_exclude_each_other():
    with pytest.raises(ValidationError, match="minimum_words is above ngram_words"):
        config(minimum_words=14)
