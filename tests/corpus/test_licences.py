"""Licences: names compared as SPDX compares them, what is unknown never allowed, the ledger."""

import pyarrow as pa
import pytest
from pydantic import TypeAdapter, ValidationError

from llm.corpus.documents import DOCUMENT_SCHEMA, REJECT_SCHEMA
from llm.corpus.licences import Licence, LicenceLedger, allowed, is_allowed


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("CC0-1.0", True),
        ("cc0-1.0", True),
        (" Public  domain in the US ", True),
        ("CC0", False),
        ("CC0-1.0 OR MIT", False),
        ("", False),
        ("unknown", False),
        ("NOASSERTION", False),
    ],
)
def test_names_are_compared_whole_without_case(licence, expected):
    names = allowed(["CC0-1.0", "public domain in the us"])
    assert is_allowed(licence, names) is expected
    assert is_allowed(licence, allowed(None))
    assert not is_allowed(licence, allowed([]))


@pytest.mark.parametrize("name", ["", " ", "Unknown", "NONE", "NoAssertion"])
def test_what_is_unknown_cannot_be_allowed(name):
    with pytest.raises(ValidationError, match="names no licence"):
        TypeAdapter(list[Licence]).validate_python(["MIT", name])


def test_the_ledger():
    def kept(source, licence, text):
        return {"source": source, "licence": licence, "text": text}

    def dropped(source, licence, reason, characters):
        return {
            "source": source, "licence": licence, "reason": reason, "characters": characters
        }  # fmt: skip

    ledger = LicenceLedger()
    for rows, rejects in (
        ([kept("a", "MIT", "été"), kept("b", "MIT", "x")], [dropped("a", "ISC", "licence", 7)]),
        ([kept("a", "MIT", "two")], [dropped("a", "MIT", "too_short", 2)]),
        ([], []),
    ):
        ledger.add(
            pa.Table.from_pylist(rows, schema=DOCUMENT_SCHEMA),
            pa.Table.from_pylist(rejects, schema=REJECT_SCHEMA),
        )
    counts = [tuple(row.values()) for row in ledger.rows()]
    assert counts == [
        ("a", "ISC", 0, 1, 1, 0, 7),
        ("a", "MIT", 2, 1, 0, 6, 2),
        ("b", "MIT", 1, 0, 0, 1, 0),
    ]
