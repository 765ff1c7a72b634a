"""The table of a search: sets, examples, places, and what records of a training set hold."""

from __future__ import annotations

from llm.corpus.contamination import EvaluationSet, Index, scan
from llm.corpus.contamination_table import records_summary, summary

QUESTION = "Which of the seven old ships sailed north before the first winter storm came"
SHORT = "the capital of the far island is blue"


def test_the_table_names_sets_examples_and_places():
    sets = [
        EvaluationSet("a", {"a1": [QUESTION], "a2": ["yes"], "a3": [SHORT]}),
        EvaluationSet("b", {"b1": ["no", SHORT]}),
        EvaluationSet("c", {}),
    ]
    sought = Index(sets, ngram_words=13, minimum_words=8)
    texts = ["nothing here", f"x {SHORT}", SHORT, QUESTION]
    documents = [(f"d{number}", text) for number, text in enumerate(texts)]
    result = scan(sought, documents, maximum_documents=10)
    a, b, c = summary(sought, result, maximum_documents=10)
    assert (a["examples"], a["searched"], a["overlapping"], a["documents"]) == (3, 2, 2, 3)
    assert a["overlapping_fraction"] == 1.0
    assert [worst["id"] for worst in a["worst"]] == ["a1", "a3"]
    assert a["worst"][0] == {
        "id": "a1",
        "ngrams": 2,
        "ngrams_found": 2,
        "ngram": " ".join(QUESTION.split()[:13]),
        "document": "d3",
    }
    assert (b["overlapping"], b["documents"]) == (1, 2)
    assert b["worst"][0]["ngram"] == SHORT
    assert b["worst"][0]["document"] == "d1"
    assert c["examples"] == c["searched"] == c["overlapping"] == 0
    assert result.documents == 4
    assert result.contaminated(10) == {1, 2, 3}


def test_records_that_hold_an_evaluation_text():
    sets = [
        EvaluationSet("a", {"a1": [QUESTION], "a2": [SHORT]}),
        EvaluationSet("b", {"b": ["no"]}),
    ]
    sought = Index(sets, ngram_words=13, minimum_words=8)
    records = [(f"r{number}", f"{number}: {SHORT}") for number in range(20)] + [("s", "clean")]
    assert records_summary(sought, "quiz, train", records) == {
        "name": "quiz, train",
        "records": 21,
        "overlapping": 20,  # however many hold it: of records no phrase is too common
        "sets": [{"name": "a", "searched": 2, "overlapping": 1}],
    }
    assert records_summary(sought, "none", [])["sets"] == []
