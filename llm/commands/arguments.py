"""Arguments of the command line, checked as they are read."""

from __future__ import annotations

import argparse


def whole(text: str) -> int:
    """A whole number of at least 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of at least 0")
    return int(text)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if whole(text) == 0:
        raise argparse.ArgumentTypeError("it must be at least 1")
    return int(text)


def fraction(text: str) -> float:
    """A number above 0 and up to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 < value <= 1.0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0 and up to 1")
    return value
