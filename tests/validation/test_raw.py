"""The contract of raw files: one small fault per expectation, and each is found."""

from __future__ import annotations

import pytest

from llm.errors import InputError
from llm.files import sha256_of, write_json, write_manifest, write_text
from llm.validation.raw import raw_contract

TEXTS = {"corpus": ["one tale", "another tale"], "messages": ["hello"], "weights": []}


@pytest.fixture
def raw(tmp_path):
    """Three raw folders; the ledger of each can be changed by `change`."""
    ledgers = {}
    for kind, texts in TEXTS.items():
        rows = []
        for number, text in enumerate(texts):
            path = tmp_path / kind / "deep" / f"{number}.txt"
            write_text(path, text)
            rows.append(
                {
                    "name": "tales",
                    "url": f"https://example.org/{number}.txt",
                    "file": f"deep/{number}.txt",
                    "sha256": sha256_of(path),
                    "bytes": len(text),
                    "licence": "CC0-1.0",
                    "language": "en",
                }
            )
        ledgers[kind] = rows

    def contract_of(**changed):
        for kind, rows in ledgers.items():
            changes = changed.get(kind, {})
            sources = [row | (changes if at == 0 else {}) for at, row in enumerate(rows)]
            write_manifest(tmp_path / kind, sources=sources)
        return raw_contract(
            {kind: tmp_path / kind for kind in TEXTS},
            url_schemes=["https", "file"],
            required=["corpus"],
            maximum_duplicate_fraction=0.1,
        )

    return contract_of


def test_good_files_have_no_fault(raw):
    contract = raw()
    counts = {"corpus_files": 2, "messages_files": 1, "weights_files": 0}
    assert {name: contract.facts[name] for name in counts} == counts
    assert not any(n for name, n in contract.facts.items() if name not in counts)
    rules = {rule.column: rule.arguments for rule in contract.fact_rules}
    assert set(rules) == {*contract.facts} - {"messages_files", "weights_files"}
    assert rules["duplicate_fraction"] == {"max_value": 0.1}
    assert contract.sample.column("bytes_found").to_pylist() == [8, 12, 5]


@pytest.mark.parametrize(
    ("fault", "count", "change"),
    [
        ("missing_files", 1, {"file": "gone.txt"}),
        ("unlisted_files", 1, {"file": "gone.txt"}),
        ("files_of_other_size", 1, {"bytes": 9}),
        ("files_of_other_size", 1, {"bytes": None}),
        ("malformed_hashes", 1, {"sha256": "abc"}),
        ("malformed_hashes", 1, {"sha256": "A" * 64}),
        ("malformed_hashes", 1, {"sha256": None}),
        ("missing_sources", 1, {"name": ""}),
        ("missing_licences", 1, {"licence": " "}),
        ("missing_licences", 1, {"licence": None}),
        ("malformed_languages", 1, {"language": "English"}),
        ("malformed_languages", 1, {"language": None}),
        ("unknown_url_schemes", 1, {"url": "ftp://example.org/0.txt"}),
        ("unknown_url_schemes", 1, {"url": None}),
        ("duplicate_names", 1, {"file": "deep/1.txt"}),
        ("files_of_other_content", 1, {"sha256": "0" * 64}),
        ("files_listed_otherwise", 1, {"sha256": "0" * 64}),
        ("missing_files", 1, {"file": "../messages/deep/0.txt"}),
        ("missing_files", 1, {"file": "/etc/hostname"}),
    ],
)
def test_each_fault_is_counted(raw, fault, count, change):
    assert raw(corpus=change).facts[fault] == count


def test_a_missing_file_is_not_told_twice(raw):
    assert raw(corpus={"file": "gone.txt"}).facts["files_of_other_size"] == 0


def test_equal_bytes_count_inside_a_kind_only(raw, tmp_path):
    same = sha256_of(tmp_path / "corpus" / "deep" / "1.txt")
    assert raw(corpus={"sha256": same}).facts["duplicate_fraction"] == pytest.approx(
        1 / 3, abs=1e-6
    )
    assert raw(messages={"sha256": same}).facts["duplicate_fraction"] == 0.0


def test_a_required_kind_without_files_is_against_a_rule(tmp_path):
    write_json(tmp_path / "manifest.json", {"files": {}, "sources": []})
    contract = raw_contract(
        {"corpus": tmp_path},
        url_schemes=["https"],
        required=["corpus"],
        maximum_duplicate_fraction=0.0,
    )
    assert contract.facts["corpus_files"] == 0
    rule = next(rule for rule in contract.fact_rules if rule.column == "corpus_files")
    assert rule.arguments == {"min_value": 1}


@pytest.mark.parametrize(
    "manifest", [[], {"files": {}}, {"sources": ["x"]}, {"sources": [{"file": "a", "bytes": "x"}]}]
)
def test_a_broken_manifest_is_told_by_name(tmp_path, manifest):
    write_json(tmp_path / "manifest.json", manifest)
    with pytest.raises(InputError, match=r"does not list its files[\s\S]*manifest\.json"):
        raw_contract(
            {"corpus": tmp_path}, url_schemes=["https"], required=[], maximum_duplicate_fraction=0
        )


def test_a_changed_byte_is_found_and_its_file_named(raw, tmp_path):
    raw()
    path = tmp_path / "corpus" / "deep" / "1.txt"
    path.write_text("Another tale", encoding="utf-8")
    contract = raw_contract(
        {kind: tmp_path / kind for kind in TEXTS},
        url_schemes=["https"],
        required=[],
        maximum_duplicate_fraction=0.1,
    )
    assert contract.facts["files_of_other_content"] == 1
    assert contract.facts["files_of_other_size"] == 0
    (case,) = contract.cases["files_of_other_content"]
    assert case.where == f"{path}, named in manifest.json"
    assert sha256_of(path) in case.found
