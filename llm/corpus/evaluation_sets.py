"""The texts that must not train: labelled messages, instructions, and sources of evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llm.corpus.contamination import EvaluationSet
from llm.corpus.extraction.encoding import UnreadableError, decode
from llm.corpus.instructions import read_records as read_instructions
from llm.corpus.messages import MESSAGE_SCHEMA
from llm.corpus.reading.records import Record, read_records
from llm.errors import InputError
from llm.files import open_parquet, read_manifest

# Splits that do not train the models they test; the judge's records train the judge alone.
MESSAGE_SPLITS = ("validation", "test")
INSTRUCTION_SPLITS = ("validation", "test", "judge")


def message_sets(folder: Path) -> Iterator[EvaluationSet]:
    """The held-out splits of the labelled messages."""
    for split in MESSAGE_SPLITS:
        texts = {name: [text] for name, text in _messages(folder, split)}
        yield EvaluationSet(f"messages, {split}", texts)


def training_records(
    messages: Path, instructions: Path
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """What fine-tuning trains on, under a name each: the id and the text of every record."""
    yield "messages, train", _messages(messages, "train")
    rows = read_instructions(instructions, "train")
    texts = ["\n".join([row["instruction"], row["input"], row["output"]]) for row in rows]
    yield "instructions, train", [(row["id"], text) for row, text in zip(rows, texts, strict=True)]


def _messages(folder: Path, split: str) -> list[tuple[str, str]]:
    path = folder / f"{split}.parquet"
    with open_parquet(path, schema=MESSAGE_SCHEMA, made_by="prepare_classification") as parquet:
        columns = parquet.read(columns=["id", "text"]).to_pydict()
    return list(zip(columns["id"], columns["text"], strict=True))


def instruction_sets(folder: Path) -> Iterator[EvaluationSet]:
    """The held-out splits of the instructions; instruction, input and response each by itself."""
    for split in INSTRUCTION_SPLITS:
        texts = {
            row["id"]: [row["instruction"], row["input"], row["output"]]
            for row in read_instructions(folder, split)
        }
        yield EvaluationSet(f"instructions, {split}", texts)


def source_sets(folder: Path) -> Iterator[EvaluationSet]:
    """One set per source that holds evaluations, in any format that a corpus may have.

    A record is an example; where two have one id, the later one's gets a number. Raises
    InputError for a record that cannot be read, as nobody would know what was not sought.
    """
    ledger = read_manifest(folder, made_by="download")["sources"]
    for source in sorted({row["name"] for row in ledger}):
        texts: dict[str, list[str]] = {}
        for record in read_records(folder, [row for row in ledger if row["name"] == source]):
            name = record.raw_id
            if name in texts:
                name = f"{name}~{len(texts)}"
            texts[name] = [_text(record, folder)]
        yield EvaluationSet(source, texts)


def _text(record: Record, folder: Path) -> str:
    fault = record.fault
    if isinstance(record.data, str):
        return record.data
    if record.data is not None:
        try:
            return decode(record.data, html=record.html, charset=record.charset)[0]
        except UnreadableError as error:
            fault = str(error)
    raise InputError(
        "A text of an evaluation cannot be read.",
        where=f"{folder}, {record.raw_id}",
        found=fault,
        expected="a text in every record, in the field that the source names",
        remedy=f"mend the source {record.source!r} in download.sources, or its text_field",
    )
