"""Numbers and times read as a person writes them."""

from __future__ import annotations

from typing import Any

import pytest

from llm.evaluation.wording import format_number, format_seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234567, "1,234,567"), (0.98765, "0.9877"), (3.0, "3"), (12345.6, "12,346"), ("x", "x")],
)
def test_numbers_read_well(value: Any, text: str) -> None:
    assert format_number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.31, "0.3 s"), (42.4, "42 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_times_read_well(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
