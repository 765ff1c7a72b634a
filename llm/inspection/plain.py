"""Text from data, made safe to show: what would command a terminal is written out instead."""

from __future__ import annotations

import re

from rich.text import Text

# C0 but tab and newline, DEL, C1, the marks that turn the direction of writing, and surrogates.
_COMMANDS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_LONGEST = 200  # characters of a value in one line


def plain(value: object, style: str = "") -> Text:
    """A value as text in which every control character stands as its escape, as \\x1b."""
    return Text(written_out(str(value)), style=style)


def written_out(text: str) -> str:
    """A text with its control characters as escapes."""
    return _COMMANDS.sub(lambda found: ascii(found[0])[1:-1], text)


def cut(text: str, characters: int) -> Text:
    """The first characters of a text, 0 for all, and how many are left."""
    if not characters or len(text) <= characters:
        return plain(text)
    shown = plain(text[:characters])
    return shown.append(f" … {len(text) - characters:,} more characters", style="dim")


def short(value: object) -> str:
    """A value in one line."""
    if value is None:
        return "missing"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} …"
