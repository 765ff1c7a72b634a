"""Panics of the libraries in Rust, which are no Exception of Python's, as errors with a remedy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from llm.errors import InputError


def is_panic(error: BaseException) -> bool:
    """Whether a library in Rust gave up. Its type, a BaseException, cannot be imported."""
    return type(error).__name__ == "PanicException"


@contextlib.contextmanager
def dividing() -> Iterator[None]:
    """Around calls that divide text into words by a pattern: giving up becomes an InputError.

    A pattern that looks behind a word, as the named ones do behind white space, remembers every
    character of it, a million at most (fancy-regex's limit).
    """
    try:
        yield
    except BaseException as error:
        told = isinstance(error, ValueError) and str(error).startswith("Regex error")
        if not told and not is_panic(error):
            raise
        raise InputError(
            "A text cannot be divided into words.",
            where="the texts given to the tokenizer",
            found=str(error).splitlines()[0][:200],
            expected="no run of a million white-space characters, or whatever the pattern looks at",
            remedy="shorten such runs, as the stage clean does, or change train_tokenizer.pattern",
        ) from error
