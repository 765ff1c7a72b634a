"""Any bytes in any container, through the stages download and clean: an error that says what to
mend, or documents in normal form, every record accounted for."""

import gzip
import io
import json
import tarfile
import unicodedata
import zipfile
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm.config import read_params
from llm.corpus.extraction.extract import ExtractSettings
from llm.corpus.extraction.normal_form import normalise
from llm.corpus.extraction.privacy import mask_personal_data
from llm.errors import InputError
from llm.stages import clean, download
from tests.corpus.conftest import PARAMS, changed
from tests.corpus.test_cleaning import BYTES, GOOD, TEXTS

KINDS = ("corpus", "messages", "instructions", "vocabulary", "weights", "evaluations")


def parquet(content: bytes) -> bytes:
    out = io.BytesIO()
    cells = pa.array([content, GOOD.encode(), None], pa.binary())
    pq.write_table(pa.table({"text": cells, "id": [1, 2, 3]}), out)
    return out.getvalue()


def warc(content: bytes) -> bytes:
    http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=%s\r\n\r\n" % content[:9] + content
    head = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\n"
    return head + b"Content-Length: %d\r\n\r\n%s\r\n\r\n" % (len(http), http)


def tar(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("a/b.htm")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def zipped(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", content)
    return out.getvalue()


def line(content: bytes) -> bytes:
    text = content.decode("utf-8", "surrogateescape")  # json writes what is no UTF-8 as \udcXX
    return json.dumps({"text": text, "id": text[:9], "licence": text[-9:]}).encode() + b"\n"


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "a.txt": bytes,
    "a.html": bytes,
    "a.json": line,
    "a.jsonl": line,
    "a.jsonl.gz": lambda content: gzip.compress(line(content)),
    "a.txt.zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
    "a.csv": lambda content: b'id,text\n7,"%s"\n' % content.replace(b'"', b'""'),
    "a.tsv": lambda content: b"id\ttext\n7\t%s\n" % content,
    "a.parquet": parquet,
    "a.warc": warc,
    "a.wet.gz": lambda content: gzip.compress(warc(content)),
    "a.tar.gz": tar,
    "a.zip": zipped,
}


@st.composite
def files(draw: Any) -> tuple[str, bytes]:
    """A container of dirty bytes; whole, cut off, with other bytes in it, or under a wrong name."""
    name = draw(st.sampled_from(sorted(CONTAINERS)))
    text = draw(BYTES | TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")))
    content = bytearray(CONTAINERS[name](text + GOOD.encode()))
    for place in draw(st.lists(st.integers(0, len(content) - 1), max_size=2)):
        content[place] = draw(st.integers(0, 255))
    end = draw(st.none() | st.integers(0, len(content)))
    return draw(st.just(name) | st.sampled_from(sorted(CONTAINERS))), bytes(content[:end])


def lenient(off: list[str]) -> clean.Config:
    """The settings of the profile tiny, that drop next to nothing; without some repairs."""
    config = clean.Config.model_validate(read_params(PARAMS)["clean"])
    return changed(
        config,
        **{f"extract__{name}": False for name in off},
        filters__minimum_words=1,
        filters__minimum_language_score=0.0,
        filters__maximum_unreadable_fraction=1.0,
        filters__gopher__minimum_mean_word_length=0.0,
        filters__gopher__maximum_mean_word_length=1e9,
        filters__gopher__minimum_letter_words_fraction=None,
        filters__gopher__minimum_stop_words=0,
    )


SWITCHES = [
    name for name, field in ExtractSettings.model_fields.items() if field.annotation is bool
]
REPAIRS = st.lists(st.sampled_from(SWITCHES), unique=True)


@pytest.mark.slow
@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(file=files(), off=REPAIRS)
def test_no_file_crashes_a_stage_or_passes_unnormalised(tmp_path_factory, file, off):
    folder = tmp_path_factory.mktemp("dirty", numbered=True)
    name, content = file
    (folder / "own").mkdir()
    (folder / "own" / name).write_bytes(content)
    (folder / "own" / "good.txt").write_text(GOOD)
    values = read_params(PARAMS)["download"]
    source = {"name": "own", "holds": "corpus", "urls": [f"file:{folder / 'own'}"], "sha256": None}
    values["sources"] = [source | {"licence": "CC0-1.0", "language": "en"}]
    config = lenient(off)
    raw = {kind: folder / "raw" / kind for kind in KINDS}
    rows = {kind: folder / kind for kind in ("documents", "rejects")}
    fault = None
    try:
        download.run(download.Config.model_validate(values), partial=folder / "partial", **raw)
        metrics = clean.run(config, raw=raw["corpus"], **rows)
    except InputError as error:
        fault = error.details
    if fault is not None:
        assert name in str(fault["where"])
        assert all(fault.values())
        return
    kept, dropped = (pq.read_table(rows[kind] / "part-00000.parquet").to_pylist() for kind in rows)
    assert (len(kept), len(dropped)) == (metrics["documents_kept"], metrics["documents_dropped"])
    assert "good.txt" in {row["raw_id"] for row in kept}
    for row in kept:
        text = row["text"]
        assert text == normalise(text)
        assert not any(
            unicodedata.category(char) in ("Cc", "Cs") for char in text.replace("\n", "")
        )
        assert mask_personal_data(text, config.personal_data)[0] == text
    assert all(row["reason"] for row in dropped)
