"""Realistic dirt, planted at known rates: what a cleaner should drop, repair, merge or keep."""

from __future__ import annotations

import html
import random
import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from llm.corpus.synthetic import words
from llm.corpus.synthetic.languages import foreign

if TYPE_CHECKING:
    from collections.abc import Callable

CLEAN = "clean"
RATES = MappingProxyType(
    {
        "exact_duplicate": 0.03,
        "near_duplicate": 0.04,
        "markup": 0.03,
        "boilerplate": 0.03,
        "licence": 0.01,
        "mojibake": 0.02,
        "language": 0.02,
        "email": 0.02,
        "whitespace": 0.01,
        "fragment": 0.01,
        "noise": 0.005,
        "repeated_lines": 0.005,
        "control_characters": 0.005,
        "encoding": 0.005,
    }
)
"""The fraction of documents that get each kind of dirt; the others are clean."""

EXPECTED = MappingProxyType(
    dict.fromkeys(RATES, "repair")
    | {
        CLEAN: "keep",
        "encoding": "keep",
        "exact_duplicate": "merge",
        "near_duplicate": "merge",
        "language": "drop",
        "fragment": "drop",
        "noise": "drop",
        "repeated_lines": "drop",
    }
)
"""What a good cleaning does with a document of each kind."""

_BLOCK = 200
_LEAST_SIMILARITY = 0.8


class Dirty(NamedTuple):
    """A document with dirt in it. `marks` are the exact strings that were planted."""

    text: str
    marks: tuple[str, ...]


def planned(seed: int, index: int) -> str:
    """The kind of dirt of a document. Every block of 200 documents holds the exact rates."""
    return _plan(seed, index // _BLOCK)[index % _BLOCK]


@lru_cache(maxsize=64)
def _plan(seed: int, block: int) -> tuple[str, ...]:
    kinds = [kind for kind, rate in RATES.items() for _ in range(round(rate * _BLOCK))]
    kinds += [CLEAN] * (_BLOCK - len(kinds))
    random.Random(f"plan/{seed}/{block}").shuffle(kinds)
    return tuple(kinds)


def original_of(seed: int, index: int, rng: random.Random) -> int | None:
    """An earlier clean document for a duplicate to copy; None where none is found."""
    for _ in range(50):
        candidate = int(rng.random() * index)
        if candidate < index and planned(seed, candidate) == CLEAN:
            return candidate
    return None


# ------------------------------------------------------------------------------ duplicates
_SENTENCE_ENDS = re.compile(r"(?<=[.!?]) (?=[A-Z])")
_ADDED = (
    "Nobody knows why.",
    "That is how it was told to me.",
    "And the moon looked on.",
    "So it goes, as they say.",
    "Everyone remembered it for years.",
    "It was the talk of the street.",
)


def similarity(one: str, other: str) -> float:
    """The Jaccard similarity of two texts' sets of five consecutive lower-case words, 0 to 1."""
    first, second = _shingles(one), _shingles(other)
    return len(first & second) / max(1, len(first | second))


def _shingles(text: str) -> set[tuple[str, ...]]:
    tokens = re.findall(r"\w+", text.lower())
    return set(zip(*(tokens[start:] for start in range(5)), strict=False))


def near_duplicate(text: str, rng: random.Random) -> Dirty:
    """One or two small edits: a word changed, a sentence dropped, added or put in capitals."""
    changed = text
    for edit in rng.sample((_swap_words, _drop_sentence, _add_sentence, _shout), rng.randint(1, 2)):
        changed = edit(changed, rng)
    if changed == text or similarity(text, changed) < _LEAST_SIMILARITY:
        changed = _add_sentence(text, rng)
    return Dirty(changed, ())


def _swap_words(text: str, rng: random.Random) -> str:
    places = list(re.finditer(r"\b[a-z]{4,}\b", text))
    chosen = rng.sample(places, min(len(places), 1 + len(text) // 1000))
    # From the end, so that the earlier places stay where they were found.
    for found in sorted(chosen, key=lambda place: -place.start()):
        text = text[: found.start()] + rng.choice(words.ADJECTIVES) + text[found.end() :]
    return text


def _drop_sentence(text: str, rng: random.Random) -> str:
    sentences = _SENTENCE_ENDS.split(text)
    if len(sentences) > 8:
        shortest = sorted(range(1, len(sentences)), key=lambda place: len(sentences[place]))
        del sentences[rng.choice(shortest[: len(shortest) // 2])]
    return " ".join(sentences)


def _add_sentence(text: str, rng: random.Random) -> str:
    ends = [found.start() for found in re.finditer(r"(?<=[.!?])\s", text)] or [len(text)]
    place = rng.choice(ends)
    return f"{text[:place]} {rng.choice(_ADDED)}{text[place:]}"


def _shout(text: str, rng: random.Random) -> str:
    sentences = _SENTENCE_ENDS.split(text)
    place = rng.randrange(len(sentences))
    sentences[place] = sentences[place].upper()
    return " ".join(sentences)


# -------------------------------------------------------------- repairable: frames and marks
_COOKIES = (
    "We use cookies to make this site better. Accept all cookies | Cookie settings",
    "This website uses cookies. By continuing to browse you agree to our privacy policy.",
    "Home | About us | Stories | Contact | Log in",
    "Skip to main content",
    "Advertisement",
)
_SUBSCRIBE = (
    "Subscribe to our newsletter and get a new story every week!",
    "Share this story: Facebook | Twitter | E-mail",
    "Click here to read more stories like this one.",
    "Copyright 2019 The Story Corner. All rights reserved.",
    "Sign up for free to leave a comment. Already have an account? Log in.",
    "Related articles: ten tales you must not miss",
    "Terms of use | Privacy policy | Imprint",
)


def _boilerplate(text: str, rng: random.Random) -> Dirty:
    top = rng.sample(_COOKIES, rng.randint(1, 2))
    bottom = rng.sample(_SUBSCRIBE, rng.randint(1, 3))
    return Dirty("\n".join(top) + f"\n\n{text}\n\n" + "\n".join(bottom), (*top, *bottom))


def _licence(text: str, rng: random.Random) -> Dirty:
    title = f"The Book of {words.pseudo_name(rng)}"
    number = rng.randint(10_000, 69_999)
    head = (
        f"The Project Gutenberg eBook of {title}",
        (
            "Anyone may read this electronic book, pass it on and use it again at no cost,\n"
            "as long as the conditions of the licence at its end are kept."
        ),
        (
            f"Title: {title}\nRelease date: {rng.choice(words.MONTHS)} {rng.randint(1, 28)}, "
            f"{rng.randint(1998, 2023)} [eBook #{number}]\nLanguage: English"
        ),
        f"*** START OF THE PROJECT GUTENBERG EBOOK {title.upper()} ***",
    )
    tail = (
        f"*** END OF THE PROJECT GUTENBERG EBOOK {title.upper()} ***",
        (
            "The full licence: the name of the project is a trademark. Whoever sells copies under "
            "that\nname owes a share to the foundation; whoever gives them away for nothing owes "
            "nothing."
        ),
        "Donations to the Literary Archive Foundation keep these books free for everyone.",
    )
    return Dirty("\n\n".join((*head, text, *tail)), (*head, *tail))


def _markup(text: str, rng: random.Random) -> Dirty:
    escaped = [html.escape(part).replace("\n", "<br/>\n") for part in text.split("\n\n")]
    if rng.random() < 0.5:
        marks = ('<div class="story">', "<p>", "</p>", "</div>")
        body = "\n".join(f"<p>{part}</p>" for part in escaped)
        return Dirty(f"{marks[0]}\n{body}\n</div>", marks)
    number = rng.randint(100, 999)
    script = f"var visits = {number}; countVisit(visits);"
    style = f".story {{ margin: {number % 40}px; color: #333 }}"
    page_marks = ("<!DOCTYPE html>", "<body>", "<p>", "</html>", script, style)
    parts = [part.replace(". ", ".&nbsp;", 1) for part in escaped]
    body = "\n".join(f"<p>{part}</p>" for part in parts)
    return Dirty(
        f"<!DOCTYPE html>\n<html><head><title>A story</title>\n<style>{style}</style>\n"
        f"<script>{script}</script></head>\n<body>\n<h1>A story</h1>\n{body}\n"
        f'<a href="/stories/{number}">More</a>\n</body></html>',
        page_marks,
    )


_ACCENTED = (
    "In the café they spoke of it for weeks.",
    "It was a cliché and still true.",
    "The jalapeño soup was served at the café, à la carte.",
    "The façade of the old café was painted twice.",
    "A naïve reader may not believe it.",
)


def typographic(text: str) -> str:
    """The text with curly quotation marks, apostrophes and long dashes."""
    text = re.sub(r'(^|[\s(])"', r"\1“", text).replace('"', "”").replace("'", "’")
    return text.replace(", but ", " — but ").replace("; ", " – ")


def _mojibake(text: str, rng: random.Random) -> Dirty:
    whole = typographic(f"{text} {rng.choice(_ACCENTED)}")
    broken = "".join(_misread(byte) for byte in whole.encode("utf-8"))
    return Dirty(broken, tuple(mark for mark in ("â€œ", "â€™", "Ã©", "Ã¯", "Ã§") if mark in broken))


def _misread(byte: int) -> str:
    """One byte as a careless program shows it: Windows-1252, and the five gaps as they are."""
    try:
        return bytes([byte]).decode("cp1252")
    except UnicodeDecodeError:
        return chr(byte)


def _email(text: str, rng: random.Random) -> Dirty:
    first, last = words.pseudo_word(rng), words.pseudo_word(rng)
    address = rng.choice(
        (
            f"{first}.{last}@example.org",
            f"{first}{rng.randint(1, 99)}@example.com",
            f"{last}_{first[0]}@mail.example.net",
        )
    )
    phone = rng.choice(
        (
            f"+1 (555) 555-01{rng.randint(10, 99)}",
            f"+44 20 7946 0{rng.randint(100, 999)}",
            f"555-01{rng.randint(10, 99)}",
        )
    )
    marks = rng.choice(((address,), (address, phone)))
    line = rng.choice(
        (
            f"Write to {' or call '.join(marks)} if you know more.",
            f"Contact: {', '.join(marks)}.",
            f"{first.capitalize()} asked everyone to answer to {' or to call '.join(marks)}.",
        )
    )
    paragraphs = text.split("\n\n")
    paragraphs.insert(rng.randint(1, len(paragraphs)), line)
    return Dirty("\n\n".join(paragraphs), marks)


def _whitespace(text: str, rng: random.Random) -> Dirty:
    text = re.sub(r"(?<=[.!?]) ", lambda found: "  " if rng.random() < 0.7 else found[0], text)
    breaks = rng.choice(("\r\n", "\n\n", " \n\t"))
    return Dirty(f"  {text}".replace("\n", breaks) + "   \n", (breaks,))


def _control_characters(text: str, rng: random.Random) -> Dirty:
    marks = tuple(rng.sample("\x07\x0b\x0c\x1b\x7f\u200b\ufeff\u00ad", 3))
    for place in sorted(rng.sample(range(len(text)), 9), reverse=True):
        text = text[:place] + rng.choice(marks) + text[place:]
    return Dirty(text, tuple(mark for mark in marks if mark in text))


# ------------------------------------------------------------------------ useless documents


def _fragment(text: str, rng: random.Random) -> Dirty:
    opening = " ".join(text.split()[: rng.randint(2, 9)])
    page = f"Page {rng.randint(2, 80)} of {rng.randint(81, 300)}"
    return Dirty(rng.choice((opening, page, "Read more ...", "[image]", "No content.")), ())


_ALPHABETS = ("#$%&*@!^~|<>{}=+_-/ ", "asdfghjkl;'qwertyuiop[]  ", "0123456789abcdef-:/ ")


def _noise(text: str, rng: random.Random) -> Dirty:
    alphabet = rng.choice(_ALPHABETS)
    return Dirty("".join(rng.choices(alphabet, k=min(len(text), 1500))), ())


def _repeated_lines(text: str, rng: random.Random) -> Dirty:
    line = rng.choice(re.split(r"(?<=[.!?])\s", text))
    return Dirty("\n".join([line] * rng.randint(25, 60)), (line,))


def _foreign(_: str, rng: random.Random) -> Dirty:
    language, text = foreign(rng)
    return Dirty(text, (language,))


def _encoding(text: str, rng: random.Random) -> Dirty:
    mark = rng.choice(_ACCENTED)
    return Dirty(f"{text}\n\n{mark}\n", (mark,))


PLANTERS: dict[str, Callable[[str, random.Random], Dirty]] = {
    "markup": _markup,
    "boilerplate": _boilerplate,
    "licence": _licence,
    "mojibake": _mojibake,
    "language": _foreign,
    "email": _email,
    "whitespace": _whitespace,
    "fragment": _fragment,
    "noise": _noise,
    "repeated_lines": _repeated_lines,
    "control_characters": _control_characters,
    "encoding": _encoding,
}
"""For each kind but the duplicates: clean text and a generator → the dirty text."""
