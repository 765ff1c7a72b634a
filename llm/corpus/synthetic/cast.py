"""Who and what a document speaks of: people and towns, things, places, hiding spots."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from llm.corpus.synthetic import words

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_THINGS = tuple(
    dict.fromkeys(
        words.TOOLS + words.GARMENTS + words.TREASURES + words.INSTRUMENTS + words.VESSELS
    )
)
_LOOKS = (*words.COLOURS, "old", "new", "small", "little", "shiny", "dusty", "strange", "plain")
_SPOTS = (
    "in the {look} {vessel}",
    "under the {look} {furniture}",
    "behind the {look} {vessel}",
    "on the {look} {furniture}",
    "inside {a} {look} {vessel}",
    "between two {look} {vessels}",
    "beside the {furniture} in the {room}",
    "in the {room}, behind the {vessel}",
    "under a {vessel} in the {room}",
    "at the bottom of the {look} {vessel}",
)
# The rest is invented, so that names cannot be learnt by heart.
_COMMON_NAMES = 0.6
_TOWN_ENDINGS = ("", "", "", "", "ton", "ford", "ham", "field", "wick", "dale", "burn")


@dataclass(frozen=True)
class Person:
    """Somebody with a name, pronouns, a trade and a trait."""

    name: str
    surname: str
    he: str
    him: str
    his: str
    role: str
    trait: str
    town: str

    def __str__(self) -> str:
        return self.name

    @property
    def full(self) -> str:
        """Name and surname."""
        return f"{self.name} {self.surname}"

    @property
    def child(self) -> str:
        """boy or girl."""
        return "boy" if self.he == "he" else "girl"

    @property
    def man(self) -> str:
        """man or woman."""
        return "man" if self.he == "he" else "woman"

    @property
    def son(self) -> str:
        """son or daughter."""
        return "son" if self.he == "he" else "daughter"


@dataclass(frozen=True)
class Thing:
    """An object that can be carried, lost, lent and found."""

    noun: str
    look: str

    def __str__(self) -> str:
        return self.noun

    @property
    def full(self) -> str:
        """Look and noun, as in "dusty lamp"."""
        return f"{self.look} {self.noun}"


class World:
    """Draws the people and things of one document, each only once."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._used: set[str] = set()
        self.invented: list[str] = []
        self.town = self.town_name()

    def word(self) -> str:
        """A new invented word in lower case, from the training words."""
        while True:
            word = words.pseudo_word(self._rng)
            if word not in self._used:
                self._used.add(word)
                self.invented.append(word)
                return word

    def town_name(self) -> str:
        """A new name of a town: a common one, or an invented one, as Tamor or Kestaford."""
        if self._rng.random() < _COMMON_NAMES:
            return self.pick(words.TOWNS)
        while True:
            name = self.word() + self.one(_TOWN_ENDINGS)
            if not words.is_held_out(name):
                self.invented.append(name)
                return name.capitalize()

    def one(self, options: Sequence[str]) -> str:
        """One of the options; it may come again."""
        return options[int(self._rng.random() * len(options))]

    def pick(self, options: Sequence[str]) -> str:
        """One of the options that this document has not used yet, while there are any."""
        word = self.one(options)
        if word in self._used:
            word = self.one([other for other in options if other not in self._used] or options)
        self._used.add(word)
        return word

    def person(self, *, role: str | None = None) -> Person:
        """A new person; men and women come equally often, invented first names now and then."""
        is_man = self._rng.random() < 0.5
        pronouns = ("he", "him", "his") if is_man else ("she", "her", "her")
        common = self._rng.random() < _COMMON_NAMES
        return Person(
            self.pick(words.MEN if is_man else words.WOMEN) if common else self.word().capitalize(),
            self.word().capitalize(),
            *pronouns,
            role or self.pick(words.OCCUPATIONS),
            self.one(words.CHARACTERS),
            self.town,
        )

    def thing(self) -> Thing:
        """A new thing that a person can carry."""
        return Thing(self.pick(_THINGS), self.one(_LOOKS))

    def place(self) -> str:
        """A new place, as "mill"."""
        return self.pick(words.PLACES)

    def animal(self) -> str:
        """A new animal, as "badger"."""
        return self.pick(words.ANIMALS)

    def spot(self) -> str:
        """A new hiding spot, as "under the red bench"."""
        look = self.one(_LOOKS)
        vessel = self.pick(words.VESSELS)
        return self.one(_SPOTS).format(
            look=look,
            vessel=vessel,
            vessels=words.plural(vessel),
            furniture=self.pick(words.FURNITURE),
            room=self.pick(words.ROOMS),
            a=words.with_article(look).split()[0],
        )
