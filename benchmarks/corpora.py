"""Texts to measure with: the real books cut into documents, seeded edits of them, stories."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.house import settings_of
from benchmarks.measure import MEGABYTE, cores
from llm.corpus.synthetic.stories import PLANTED, write_stories
from llm.files import new_directory, write_manifest

SEED = 20_260
_SHORTEST, _LONGEST = 2_000, 20_000  # characters of a document
_FILE_BYTES = MEGABYTE
_STORIES_BYTES = 8 * MEGABYTE  # of write_stories at scale 1
_SHARE = 2  # stories are made in shares of this scale, each with a seed of its own

# How an edited document comes about. A copy keeps nearly every 5-gram, and is a near-duplicate; a
# rewriting keeps nearly none, and is a document of its own with the words of its book.
_COPY_FRACTION = 0.4
_COPY_CHANGES = (0.001, 0.02)  # words changed in a copy
_REWRITING_CHANGES = 0.4


def mirror() -> Path | None:
    """The folder of real data that LLM_MIRROR names, laid out as HOST/PATH."""
    place = os.environ.get("LLM_MIRROR")
    return Path(place).resolve() if place and Path(place).is_dir() else None


def text_corpus(work: Path, megabytes: float) -> tuple[Path, str]:
    """A folder of JSONL files with documents of 2 to 20 kB, about so many MB, and what it is.

    The real books as they are, then seeded edits of them; where LLM_MIRROR is not set, synthetic
    stories in their place. Made once, and used again.
    """
    place = mirror()
    kind = "books" if place else "stories"
    name = "the real books and seeded edits of them" if place else "synthetic stories"
    folder = work / "corpora" / f"{kind}-{megabytes:g}"
    if not folder.exists():
        if place:
            with new_directory(folder) as unfinished:
                documents = cut(book_texts(place), random.Random(SEED))
                write_documents(unfinished, edited(documents, SEED), megabytes)
        else:
            write_many_stories(folder, megabytes)
    return folder, f"{megabytes:g} MB of {name}"


def book_texts(place: Path) -> list[str]:
    """The corpus of the profile books, from a mirror."""
    texts = []
    for source in settings_of("books", {})["download"]["sources"]:
        if source["holds"] == "corpus":
            for url in source["urls"]:
                parts = urlsplit(url)
                data = (place / parts.netloc / parts.path.lstrip("/")).read_bytes()
                texts.append(_decoded(data).replace("\r\n", "\n"))
    return texts


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def cut(texts: Sequence[str], rng: random.Random) -> list[str]:
    """Texts cut at ends of paragraphs into documents of 2 to 20 kB."""
    documents = []
    for text in texts:
        paragraphs: list[str] = []
        size, wanted = 0, rng.randint(_SHORTEST, _LONGEST)
        for paragraph in text.split("\n\n"):
            paragraphs.append(paragraph)
            size += len(paragraph)
            if size >= wanted:
                documents.append("\n\n".join(paragraphs))
                paragraphs, size, wanted = [], 0, rng.randint(_SHORTEST, _LONGEST)
        if size:
            documents.append("\n\n".join(paragraphs))
    return documents


def edited(documents: Sequence[str], seed: int) -> Iterator[str]:
    """The documents as they are, then endlessly edits of them."""
    yield from documents
    number = 0
    while True:
        rng = random.Random(f"{seed}/{number}")
        document = rng.choice(documents)
        if rng.random() < _COPY_FRACTION:
            yield near_copy(document, rng)
        else:
            yield change_words(document, _REWRITING_CHANGES, rng)
        number += 1


def near_copy(document: str, rng: random.Random) -> str:
    """A near-duplicate: few words changed, and perhaps two paragraphs swapped or one left out."""
    paragraphs = change_words(document, rng.uniform(*_COPY_CHANGES), rng).split("\n\n")
    if len(paragraphs) > 10:
        if rng.random() < 0.5:
            one, two = rng.sample(range(len(paragraphs)), 2)
            paragraphs[one], paragraphs[two] = paragraphs[two], paragraphs[one]
        if rng.random() < 0.5:
            del paragraphs[rng.randrange(len(paragraphs))]
    return "\n\n".join(paragraphs)


def change_words(document: str, fraction: float, rng: random.Random) -> str:
    """The document with a fraction of its words deleted, or replaced by others of its words."""
    pieces = re.split(r"(\s+)", document)  # words at even places, white space between them
    places = range(0, len(pieces), 2)
    for place in rng.sample(places, round(fraction * len(places))):
        pieces[place] = "" if rng.random() < 0.2 else pieces[rng.choice(places)]
    return "".join(pieces)


def write_documents(folder: Path, documents: Iterator[str], megabytes: float) -> None:
    """Write documents into JSONL files of about 1 MB until so many MB stand there."""
    written = number = 0
    while written < megabytes * MEGABYTE:
        size = 0
        with (folder / f"documents-{number:05d}.jsonl").open("wb") as stream:
            while size < _FILE_BYTES and written + size < megabytes * MEGABYTE:
                size += stream.write(_line(f"{number:05d}-{size}", next(documents)))
        written, number = written + size, number + 1


def _line(name: str, text: str) -> bytes:
    return (json.dumps({"id": name, "text": text}, ensure_ascii=False) + "\n").encode("utf-8")


def write_many_stories(folder: Path, megabytes: float) -> None:
    """About so many MB of synthetic stories with their dirt, on all cores."""
    wanted = megabytes * MEGABYTE / _STORIES_BYTES  # scale
    shares = [min(_SHARE, wanted - start) for start in range(0, max(1, round(wanted)), _SHARE)]
    with (
        new_directory(folder) as unfinished,
        ProcessPoolExecutor(cores(), mp_context=multiprocessing.get_context("spawn")) as pool,
    ):
        for done in [
            pool.submit(_write_share, unfinished / f"{seed:04d}", seed, scale)
            for seed, scale in enumerate(shares)
        ]:
            done.result()


def _write_share(folder: Path, seed: int, scale: float) -> None:
    write_stories(folder, seed=seed, scale=scale)
    (folder / PLANTED).unlink()  # ids of the shares are the same


def text_bytes(folder: Path) -> int:
    """Bytes of the texts of a folder of documents in Parquet, as UTF-8."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    return sum(
        pc.sum(pc.binary_length(pq.read_table(path, columns=["text"])["text"])).as_py() or 0
        for path in sorted(folder.glob("*.parquet"))
    )


def write_tokenizable(folder: Path, corpus: Path, megabytes: float) -> int:
    """The texts of JSONL files as a folder of documents that the stage tokenize reads; returns
    the bytes of text. Other columns hold what their types allow."""
    import pyarrow as pa

    from llm.corpus.documents import DOCUMENT_SCHEMA, PartWriter, document_id

    empty = {field.name: "" if pa.types.is_string(field.type) else 1.0 for field in DOCUMENT_SCHEMA}
    with new_directory(folder) as unfinished:
        writer = PartWriter(unfinished, DOCUMENT_SCHEMA)
        for path in sorted(corpus.glob("*.jsonl")):
            for line in path.read_bytes().splitlines():
                if writer.text_bytes < megabytes * MEGABYTE:
                    text = json.loads(line)["text"]
                    writer.add({**empty, "id": document_id(text), "text": text})
        writer.close()
        write_manifest(unfinished, documents=writer.rows)
    return writer.text_bytes
