"""Numbers and times in the words of the report."""

from __future__ import annotations

from typing import Any


def format_number(value: Any) -> str:
    """A number as a person reads it: thousands apart, four significant digits after a point."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) >= 1000):
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def format_seconds(value: float) -> str:
    """Seconds as 0.3 s, 42 s, 3 min 20 s or 2 h 5 min."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 60:
        return f"{value:.0f} s"
    minutes, seconds = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"
