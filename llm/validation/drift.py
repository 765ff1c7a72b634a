"""Drift: how far the data's statistics moved from the last ones that a person accepted.

Numbers are compared by their relative change, shares by the population stability index
sum((p - q) ln(p / q)), which is the symmetric divergence of Jeffreys (1946). By the custom of
credit scoring (Siddiqi 2006, Credit Risk Scorecards) an index below 0.1 is no change, and one
above 0.25 a change that must be looked at.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llm.errors import InputError
from llm.files import read_json, write_json
from llm.validation.contract import Contract, Rule, at_most

SUITE = "drift"
NUMBERS = (
    "documents",
    "mean_characters",
    "median_characters",
    "mean_language_score",
    "mean_quality",
    "tokens_per_document",
    "vocabulary_used_fraction",
)
SHARES = {
    "sources": "documents per source",
    "cleaning": "records kept, and dropped per reason",
    "labels": "labels",
}
GATES = ("documents", "tokens", "messages")  # whose results hold the statistics
REMEDY = (
    "look at data/data_docs/index.html; if the data is as it should be, accept it with: "
    "python -m llm accept, and commit the file; limits stand under validate_drift in params.yaml"
)
_LEAST_SHARE = 1e-4  # in the place of none, whose logarithm is infinite
_SHOWN = 3  # shares named, those that moved most

Statistics = Mapping[str, Any]


def read_statistics(results: Iterable[Path]) -> dict[str, Any]:
    """The statistics in the results of gates. Raises InputError where they are not all there."""
    found: dict[str, Any] = {}
    for path in results:
        verdict = read_json(path, made_by=f"validate_{path.stem}")
        statistics = verdict.get("statistics") if isinstance(verdict, dict) else None
        broken = _broken(statistics)
        if broken:
            raise InputError(
                "The result of a gate holds no statistics.",
                where=path,
                found=broken,
                expected="under the key statistics: numbers, and counts by name",
                remedy=f"make it again: dvc repro --force validate_{path.stem}",
            )
        found |= dict(statistics or {})
    return found


def read_accepted(path: Path, name: str) -> dict[str, Any] | None:
    """The statistics accepted under a name, or None. Raises InputError for a broken file."""
    every = _read_file(path)
    if name not in every:
        return None
    broken = _broken(every[name])
    if broken:
        raise InputError(
            "The accepted statistics cannot be read.",
            where=f"{path}, {name}",
            found=broken,
            expected="numbers, and counts by name",
            remedy="take the file from git, or write it anew: python -m llm accept",
        )
    return dict(every[name])


def _broken(statistics: object) -> str:
    """What is wrong with statistics, in words; "" where nothing is.

    Names that are not known here are let be: they are of another version.
    """
    if not isinstance(statistics, dict):
        return f"{statistics!r} instead of an object"
    known = {name: statistics[name] for name in (*NUMBERS, *SHARES) if name in statistics}
    wrong = [
        f"{name} {value!r}"
        for name, value in known.items()
        if not (_is_number(value) if name in NUMBERS else _is_counts(value))
    ]
    return ", ".join(wrong) if known else "no statistic that is compared"


def _is_number(value: object) -> bool:
    # Not isinstance, for which True is a number; mypy narrows by nothing else.
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def _is_counts(value: object) -> bool:
    return isinstance(value, dict) and all(
        type(count) is int and count >= 0 for count in value.values()
    )


def accept(results: Iterable[Path], *, name: str, path: Path) -> list[str]:
    """Write the present statistics into the file of accepted ones, under a name.

    Returns what changed by it, a line each: nothing where the same is accepted already.
    """
    every = _read_file(path) if path.exists() else {}
    found = read_statistics(results)
    write_json(path, {**every, name: found})
    before = every.get(name)
    return _changes({} if before is None or _broken(before) else before, found)


def _changes(before: Statistics, found: Statistics) -> list[str]:
    lines = []
    for name in (*NUMBERS, *SHARES):
        if name not in found or before.get(name) == found[name]:
            continue
        if name in SHARES:
            lines.append(f"{_words(name)}: {_moved(before.get(name, {}), found[name], 'before')}")
        else:
            old = _number(before[name]) if name in before else "nothing"
            lines.append(f"{_words(name)}: {old} before, {_number(found[name])} now")
    return lines


def _read_file(path: Path) -> dict[str, Any]:
    """All that is accepted, by name."""
    try:
        accepted = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(accepted, dict):
            return accepted
        found = type(accepted).__name__
    except (OSError, ValueError) as error:
        found = f"{type(error).__name__}: {error}"
    raise InputError(
        "The file of accepted statistics cannot be read.",
        where=path,
        found=found,
        expected="a JSON object of statistics by name; {} where nothing is accepted",
        remedy=f"take it from git: git checkout -- {path}",
    )


def drift_contract(
    accepted: Statistics,
    found: Statistics,
    *,
    maximum_change: Mapping[str, float],
    maximum_stability_index: float,
) -> Contract:
    """What moved, and how far it may.

    maximum_change: by name of a number, the largest relative change. A statistic that was not
    accepted, since it is new, is not compared. Raises InputError where one that was accepted is
    not found any more.
    """
    lost = [name for name in (*NUMBERS, *SHARES) if name in accepted and name not in found]
    if lost:
        raise InputError(
            "A statistic that was accepted is not measured any more.",
            where=f"the results of the gates {', '.join(GATES)}",
            found=f"nothing under {', '.join(lost)}",
            expected="every statistic that stands in the accepted ones",
            remedy="make them again: dvc repro --force "
            + " ".join(f"validate_{gate}" for gate in GATES),
        )
    facts: dict[str, int | float] = {}
    rules: list[Rule] = []
    for name in NUMBERS:
        if name in accepted:
            fact = f"{name}_change"
            facts[fact] = relative_change(accepted[name], found[name])
            meaning = (
                f"{_words(name)}: accepted {_number(accepted[name])}, now {_number(found[name])}"
            )
            rules.append(at_most(fact, maximum_change[name], meaning))
    for name, title in SHARES.items():
        if name in accepted:
            fact = f"{name}_stability_index"
            facts[fact] = stability_index(accepted[name], found[name])
            meaning = f"shares of {title}: {_moved(accepted[name], found[name])}"
            rules.append(at_most(fact, maximum_stability_index, meaning))
    return Contract(suite=SUITE, facts=facts, fact_rules=rules, statistics=dict(found))


def relative_change(accepted: float, found: float) -> float:
    """|found - accepted| as a part of what was accepted; from zero, 1 unless it is zero still."""
    if accepted == 0:
        return float(found != 0)
    return round(abs(found - accepted) / abs(accepted), 6)


def stability_index(accepted: Mapping[str, int], found: Mapping[str, int]) -> float:
    """The population stability index of two sets of counts; 0 where all shares are the same."""
    old, new = _shares(accepted), _shares(found)
    index = 0.0
    for name in sorted({*old, *new}):
        p = max(old.get(name, 0.0), _LEAST_SHARE)
        q = max(new.get(name, 0.0), _LEAST_SHARE)
        index += (q - p) * math.log(q / p)
    return round(index, 6)


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    whole = sum(counts.values())
    return {name: count / whole for name, count in counts.items()} if whole else {}


def _moved(accepted: Mapping[str, int], found: Mapping[str, int], was: str = "accepted") -> str:
    """The shares that moved most, in words."""
    old, new = _shares(accepted), _shares(found)
    moves = {name: abs(new.get(name, 0.0) - old.get(name, 0.0)) for name in {*old, *new}}
    most = sorted(moves, key=lambda name: (-moves[name], name))[:_SHOWN]
    return ", ".join(
        f"{name} {old.get(name, 0.0):.1%} {was}, {new.get(name, 0.0):.1%} now" for name in most
    )


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def _words(name: str) -> str:
    return name.replace("_", " ")
