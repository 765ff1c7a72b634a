"""The stage train_tokenizer: both kinds, its settings, and what it refuses."""

from __future__ import annotations

import pyarrow as pa
import pytest
from pydantic import ValidationError

from llm.corpus.documents import DOCUMENT_SCHEMA, document_id
from llm.errors import InputError
from llm.files import read_manifest, write_manifest, write_parquet
from llm.stages.train_tokenizer import Config, run
from llm.tokens.patterns import CL100K
from llm.tokens.tokenizer import load, train

TEXTS = [f"The fox number {n} went over the hill to the hens, and the hens ran." for n in range(40)]


@pytest.fixture
def documents(tmp_path):
    rows = [
        {"id": document_id(text), "text": text, "language": "en", "source": "tales"}
        for text in TEXTS
    ]
    for part, chunk in enumerate((rows[:25], rows[25:])):
        table = pa.Table.from_pylist(chunk, schema=DOCUMENT_SCHEMA)
        write_parquet(table, tmp_path / "documents" / f"part-{part:05d}.parquet")
    write_manifest(tmp_path / "documents")
    return tmp_path / "documents"


def test_a_tokenizer_is_trained_on_every_document_and_repeats(documents, tmp_path):
    config = Config(kind="train", vocab_size=290)
    paths = {"documents": documents, "vocabulary": tmp_path / "none"}
    metrics = run(config, **paths, tokenizer=tmp_path / "a")
    assert run(config, **paths, tokenizer=tmp_path / "b") == metrics
    assert read_manifest(tmp_path / "a", made_by="") == read_manifest(tmp_path / "b", made_by="")
    made = load(tmp_path / "a")
    assert metrics["vocab_size"] == made.vocab_size == 290
    assert metrics["fingerprint"] == made.fingerprint
    assert metrics["training_documents"] == len(TEXTS)
    assert metrics["training_bytes"] == sum(map(len, TEXTS))
    assert " number" in metrics["longest_tokens"]
    assert metrics["compression"]["by_source"]["tales"]["documents"] == len(TEXTS)
    assert metrics["compression"]["gpt2_missing"]


def test_missing_truncated_or_too_few_documents_are_told(documents, tmp_path):
    config = Config(kind="train", vocab_size=5_000)
    paths = {"vocabulary": tmp_path / "none", "tokenizer": tmp_path / "tokenizer"}
    with pytest.raises(InputError, match=r"vocab_size: 5000"):
        run(config, documents=documents, **paths)
    part = documents / "part-00001.parquet"
    content = part.read_bytes()
    part.write_bytes(content[:200])
    with pytest.raises(InputError, match=r"part-00001[\s\S]*200 bytes"):
        run(config, documents=documents, **paths)
    part.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    with pytest.raises(InputError, match=r"part-00001[\s\S]*sha256"):
        run(config, documents=documents, **paths)
    part.unlink()
    with pytest.raises(InputError, match="dvc repro split"):
        run(config, documents=documents, **paths)
    with pytest.raises(InputError, match="dvc repro split"):
        run(config, documents=tmp_path / "none", **paths)
    assert not (tmp_path / "tokenizer").exists()


@pytest.mark.parametrize("maximum_bytes", [1, len(TEXTS[0]) * 3, 10**9])
def test_no_more_text_is_learned_from_than_asked(documents, tmp_path, maximum_bytes):
    config = Config(kind="train", vocab_size=260, maximum_bytes=maximum_bytes)
    made = run(
        config, documents=documents, vocabulary=tmp_path / "none", tokenizer=tmp_path / "tokenizer"
    )
    sizes = [sum(map(len, TEXTS[: at + 1])) for at in range(len(TEXTS))]
    enough = next((at for at, size in enumerate(sizes) if size >= maximum_bytes), len(TEXTS) - 1)
    assert made["training_documents"] == enough + 1
    assert made["training_bytes"] == sizes[enough]
    some = tmp_path / "some"
    train(TEXTS[: enough + 1], vocab_size=260).save(some)
    assert load(some).fingerprint == made["fingerprint"]


def test_gpt2_needs_its_verified_files(documents, tmp_path):
    with pytest.raises(InputError, match="dvc repro download"):
        run(
            Config(kind="gpt2", vocab_size=None),
            documents=documents,
            vocabulary=tmp_path / "none",
            tokenizer=tmp_path / "tokenizer",
        )


def test_gpt2_is_read_from_the_mirror(mirror, documents, tmp_path):
    metrics = run(
        Config(kind="gpt2", vocab_size=None),
        documents=documents,
        vocabulary=mirror / "openaipublic.blob.core.windows.net/gpt-2/encodings/main",
        tokenizer=tmp_path / "tokenizer",
    )
    assert metrics["vocab_size"] == 50_257
    assert metrics["training_documents"] == 0
    english = metrics["compression"]["by_language"]["en"]
    assert english["gpt2_bytes_per_token"] == english["bytes_per_token"] > 3
    assert load(tmp_path / "tokenizer").encode("Hello, world!") == [15496, 11, 995, 0]


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"kind": "train", "vocab_size": None}, "needs a vocab_size"),
        ({"kind": "train", "vocab_size": 256}, "greater than or equal to 257"),
        ({"kind": "gpt2", "vocab_size": 4096}, "has vocab_size 50257"),
        ({"kind": "gpt3", "vocab_size": None}, "'train', 'gpt2', 'cl100k' or 'o200k'"),
        ({"kind": "cl100k", "vocab_size": 100_000}, "has vocab_size 100277"),
        ({"kind": "gpt2", "vocab_size": None, "pattern": "gpt2"}, "a pattern of its own"),
        ({"kind": "train", "vocab_size": 300, "pattern": "("}, "no regular expression"),
        ({"kind": "train", "vocab_size": 300, "pattern": r"\w+"}, "loses text"),
        ({"kind": "train", "vocab_size": 300, "special_tokens": ["user"]}, "reads <"),
        ({"kind": "train", "vocab_size": 257, "special_tokens": ["<|a|>"]}, "no id for each byte"),
        (
            {"kind": "o200k", "vocab_size": None, "special_tokens": ["<|endofprompt|>"]},
            "of o200k already",
        ),
    ],
)
def test_wrong_settings_are_refused(settings, fault):
    with pytest.raises(ValidationError, match=fault):
        Config(**settings)


def test_gpt2_may_name_its_size():
    assert Config(kind="gpt2", vocab_size=50_257).vocab_size == 50_257
    config = Config(kind="gpt2", vocab_size=50_259, special_tokens=["<|user|>", "<|assistant|>"])
    assert config.vocab_size == 50_259


def test_pattern_and_special_tokens_reach_the_tokenizer(documents, tmp_path):
    config = Config(
        kind="train", vocab_size=290, pattern="cl100k", special_tokens=["<|user|>", "<|assistant|>"]
    )
    metrics = run(
        config,
        documents=documents,
        vocabulary=tmp_path / "none",
        tokenizer=tmp_path / "tokenizer",
    )
    made = load(tmp_path / "tokenizer")
    assert made.pattern == metrics["pattern"] == CL100K
    assert made.vocab_size == 290
    assert made.encode("<|assistant|>", allow_special=True) == [289]
    own = Config(kind="train", vocab_size=290, pattern=r"\s?\w+|\W")
    run(own, documents=documents, vocabulary=tmp_path / "none", tokenizer=tmp_path / "own")
    assert load(tmp_path / "own").pattern == r"\s?\w+|\W"
