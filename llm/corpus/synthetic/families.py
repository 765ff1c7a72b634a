"""What a family of instruction records is, and the families that work on bare lists of words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from llm.corpus.synthetic.words import FIRST_NAMES, NOUNS, TOWNS, plural, pseudo_word

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


# Those that follow "a" and have a regular plural, so that the frames of all families fit.
_THINGS = tuple(n for n in NOUNS if n[0] not in "aeiou" and plural(n) == n + "s")
_INVENTED_FRACTION = 0.7
_LONGEST = 5  # letters of an invented word: few tokens even for a small vocabulary


class ContentWords:
    """Draws the content words of one record: never the same twice, all on one side of the hold-out.

    Content words are nouns, first names and names of towns, common or invented. Those of a
    held-out record are all invented and stand in no record that trains: from a few hundred common
    words a model learns a list to choose from, from an endless supply it learns to copy, and only
    a word outside every list tells the two apart. Carrier words ("the", "red", "gave") are shared
    by both sides. `rng` decides all else about the record.
    """

    def __init__(self, rng: Random, *, held_out: bool) -> None:
        self.rng = rng
        self._held_out = held_out
        self._drawn: set[str] = set()

    def thing(self) -> str:
        """A noun in lower case, common or invented."""
        if self._common():
            return self._draw(_THINGS)
        return self._invented()

    def things(self, count: int) -> list[str]:
        """`count` different nouns."""
        return [self.thing() for _ in range(count)]

    def place(self) -> str:
        """The name of a town, common or invented."""
        if self._common():
            return self._draw(TOWNS)
        return self._invented().capitalize()

    def name(self) -> str:
        """A first name, common or invented."""
        if self._common():
            return self._draw(FIRST_NAMES)
        return self._invented().capitalize()

    def names(self, count: int) -> list[str]:
        """`count` different names."""
        return [self.name() for _ in range(count)]

    def _common(self) -> bool:
        return not self._held_out and self.rng.random() >= _INVENTED_FRACTION

    def _invented(self) -> str:
        while True:
            word = pseudo_word(self.rng, held_out=self._held_out)
            if len(word) <= _LONGEST and word not in self._drawn:
                self._drawn.add(word)
                return word

    def _draw(self, words: tuple[str, ...]) -> str:
        while (word := self.rng.choice(words)) in self._drawn:
            pass
        self._drawn.add(word)
        return word


@dataclass(frozen=True)
class Made:
    """One solved task: the record's input and output, and values for slots of the instruction."""

    input: str
    output: str
    slots: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Family:
    """One kind of task: wordings of its instruction, and a maker of solved examples."""

    name: str
    wordings: tuple[str, ...]
    make: Callable[[ContentWords], Made]


def make_repeat(words: ContentWords) -> Made:
    """Copy two or three words."""
    phrase = " ".join(words.things(words.rng.randint(2, 3)))
    return Made(phrase, phrase)


def make_quote(words: ContentWords) -> Made:
    """Wrap a word in double quotes."""
    word = words.thing()
    return Made(word, f'"{word}"')


def make_bracket(words: ContentWords) -> Made:
    """Wrap a word in round brackets."""
    word = words.thing()
    return Made(word, f"({word})")


def make_twice(words: ContentWords) -> Made:
    """Write a word two times."""
    word = words.thing()
    return Made(word, f"{word} {word}")


def make_swap(words: ContentWords) -> Made:
    """Swap two words."""
    one, two = words.things(2)
    return Made(f"{one} {two}", f"{two} {one}")


def make_reverse(words: ContentWords) -> Made:
    """Turn a list of three words around."""
    items = words.things(3)
    return Made(", ".join(items), ", ".join(reversed(items)))


def make_first(words: ContentWords) -> Made:
    """Select the first word of a list."""
    items = words.things(words.rng.randint(3, 4))
    return Made(", ".join(items), items[0])


def make_second(words: ContentWords) -> Made:
    """Select the second word of a list."""
    items = words.things(words.rng.randint(3, 4))
    return Made(", ".join(items), items[1])


def make_last(words: ContentWords) -> Made:
    """Select the last word of a list."""
    items = words.things(words.rng.randint(3, 4))
    return Made(", ".join(items), items[-1])


def make_join(words: ContentWords) -> Made:
    """Join two or three words with 'and'."""
    items = words.things(words.rng.randint(2, 3))
    return Made(", ".join(items), ", ".join(items[:-1]) + f" and {items[-1]}")


def make_bullets(words: ContentWords) -> Made:
    """Write a list with one bullet per line."""
    items = words.things(words.rng.randint(2, 3))
    return Made(", ".join(items), "\n".join(f"- {item}" for item in items))


def make_remove(words: ContentWords) -> Made:
    """Leave one word out of a list of three."""
    items = words.things(3)
    gone = words.rng.choice(items)
    rest = [item for item in items if item != gone]
    return Made(", ".join(items), ", ".join(rest), {"word": gone})


def make_replace(words: ContentWords) -> Made:
    """Put another word in the place of one word of a list of three."""
    *items, new = words.things(4)
    old = words.rng.choice(items)
    changed = [new if item == old else item for item in items]
    return Made(", ".join(items), ", ".join(changed), {"old": old, "new": new})


def make_pattern(words: ContentWords) -> Made:
    """Continue a repeating pattern of two or three words."""
    period = words.things(words.rng.randint(2, 3))
    shown = words.rng.randint(len(period) + 1, len(period) + 3)
    items = [period[index % len(period)] for index in range(shown + 1)]
    return Made(" ".join(items[:-1]), items[-1])


def make_odd_one(words: ContentWords) -> Made:
    """Find the one word that differs from the others."""
    usual, odd = words.things(2)
    items = [usual] * 3
    items.insert(words.rng.randint(0, 3), odd)
    return Made(" ".join(items), odd)


def make_follows(words: ContentWords) -> Made:
    """Find the word after a given word of a list."""
    items = words.things(words.rng.randint(3, 4))
    place = words.rng.randrange(len(items) - 1)
    return Made(", ".join(items), items[place + 1], {"word": items[place]})


def make_lookup(words: ContentWords) -> Made:
    """Look up the value of a key."""
    keys, values = words.names(3), words.things(3)
    place = words.rng.randrange(3)
    pairs = "; ".join(f"{key}: {value}" for key, value in zip(keys, values, strict=True))
    return Made(pairs, values[place], {"key": keys[place]})


def make_reverse_lookup(words: ContentWords) -> Made:
    """Look up the key of a value."""
    keys, values = words.names(2), words.things(2)
    place = words.rng.randrange(2)
    pairs = "; ".join(f"{key}: {value}" for key, value in zip(keys, values, strict=True))
    return Made(pairs, keys[place], {"value": values[place]})


def make_count(words: ContentWords) -> Made:
    """Count the words of a list (one of the hard families: it needs arithmetic, not copying)."""
    count = words.rng.randint(1, 6)
    numbers = ("one", "two", "three", "four", "five", "six")
    return Made(", ".join(words.things(count)), numbers[count - 1])


def make_first_letter(words: ContentWords) -> Made:
    """Give a word's first letter (hard: the model sees tokens, not letters)."""
    word = words.thing()
    return Made(word, word[0])


def make_upper_case(words: ContentWords) -> Made:
    """Write a word in capitals (hard: the model sees tokens, not letters)."""
    word = words.thing()
    return Made(word, word.upper())


def make_spell(words: ContentWords) -> Made:
    """Spell a word (hard: the model sees tokens, not letters)."""
    word = words.thing()
    return Made(word, "-".join(word))


WORD_FAMILIES: tuple[Family, ...] = (
    Family(
        "repeat",
        ("Repeat the words.", "Say the same words again.", "Copy this phrase exactly."),
        make_repeat,
    ),
    Family(
        "quote",
        ("Put the word in quotation marks.", "Quote this word.", "Write the word inside quotes."),
        make_quote,
    ),
    Family(
        "bracket",
        ("Put the word in brackets.", "Write the word inside brackets.", "Add brackets around it."),
        make_bracket,
    ),
    Family(
        "twice",
        ("Say the word twice.", "Write this word two times.", "Double the word."),
        make_twice,
    ),
    Family(
        "swap",
        ("Swap the two words.", "Exchange the words.", "Write the two words the other way round."),
        make_swap,
    ),
    Family(
        "reverse",
        ("Reverse the list.", "Write the list backwards.", "Turn the order of the list around."),
        make_reverse,
    ),
    Family(
        "first",
        ("Give the first word of the list.", "Which word is first?", "Name the first item."),
        make_first,
    ),
    Family(
        "second",
        ("Give the second word of the list.", "Which word is second?", "Name the second item."),
        make_second,
    ),
    Family(
        "last",
        ("Give the last word of the list.", "Which word is last?", "Name the last item."),
        make_last,
    ),
    Family(
        "join",
        (
            "Join the words with 'and'.",
            "Put 'and' before the last word.",
            "Link the list by 'and'.",
        ),
        make_join,
    ),
    Family(
        "bullets",
        ("Write the list with bullets.", "Make a bullet list.", "Put every item on its own line."),
        make_bullets,
    ),
    Family(
        "remove",
        ("Remove {word} from the list.", "Leave out {word}.", "Write the list without {word}."),
        make_remove,
    ),
    Family(
        "replace",
        (
            "Replace {old} with {new}.",
            "Change {old} to {new} in the list.",
            "Write {new} where the list says {old}.",
        ),
        make_replace,
    ),
    Family(
        "pattern",
        ("What comes next?", "Continue the pattern by one word.", "Which word is next?"),
        make_pattern,
    ),
    Family(
        "odd_one",
        ("Find the odd one out.", "Which word is different?", "Name the word that differs."),
        make_odd_one,
    ),
    Family(
        "follows",
        ("Which word follows {word}?", "What comes after {word}?", "Name the item after {word}."),
        make_follows,
    ),
    Family(
        "lookup",
        ("What belongs to {key}?", "Look up {key}.", "Find the value of {key}."),
        make_lookup,
    ),
    Family(
        "reverse_lookup",
        ("Who has {value}?", "To whom does {value} belong?", "Find the owner of {value}."),
        make_reverse_lookup,
    ),
    Family(
        "count",
        ("Count the words.", "How many words are there?", "How long is the list?"),
        make_count,
    ),
    Family(
        "first_letter",
        ("Give the first letter.", "Which letter does it start with?", "Name the first letter."),
        make_first_letter,
    ),
    Family(
        "upper_case",
        ("Write the word in capitals.", "Use capital letters only.", "Make the word upper case."),
        make_upper_case,
    ),
    Family(
        "spell",
        ("Spell the word.", "Write the word letter by letter.", "Put a dash between the letters."),
        make_spell,
    ),
)
