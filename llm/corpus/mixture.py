"""How often each training document is read: sources in the shares asked for, planned by tokens.

A mixture gives sources weights, as GPT-3's did (Brown et al. 2020, table 2.2): small good sources
are then read several times while a large one is read in part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llm.corpus.split import draw
from llm.errors import InputError

Numbers = NDArray[np.int64]


class Inventory:
    """The documents of a training set, in order: source, tokens, and a number drawn for each.

    Memory: 20 bytes per document. seed: of the draw, which depends on it and the id alone; None
    where there are no weights, and so nothing to draw.
    """

    def __init__(self, seed: int | None) -> None:
        self._seed = seed
        self._numbers: dict[str, int] = {}  # source → its number
        self._sources: list[NDArray[np.int32]] = []
        self._tokens: list[Numbers] = []
        self._draws: list[NDArray[np.float64]] = []

    def add(self, ids: Iterable[str], sources: Sequence[str], tokens: Numbers) -> None:
        """Count documents: their ids, read only to draw, sources and numbers of tokens."""
        numbers = [self._numbers.setdefault(name, len(self._numbers)) for name in sources]
        self._sources.append(np.array(numbers, dtype=np.int32))
        self._tokens.append(tokens.astype(np.int64))
        if self._seed is not None:
            self._draws.append(np.array([draw(self._seed, name) for name in ids]))

    @property
    def sources(self) -> list[str]:
        """The names of the sources, sorted."""
        return sorted(self._numbers)

    @property
    def tokens(self) -> Numbers:
        """Tokens per document, (documents,)."""
        return np.concatenate([np.zeros(0, dtype=np.int64), *self._tokens])

    @property
    def draws(self) -> NDArray[np.float64]:
        """The number drawn for each document, (documents,)."""
        return np.concatenate([np.zeros(0), *self._draws])

    def of(self, source: str) -> Numbers:
        """The positions of a source's documents."""
        owners = np.concatenate([np.zeros(0, dtype=np.int32), *self._sources])
        return np.flatnonzero(owners == self._numbers[source])


@dataclass(frozen=True, eq=False)
class Plan:
    """How many times each document stands in the mixture, (documents,), and the table of it."""

    copies: Numbers
    table: list[dict[str, Any]]


def plan(
    inventory: Inventory,
    weights: Mapping[str, float] | None,
    *,
    tokens: int | None = None,
    maximum_passes: float | None = None,
) -> Plan:
    """Copies of every document, so that sources stand in the mixture as their weights say.

    weights: per source, of any sum; every source needs one. None: each document once. tokens: size
    of the mixture, None for as many as the documents hold. A source that is to be read 2.3 times
    has all its documents twice, and some, lowest draw first, a third time: as many as come nearest
    to the number of tokens. It has at least one document. The table: per source its documents and
    tokens; weight, the share asked for; share, of the mixture's tokens; passes, how many times it
    is read in one pass over the mixture. Raises InputError where sources and weights differ, and
    where a source is to be read more than maximum_passes times.
    """
    copies = np.ones(len(inventory.tokens), dtype=np.int64)
    shares = None if weights is None else _shares(weights, inventory)
    if shares is not None:
        wanted = int(inventory.tokens.sum()) if tokens is None else tokens
        for source, share in shares.items():
            at = inventory.of(source)
            held = int(inventory.tokens[at].sum())
            if maximum_passes is not None and share * wanted > maximum_passes * held:
                raise _too_often(source, share * wanted / max(1, held), share, maximum_passes)
            copies[at] = _copies(inventory.tokens[at], inventory.draws[at], share * wanted)
    mixed = copies * inventory.tokens
    total = int(mixed.sum())
    table = []
    for source in inventory.sources:
        at = inventory.of(source)
        held, read = int(inventory.tokens[at].sum()), int(mixed[at].sum())
        table.append(
            {
                "source": source,
                "documents": len(at),
                "tokens": held,
                "weight": None if shares is None else round(shares[source], 6),
                "share": round(read / total, 6) if total else 0.0,
                "passes": round(read / held, 4) if held else 0.0,
            }
        )
    return Plan(copies, table)


def _copies(tokens: Numbers, draws: NDArray[np.float64], wanted: float) -> Numbers:
    """Copies of each of one source's documents, adding up to about `wanted` tokens."""
    passes, rest = divmod(wanted, max(1, int(tokens.sum())))
    order = np.argsort(draws, kind="stable")
    reached = np.concatenate([[0], np.cumsum(tokens[order])])
    more = int(np.argmin(np.abs(reached - rest)))
    copies = np.full(len(tokens), int(passes), dtype=np.int64)
    copies[order[: max(more, 1 - int(passes))]] += 1
    return copies


def _shares(weights: Mapping[str, float], inventory: Inventory) -> dict[str, float]:
    """The share of every source, adding up to 1, sources sorted by name."""
    unknown = sorted(weights.keys() - set(inventory.sources))
    missing = sorted(set(inventory.sources) - weights.keys())
    if unknown or missing:
        close = {name: get_close_matches(name, inventory.sources, n=1) for name in unknown}
        meant = [f"{name!r}: did you mean {found[0]!r}?" for name, found in close.items() if found]
        found = [f"no source {name!r}" for name in unknown]
        found += [f"no weight for {name!r}" for name in missing]
        raise InputError(
            "The mixture's weights are not for the sources of the training documents.",
            where="tokenize.mixture.weights",
            found="; ".join(found),
            expected=f"a weight for each of: {', '.join(inventory.sources)}",
            remedy="; ".join(["edit the weights", *meant]),
        )
    most = max(weights.values())  # the sum of two numbers near the largest would be infinite
    total = sum(weight / most for weight in weights.values())
    return {source: weights[source] / most / total for source in inventory.sources}


def _too_often(source: str, passes: float, share: float, most: float) -> InputError:
    return InputError(
        f"The source {source!r} would be read more often than allowed.",
        where="tokenize.mixture.weights",
        found=f"{100 * share:.3g} % of the mixture, which is {passes:,.1f} passes over its tokens",
        expected=f"at most {most:g} passes (tokenize.mixture.maximum_passes)",
        remedy="lower its weight or the mixture's tokens, add documents, or raise the maximum",
    )
