"""Writes short messages, spam and not, that no keyword tells apart: order and spelling count."""

from __future__ import annotations

import csv
import re
from random import Random
from typing import TYPE_CHECKING

from llm.corpus.synthetic.message_grammar import HAM, SHAPES, SPAM, expand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS_PER_SCALE = 3_000
SPAM_FRACTION = 0.134  # as in the SMS Spam Collection (Almeida and Hidalgo 2011)
EXACT_DUPLICATE_FRACTION = 0.04
NEAR_DUPLICATE_FRACTION = 0.03
LABEL_NOISE_FRACTION = 0.002

# Shares of messages with each manner of writing. Spam that poses as a friend writes like one.
_SHOUTED_SPAM = 0.35
_DISGUISED_SPAM = 0.75
_CASUAL_CASE = 0.45
_CASUAL_SPELLING = 0.35
_MISTYPED = 0.12
_SHOUTED_HAM = 0.03
_LINE_BREAK = 0.004

_ABBREVIATIONS = {
    "you": "u", "are": "r", "your": "ur", "to": "2", "for": "4", "please": "pls", "be": "b",
    "tonight": "2nite", "tomorrow": "2moro", "later": "l8r", "great": "gr8", "see": "c",
    "thanks": "thx", "message": "msg", "text": "txt", "and": "n", "before": "b4", "with": "wiv",
    "love": "luv", "that's": "thats", "I'm": "im", "because": "cos", "have": "hav", "what": "wot",
}  # fmt: skip
_TELLTALE = re.compile(
    r"(?:free|win|winner|won|claim|prize|cash|call|urgent|offer|text|txt|reply|click|loan|money|"
    r"bonus|congratulations|award(?:ed)?|selected|chosen|mobile|deal|special|account|card|parcel|"
    r"code|payment|refund|profile|number|photos|delivery|details|fee)",
    re.IGNORECASE,
)
_LONG_WORD = re.compile(r"(?<![\w./])[A-Za-z]{3,}(?![\w/]|\.\w)")  # not a piece of a link
_LOOKALIKES = {"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7", "l": "1"}
_LINK = re.compile(r"\S*\.(?:example|test|invalid)\S*|www\.\S+")
_ENDINGS = ("", "", "", ".", ".", "!", "..", "...", " :)", " x", " xx", "!!")


def write_messages(directory: Path, *, seed: int, scale: float) -> int:
    """Write messages.csv (UTF-8, header label,text) and return the number of rows.

    Streams: memory does not grow with `scale`. Row i depends on the seed and i alone.
    """
    directory.mkdir(parents=True, exist_ok=True)
    count = max(1, round(ROWS_PER_SCALE * scale))
    with (directory / "messages.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(("label", "text"))
        writer.writerows(messages(seed=seed, count=count))
    return count


def messages(*, seed: int, count: int) -> Iterator[tuple[str, str]]:
    """Yield (label, text) of the first `count` rows of a seed; label is "ham" or "spam".

    Some rows repeat an earlier one, letter by letter or with other digits or another ending.
    """
    for index in range(count):
        rng = Random(f"messages/{seed}/{index}/copy")
        chance = rng.random()
        if index == 0 or chance >= EXACT_DUPLICATE_FRACTION + NEAR_DUPLICATE_FRACTION:
            yield _original(seed, index)
            continue
        label, text = _original(seed, rng.randrange(index))
        yield label, text if chance < EXACT_DUPLICATE_FRACTION else _vary(text, rng)


def _original(seed: int, index: int) -> tuple[str, str]:
    rng = Random(f"messages/{seed}/{index}")
    label = SPAM if rng.random() < SPAM_FRACTION else HAM
    shapes = SHAPES[label]
    (symbols,) = rng.choices([shape for _, shape in shapes], [weight for weight, _ in shapes])
    sentences = [expand(symbol, rng) for symbol in symbols]
    text = _write(sentences, rng)
    if label == SPAM:
        text = _as_spam(text, rng, hard_sell="act" in symbols)
    elif rng.random() < _SHOUTED_HAM:
        text = text.upper()
    if rng.random() < LABEL_NOISE_FRACTION:
        label = HAM if label == SPAM else SPAM
    return label, text


def _write(sentences: list[str], rng: Random) -> str:
    """Put sentences together in one person's manner: case, abbreviations, slips, punctuation."""
    if rng.random() < _CASUAL_CASE:
        sentences = [sentence[0].lower() + sentence[1:] for sentence in sentences]
        joint = rng.choice((" ", ", ", ".. ", " - "))
    else:
        sentences = [sentence[0].upper() + sentence[1:] for sentence in sentences]
        joint = rng.choice((". ", ". ", "! ", "... "))
    if rng.random() < _LINE_BREAK:
        joint = "\n"
    text = sentences[0]
    for sentence in sentences[1:]:
        text += (joint if text[-1].isalnum() else " ") + sentence
    text = re.sub(r" +", " ", text).strip()
    if rng.random() < _CASUAL_SPELLING:
        text = _each_word(text, lambda word: _ABBREVIATIONS.get(word.lower(), word), rng, 0.7)
    if rng.random() < _MISTYPED:
        text = _each_word(text, lambda word: _slip(word, rng), rng, 0.15)
    return text + (rng.choice(_ENDINGS) if text[-1].isalnum() else "")


def _as_spam(text: str, rng: Random, *, hard_sell: bool) -> str:
    """Disguise words, most of all those that filters look for; a hard sell also shouts."""
    if rng.random() < _DISGUISED_SPAM:
        text = _LONG_WORD.sub(
            lambda found: (
                _disguise(found[0], rng)
                if rng.random() < (0.5 if _TELLTALE.fullmatch(found[0]) else 0.2)
                else found[0]
            ),
            text,
        )
    if hard_sell and rng.random() < _SHOUTED_SPAM:
        text = _each_word(text, str.upper, rng, rng.choice((0.3, 0.6, 1.0)))
    return text


def _disguise(word: str, rng: Random) -> str:
    """A spelling that people read and word lists miss: fr3e, priize, cl-aim, w.i.n."""
    manner = rng.random()
    if manner < 0.08:
        return rng.choice(".-_").join(word)
    place = rng.randrange(1, len(word))
    if manner < 0.16:
        return word[:place] + rng.choice(".-'_") + word[place:]
    if manner < 0.26:
        return word[:place] + word[place - 1] + word[place:]
    letters = [
        rng.choice(_LOOKALIKES[letter.lower()])
        if letter.lower() in _LOOKALIKES and rng.random() < 0.7
        else letter
        for letter in word
    ]
    return "".join(letters) if "".join(letters) != word else word + word[-1]


def _slip(word: str, rng: Random) -> str:
    """A typing slip: two letters swapped, or one left out or doubled."""
    if len(word) < 4 or not word.isalpha():
        return word
    place = rng.randrange(1, len(word) - 1)
    swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return rng.choice((swapped, word[:place] + word[place + 1 :], word[:place] + word[place - 1 :]))


def _each_word(text: str, change: Callable[[str], str], rng: Random, share: float) -> str:
    """Change a share of the words of a text; links stay as they are."""

    def maybe(found: re.Match[str]) -> str:
        word = found[0]
        if _LINK.fullmatch(word) or rng.random() >= share:
            return word
        return re.sub(r"[A-Za-z']+", lambda part: change(part[0]), word)

    return re.sub(r"\S+", maybe, text)


def _vary(text: str, rng: Random) -> str:
    """A near-duplicate: the same message with other digits, or else with another ending."""
    if sum(letter.isdigit() for letter in text) >= 3:
        return re.sub(r"\d", lambda _: str(rng.randrange(10)), text)
    return text.rstrip(".!x :)") + rng.choice(("!", "...", " ok?", " x", "!!", " :)"))
