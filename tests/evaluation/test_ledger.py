"""The licence ledger: one row per source and licence, from three stages' metrics."""

from llm.evaluation.ledger import licence_rows

STAGES = {
    "download": {
        "by_source": [
            {"name": "sms", "licence": "CC-BY-4.0", "files": 1, "bytes": 7},
            {"name": "web", "licence": "unknown", "files": 2, "bytes": 15},
        ]
    },
    "clean": {
        "licence_ledger": [
            {
                "source": "web",
                "licence": "MIT",
                "documents_kept": 3,
                "documents_dropped": 1,
                "documents_forbidden": 0,
                "characters_kept": 30,
                "characters_dropped": 2,
            }
        ]
    },
    "tokenize": {"sources": [{"source": "web", "tokens": 99}]},
}


def test_rows_of_files_records_and_tokens_meet():
    rows = licence_rows(STAGES)
    assert [(row["source"], row["licence"]) for row in rows] == [
        ("sms", "CC-BY-4.0"),
        ("web", "MIT"),
        ("web", "unknown"),
    ]
    assert [(row["files"], row["bytes"]) for row in rows] == [(1, 7), (0, 0), (2, 15)]
    assert [row["documents_kept"] for row in rows] == [None, 3, None]
    assert [row["tokens"] for row in rows] == [None, 99, None]


def test_a_run_without_a_corpus_has_no_rows():
    assert licence_rows({}) == []
