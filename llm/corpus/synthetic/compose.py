"""One clean document by seed and index: a story, a lesson in new words, or a paper."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from llm.corpus.synthetic.cast import World
from llm.corpus.synthetic.deeds import DEED_PLOTS
from llm.corpus.synthetic.grammar import Teller
from llm.corpus.synthetic.lessons import LESSONS
from llm.corpus.synthetic.papers import PAPERS
from llm.corpus.synthetic.plots import FINDING_PLOTS, Beats
from llm.corpus.synthetic.scenes import aside, ending, later, opening, recall

MINIMUM_CHARACTERS = 500
MAXIMUM_CHARACTERS = 4000
Form = Callable[[Teller, World], None]
PLOTS: tuple[Callable[[Teller, World], Beats], ...] = (*FINDING_PLOTS, *DEED_PLOTS)
_LESSON_SHARE = 0.28
_PAPER_SHARE = 0.16
_MORE = 0.3  # the chance of a second chapter or paper


class Document(NamedTuple):
    """A clean document. `form` names its plot or kind; `invented` are the words made up for it."""

    text: str
    form: str
    invented: tuple[str, ...]


def compose(seed: int, index: int) -> Document:
    """Document `index` of a seed, the same in every process; 500 to 4,000 characters."""
    rng = random.Random(f"stories/{seed}/{index}")
    while True:
        teller, world = Teller(rng), World(rng)
        share = rng.random()
        if share < _LESSON_SHARE:
            form = _write(teller, world, LESSONS)
        elif share < _LESSON_SHARE + _PAPER_SHARE:
            form = _write(teller, world, PAPERS)
        else:
            form = _tell(teller, world)
        text = teller.text(maximum_characters=MAXIMUM_CHARACTERS)
        if MINIMUM_CHARACTERS <= len(text) <= MAXIMUM_CHARACTERS:
            return Document(text, form, tuple(world.invented))


def _write(teller: Teller, world: World, forms: tuple[Form, ...]) -> str:
    """One lesson or paper, or several under one roof while the document is short."""
    form = teller.choose(forms)
    form(teller, world)
    while len(teller.text(maximum_characters=MAXIMUM_CHARACTERS)) < MINIMUM_CHARACTERS or (
        teller.chance(_MORE)
    ):
        teller.choose(forms)(teller, world)
    return form.__name__


def _tell(teller: Teller, world: World) -> str:
    """A story of one chapter or two: opening, the plot's beats with asides, ending, questions."""
    opening(teller, world)
    plots = teller.rng.sample(PLOTS, 2 if teller.chance(_MORE) else 1)
    wordiness = teller.rng.random() * 0.7
    moral = ""
    for number, plot in enumerate(plots):
        if number:
            later(teller, world)
        for beat in plot(teller, world):
            if beat is not None:
                moral = teller.phrase(beat)
            elif teller.chance(wordiness):
                aside(teller, world)
    if teller.chance(0.7):
        ending(teller, moral)
    if teller.chance(0.75):
        recall(teller)
    if teller.chance(0.4):
        teller.title(
            "The [Story|Tale] of {hero} the {C hero.role}",
            "{hero} of {town}",
            "[A Story|A Tale] from {town}",
            "What Happened to {hero}",
            "{hero} {hero.surname}",
        )
    return plots[0].__name__
