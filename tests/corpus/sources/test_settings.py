"""Sources: what params.yaml may say."""

import pytest
from pydantic import ValidationError

from llm.corpus.sources.settings import Source

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


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sha256": None}, "sha256 is required"),
        ({"sha256": "ABC"}, "64 lower-case"),
        ({"urls": ["https://a.org/b", "https://a.org/c"]}, "1 sha256 for 2 urls"),
        ({"urls": ["http://example.org/a.txt"]}, "loopback only"),
        ({"urls": ["https://example.org/"]}, "no host or no file"),
        ({"urls": ["https://example.org/../etc/passwd"]}, "must not hold"),
        ({"urls": ["ftp://example.org/a"]}, "unknown scheme 'ftp'"),
        ({"urls": ["file:"], "sha256": None}, "path is empty"),
        ({"urls": ["file://texts/a.txt"], "sha256": None}, "no host"),
        ({"urls": ["file:texts/no#1"], "sha256": None}, "%23 for #"),
        ({"urls": ["file:texts/what?.txt"], "sha256": None}, "%3F for"),
        ({"urls": ["synthetic://poems"], "sha256": None}, "cannot come from 'poems'"),
        ({"urls": ["synthetic://messages"], "sha256": None}, "corpus cannot come from"),
        ({"urls": ["synthetic://stories?sede=1"], "sha256": None}, "unknown options"),
        ({"urls": ["synthetic://stories?scale=0"], "sha256": None}, "scale a number above 0"),
        ({"urls": ["synthetic://stories"]}, "takes no sha256"),
        ({"urls": ["s3://bucket/a.txt"], "sha256": None}, "required for a single object"),
        ({"urls": ["s3://bucket/folder/"]}, "prefix or a pattern takes no sha256"),
        ({"urls": ["gs://bucket/*.txt"]}, "prefix or a pattern takes no sha256"),
        ({"urls": ["s3:///a.txt"]}, "no bucket"),
        ({"urls": ["s3://*/a.txt"]}, "no bucket"),
        ({"urls": ["s3://bucket/../a.txt"]}, "must not hold"),
        ({"urls": []}, "at least 1 item"),
        ({"text_field": ""}, "at least 1 character"),
        ({"holds": "films"}, "Input should be"),
        ({"language": "English"}, "pattern"),
        ({"name": "../up"}, "pattern"),
    ],
)
def test_wrong_settings_are_named(changes, message):
    with pytest.raises(ValidationError, match=message):
        source(**changes)


def test_right_settings():
    source()
    source(urls=["https://a.org/b", "https://a.org/c"], sha256=[HASH, HASH])
    source(urls=["http://127.0.0.1:80/b"])
    source(urls=["synthetic://stories?seed=1&scale=100"], sha256=None)
    source(urls=["file:own/texts"], sha256=None)
    source(urls=["s3://bucket/a.txt"])
    source(urls=["s3://bucket", "gs://bucket/a/", "s3://bucket/a/*.jsonl.gz"], sha256=None)
