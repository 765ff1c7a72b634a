"""Templates with choices and slots, and the teller that turns them into paragraphs."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from llm.corpus.synthetic.words import plural, with_article

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

T = TypeVar("T")


class _Slot(NamedTuple):
    """{hero}, {hero.his}, {a thing.full}, {s thing}: a name, its attribute, a change of form."""

    form: str
    name: str
    attribute: str


class _Choice(NamedTuple):
    """[went|walked|]: one of several sequences, drawn evenly."""

    options: tuple[tuple[Any, ...], ...]


_PIECES = re.compile(r"[\[\]|]|\{[^}]*\}|[^\[\]|{}]+")
_SENTENCE_STARTS = re.compile(r'(?:^"?|[.!?] "?|\." |[.!?]" "|: ")[a-z]')


@cache
def _parsed(template: str) -> tuple[Any, ...]:
    """The template as a tree of text, slots and choices. Templates are constants of this room."""
    stack: list[list[list[Any]]] = [[[]]]
    for piece in _PIECES.findall(template):
        if piece == "[":
            stack.append([[]])
        elif piece == "|":
            stack[-1].append([])
        elif piece == "]":
            options = stack.pop()
            stack[-1][-1].append(_Choice(tuple(tuple(option) for option in options)))
        elif piece.startswith("{"):
            form, _, path = piece[1:-1].rpartition(" ")
            name, _, attribute = path.partition(".")
            stack[-1][-1].append(_Slot(form, name, attribute))
        else:
            stack[-1][-1].append(piece)
    if len(stack) != 1 or len(stack[0]) != 1:
        raise ValueError(f"unbalanced template: {template!r}")
    return tuple(stack[0][0])


def _write(nodes: tuple[Any, ...], rng: random.Random, names: Mapping[str, Any]) -> str:
    text = ""
    for node in nodes:
        if isinstance(node, str):
            text += node
        elif isinstance(node, _Slot):
            value = names[node.name]
            word = str(getattr(value, node.attribute) if node.attribute else value)
            if node.form == "a":
                word = with_article(word)
            elif node.form == "s":
                word = plural(word)
            elif node.form == "C":
                word = word[0].upper() + word[1:]
            text += word
        else:
            text += _write(node.options[int(rng.random() * len(node.options))], rng, names)
    return text


def fill(template: str, rng: random.Random, names: Mapping[str, Any]) -> str:
    """The template with its choices drawn, its slots filled and its sentences capitalised.

    After '?"' and '!"' the next word stays as it is: it may be "asked".
    """
    text = phrase(template, rng, names)
    return _SENTENCE_STARTS.sub(lambda match: match[0][:-1] + match[0][-1].upper(), text)


def phrase(template: str, rng: random.Random, names: Mapping[str, Any]) -> str:
    """The template with its choices drawn and its slots filled, for the middle of a sentence."""
    return _write(_parsed(template), rng, names)


class Fact(NamedTuple):
    """Something a reader can be asked about later."""

    question: str
    short: str
    full: str


class Teller:
    """Collects the sentences of one document: paragraphs, facts to recall, names in use."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.names: dict[str, Any] = {}
        self.facts: list[Fact] = []
        self._paragraphs: list[tuple[list[str], bool]] = []

    def bind(self, **names: Any) -> None:
        """Give slots their values from now on."""
        self.names.update(names)

    def fill(self, *options: str, **names: Any) -> str:
        """One of the templates, filled. `names` hold for this sentence alone."""
        return fill(self.choose(options), self.rng, {**self.names, **names})

    def phrase(self, *options: str, **names: Any) -> str:
        """One of the templates, filled, for a slot in the middle of a sentence."""
        return phrase(self.choose(options), self.rng, {**self.names, **names})

    def say(self, *options: str, **names: Any) -> None:
        """Add one of the templates to the present paragraph."""
        if not self._paragraphs:
            self._paragraphs.append(([], False))
        self._paragraphs[-1][0].append(self.fill(*options, **names))

    def new(self, *options: str, **names: Any) -> None:
        """Open a paragraph with one of the templates."""
        self._paragraphs.append(([], False))
        self.say(*options, **names)

    def aside(self, *options: str, **names: Any) -> None:
        """Open a paragraph that the document can do without."""
        self._paragraphs.append(([], True))
        self.say(*options, **names)

    def title(self, *options: str) -> None:
        """Put one of the templates before everything else."""
        self._paragraphs.insert(0, ([self.fill(*options)], False))

    def line(self, text: str) -> None:
        """Add one paragraph exactly as it stands."""
        self._paragraphs.append(([text], False))

    def fact(self, question: str, short: str, full: str, /, **names: Any) -> None:
        """Remember a question with its short and its full answer."""
        self.facts.append(Fact(*(self.fill(part, **names) for part in (question, short, full))))

    def choose(self, options: Sequence[T]) -> T:
        """One of the options, drawn evenly."""
        return options[int(self.rng.random() * len(options))]

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.rng.random() < probability

    def text(self, *, maximum_characters: int) -> str:
        """The document. Asides are left out, the last first, while it is too long."""
        paragraphs = [(" ".join(sentences), spare) for sentences, spare in self._paragraphs]
        length = sum(len(paragraph) + 2 for paragraph, _ in paragraphs) - 2
        for place in range(len(paragraphs) - 1, -1, -1):
            if length > maximum_characters and paragraphs[place][1]:
                length -= len(paragraphs.pop(place)[0]) + 2
        return "\n\n".join(paragraph for paragraph, _ in paragraphs)
