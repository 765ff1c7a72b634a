"""How text falls into words before byte pairs are merged: no token crosses a border of words."""

from __future__ import annotations

import functools
import sys
import unicodedata

# GPT-2's division of text into words (Radford et al. 2019, encoder.py), with possessive
# quantifiers, which match the same and never backtrack.
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"

# The divisions of OpenAI's later vocabularies, as published in tiktoken_ext/openai_public.py.
# Both cut numbers into threes and let a word take one leading mark; o200k's also divides where
# small letters end and capitals begin.
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_CAPITALS, _SMALL = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_MARK, _ENDING = r"[^\r\n\p{L}\p{N}]?", r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (
    rf"{_MARK}{_CAPITALS}*{_SMALL}+{_ENDING}|{_MARK}{_CAPITALS}+{_SMALL}*{_ENDING}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = {"gpt2": GPT2, "cl100k": CL100K, "o200k": O200K}


def check_pattern(pattern: str) -> None:
    """Raise ValueError where a pattern is no regular expression, matches nothing, or loses text.

    What no match covers would silently be missing from the tokens. Tried on a short text in which
    every general category of Unicode meets every other; a character of its own that a pattern
    leaves out is found when the documents are tokenised, where the bytes are counted.
    """
    import regex
    import tiktoken

    try:
        compiled = regex.compile(pattern)
        tiktoken.Encoding(
            "probe",
            pat_str=pattern,
            mergeable_ranks={bytes([byte]): byte for byte in range(256)},
            special_tokens={},
        )
    except (regex.error, ValueError) as error:
        raise ValueError(f"the pattern is no regular expression: {error}") from error
    text = probe()
    end = 0
    for match in compiled.finditer(text):
        if match.start() == match.end():
            raise ValueError("the pattern matches the empty text, which is no word")
        if match.start() != end:
            break
        end = match.end()
    if end < len(text):
        raise ValueError(
            f"the pattern loses text: no match covers {text[end]!r} (U+{ord(text[end]):04X})"
        )


@functools.cache
def probe() -> str:
    """Every pair of general categories (Unicode Standard, section 4.5), one character for each."""
    examples: dict[str, str] = {"space": " ", "line": "\n", "return": "\r", "quote": "'"}
    for point in range(sys.maxunicode + 1):
        character = chr(point)
        examples.setdefault(unicodedata.category(character), character)
    del examples["Cs"]  # surrogates stand in no UTF-8 text
    return "".join(a + b for a in examples.values() for b in examples.values())
