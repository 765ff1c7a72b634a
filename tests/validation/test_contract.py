"""A contract: of a fault there may be none, its cases stand by its fact, values are quoted."""

from __future__ import annotations

from llm.validation.contract import Case, Fault, at_least, make_contract, quoted


def test_faults_become_facts_rules_and_cases():
    case = Case(where="a.parquet, row 4", found="text missing")
    contract = make_contract(
        suite="tales",
        facts={"rows": 3},
        rules=[at_least("rows", 1, "there are rows")],
        faults=[
            Fault(fact="empty", count=1, meaning="none is empty", cases=[case]),
            Fault(fact="odd", count=0, meaning="none is odd"),
        ],
        statistics={"rows": 3},
    )
    assert contract.facts == {"rows": 3, "empty": 1, "odd": 0}
    assert [rule.column for rule in contract.fact_rules] == ["rows", "empty", "odd"]
    assert [rule.arguments for rule in contract.fact_rules[1:]] == [{"max_value": 0}] * 2
    assert contract.cases == {"empty": [case]}
    assert contract.statistics == {"rows": 3}


def test_a_value_is_quoted_as_it_can_be_seen():
    assert [quoted(value) for value in (None, 3, " ", "a\x1b[31m")] == [
        "missing",
        "3",
        "' '",
        "'a\\x1b[31m'",
    ]
    assert quoted("f" * 64) == repr("f" * 64)
    assert len(quoted("x" * 1_000)) < 100
