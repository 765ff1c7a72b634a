"""Which documents train and which validate: by cluster, by hash, stable when documents come."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence


def draw(seed: int, name: str) -> float:
    """A number in [0, 1) that depends on the seed and the name alone (SHA-256)."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    # 53 bits, as many as a float holds: 64 would round up to 1.0 at the very top.
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def is_validation(seed: int, cluster: str, fraction: float) -> bool:
    """Whether a cluster validates. Other clusters have no say, so it stays where it is.

    cluster: its name, the lowest id in it. A new near-duplicate with a lower id renames it, and
    then it is drawn again: of a cluster of n documents, one such in n + 1 does, and 2 f (1 - f) of
    these move, f being the fraction. No rule on ids alone can do without, for a new document may
    join a cluster that trains with one that validates.
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


def plan(lengths: Mapping[str, int], *, seed: int, fraction: float) -> dict[str, range]:
    """Which sections of each cluster's document validate; an empty range where none.

    lengths: sections per cluster, 1 for a document that stays whole. New clusters move no other,
    with one exception. Both sides get something: where the hashes leave one side empty, and only
    then, the cluster with the lowest (or highest) draw changes sides, and it goes back when new
    documents fill that side. Raises ValueError where there are fewer than two sections in all.
    """
    if sum(lengths.values()) < 2:
        raise ValueError("fewer than two sections")
    runs: dict[str, range] = {}
    for cluster, sections in lengths.items():
        if sections > 1:
            runs[cluster] = held_out(seed, cluster, sections, fraction)
        else:
            runs[cluster] = range(is_validation(seed, cluster, fraction))
    held = sum(map(len, runs.values()))
    if held in (0, sum(lengths.values())):
        ordered = sorted(lengths, key=lambda cluster: (draw(seed, cluster), cluster))
        if held:
            runs[ordered[-1]] = range(0)
        else:
            first = ordered[0]
            sections = lengths[first]
            runs[first] = (
                range(1) if sections == 1 else held_out(seed, first, sections, fraction, at_least=1)
            )
    return runs


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
