"""Which documents train and which validate: by cluster, by hash, stable when documents come."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def draw(seed: int, name: str) -> float:
    """A number in [0, 1) that depends on the seed and the name alone (SHA-256)."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    # 53 bits, as many as a float holds: 64 would round up to 1.0 at the very top.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def is_validation(seed: int, cluster: str, fraction: float) -> bool:
    """Whether a cluster validates. Other clusters have no say, so it stays where it is.

    cluster: its name, the lowest id in it. A new near-duplicate with a lower id renames it, and
    then it is drawn again: of a cluster of n documents, one such in n + 1 does, and 2 f (1 - f) of
    these move, f being the fraction. Without its lowest document it is drawn again too. No rule on
    ids alone can do without, for a new document may join a cluster that trains with one that
    validates; they are one from then on, on the side of the lower name.
    """
    return draw(seed, cluster) < fraction


def cut(text: str, characters: int) -> list[str]:
    """Cut a text at paragraph borders into consecutive sections of at least `characters`.

    A last section of less than half of that goes to the one before it. Paragraphs are set off by
    an empty line, or by a line's end where the text has no empty line. The sections are without
    overlap, and joined they are the text but for the white space at the borders.
    """
    mark = "\n\n" if "\n\n" in text else "\n"
    sections: list[str] = []
    waiting: list[str] = []
    size = 0
    for paragraph in text.split(mark):
        waiting.append(paragraph)
        size += len(paragraph) + len(mark)
        if size >= characters:
            sections.append(mark.join(waiting))
            waiting, size = [], 0
    if waiting and sections and size < characters / 2:
        sections[-1] = mark.join([sections[-1], *waiting])
    elif waiting:
        sections.append(mark.join(waiting))
    return [section for section in (text.strip("\n") for text in sections) if section]


def held_out(
    seed: int, cluster: str, sections: int, fraction: float, *, at_least: int = 0
) -> range:
    """Which of a long document's sections validate: one run of neighbours, placed by hash.

    Neighbours, because at each border between training and validation the one side shows the
    beginning or the end of what the other is asked about. As many as the fraction says, rounded;
    of too few sections for one, one is held out as often as keeps the fraction right on average.
    Never all of them.
    """
    wanted = round(sections * fraction)
    if wanted == 0 and draw(seed, f"{cluster}:some") < sections * fraction:
        wanted = 1
    wanted = min(max(wanted, at_least), sections - 1)
    start = int(draw(seed, f"{cluster}:start") * (sections - wanted + 1))
    return range(start, start + wanted)


class Sides:
    """Which sections of each document validate; an empty range where none.

    What is drawn for is a unit: a cluster whose documents stay whole, with one section, or a long
    document with several. All units are counted before any is asked for; none is remembered, so
    that memory does not grow with them. New units move no other, with one exception. Both sides
    get something: where the hashes leave one side empty, and only then, the unit with the lowest
    (or highest) draw changes sides, and it goes back when new documents fill that side.
    """

    def __init__(self, *, seed: int, fraction: float) -> None:
        self._seed = seed
        self._fraction = fraction
        self._validates = False  # whether anything does
        self._trains = False
        self._lowest: tuple[float, str, int] | None = None  # draw, unit, sections
        self._highest: tuple[float, str, int] | None = None

    def count(self, unit: str, sections: int) -> None:
        """Take note of a unit; of a cluster, once or once per document."""
        held = len(self._drawn(unit, sections))
        self._validates |= held > 0
        self._trains |= held < sections
        place = (draw(self._seed, unit), unit, sections)
        self._lowest = min(self._lowest or place, place)
        self._highest = max(self._highest or place, place)

    @property
    def enough(self) -> bool:
        """Whether there is something for both sides: two units, or several sections of one."""
        return self._lowest != self._highest or (self._lowest is not None and self._lowest[2] > 1)

    def of(self, unit: str, sections: int) -> range:
        """The sections of a unit that validate. Raises ValueError where there is not `enough`."""
        if not self.enough:
            raise ValueError("fewer than two sections")
        assert self._lowest is not None
        assert self._highest is not None
        if not self._validates and unit == self._lowest[1]:
            if sections == 1:
                return range(1)
            return held_out(self._seed, unit, sections, self._fraction, at_least=1)
        if not self._trains and unit == self._highest[1]:
            return range(0)
        return self._drawn(unit, sections)

    def _drawn(self, unit: str, sections: int) -> range:
        if sections > 1:
            return held_out(self._seed, unit, sections, self._fraction)
        return range(is_validation(self._seed, unit, self._fraction))


def blocks(sections: Sequence[str], held: range) -> list[tuple[str, bool]]:
    """The sections joined again to at most three texts: before, held out, after; True for held."""
    pieces = [
        (sections[: held.start], False),
        (sections[held.start : held.stop], True),
        (sections[held.stop :], False),
    ]
    if not held:
        pieces = [(sections, False)]
    return [("\n\n".join(part), is_held) for part, is_held in pieces if part]
