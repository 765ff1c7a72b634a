"""One page for the data's owner: every gate's last run, green or red, and each expectation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from llm.files import write_json, write_text

VERDICT = "verdict.json"  # inside a gate's Data Docs: its last run, passed or failed
PAGE = "index.html"  # beside the folders of all gates
_PARTS_SHOWN = 20  # of counts by name
_VALUES_TOLD = 5  # of a set; of more, their number
TEMPLATE = "overview.html.jinja"
# As the data passes them; a gate that is not named here comes last.
ABOUT = {
    "raw": "The files as they were fetched: all there, unchanged, each with a licence.",
    "documents": "The cleaned texts, and what cleaning dropped and why.",
    "messages": "Messages that people labelled, for the classifier to learn and to be judged by.",
    "instructions": "Tasks with the answers expected, to learn and to be judged by.",
    "splits": "What is learned from and what is held back: they share no text.",
    "tokens": "The texts as numbers, as the model reads them.",
    "drift": "How far the data has moved from the data last accepted by a person.",
}
ORDER = tuple(ABOUT)


def show(
    docs: Path,
    *,
    gate: str,
    results: Sequence[Mapping[str, Any]],
    pages: Mapping[str, Path],
    remark: str = "",
    remedy: str = "",
    statistics: Mapping[str, Any] | None = None,
) -> None:
    """Keep a gate's last run in its folder `docs`, and write the page beside that folder anew.

    results: of all expectations. pages: Great Expectations' own, by their names. remedy: what to
    do where one failed. statistics: of the data, as a contract holds them. Gates that end side by
    side each write the page; who writes last has seen all.
    """
    verdict = {
        "gate": gate,
        "success": all(result["success"] for result in results),
        "when": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "remark": remark,
        "remedy": remedy,
        "statistics": dict(statistics or {}),
        "results": list(results),
        "pages": {name: page.relative_to(docs).as_posix() for name, page in pages.items()},
    }
    write_json(docs / VERDICT, verdict)
    written: list[dict[str, Any]] | None = None
    while (found := read_verdicts(docs.parent)) != written:
        write_text(docs.parent / PAGE, render(found))
        written = found


def read_verdicts(folder: Path) -> list[dict[str, Any]]:
    """The last run of every gate below a folder, as the data passes them; its folder as `docs`."""
    found = [
        {**json.loads(path.read_text(encoding="utf-8")), "docs": path.parent.name}
        for path in sorted(folder.glob(f"*/{VERDICT}"))
    ]
    place = {gate: number for number, gate in enumerate(ORDER)}
    return sorted(found, key=lambda verdict: place.get(verdict["gate"], len(place)))


def render(verdicts: Sequence[Mapping[str, Any]]) -> str:
    """The page as HTML text: nothing to fetch, and no script."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    environment.filters["found"] = lambda result: in_words(result)[0]
    environment.filters["expected"] = lambda result: in_words(result)[1]
    environment.filters["about"] = lambda gate: ABOUT.get(gate, "")
    environment.filters["lines"] = _lines
    return environment.get_template(TEMPLATE).render(verdicts=verdicts)


def in_words(result: Mapping[str, Any]) -> tuple[str, str]:
    """What an expectation found, and what it expects."""
    number = _percent if _is_share(result["column"]) else _number
    return _found(result["observed"], number), _expected(result["expected"], number)


def _is_share(name: str) -> bool:
    return "fraction" in name or name.endswith("_change")


def _found(observed: Any, number: Callable[[Any], str]) -> str:
    if not isinstance(observed, dict):
        return number(observed)
    if "error" in observed:
        return f"could not be judged: {observed['error']}"
    return f"{observed['unexpected']:,} of {observed['rows']:,} rows at fault"


def _expected(arguments: Mapping[str, Any], number: Callable[[Any], str]) -> str:
    low, high = arguments.get("min_value"), arguments.get("max_value")
    if low is not None and high is not None:
        return f"{number(low)} to {number(high)}"
    if low is not None:
        return f"at least {number(low)}"
    if high is not None:
        return f"at most {number(high)}" if high else "none"
    if "value_set" in arguments:
        values = [_number(value) for value in arguments["value_set"]]
        return " or ".join(values) if len(values) <= _VALUES_TOLD else f"one of {len(values)} known"
    return f"form {arguments['regex']}" if "regex" in arguments else "every row"


def _lines(statistics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Statistics as names and values; counts by name with their shares, the largest first."""
    lines = []
    for name, value in statistics.items():
        words = name.replace("_", " ")
        if not isinstance(value, dict):
            lines.append((words, (_percent if _is_share(name) else _number)(value)))
            continue
        whole = sum(value.values()) or 1
        ranked = sorted(value.items(), key=lambda entry: (-entry[1], entry[0]))
        for part, count in ranked[:_PARTS_SHOWN]:
            share = _percent(count / whole)
            lines.append((f"{words}: {part.replace('_', ' ')}", f"{count:,} ({share})"))
        if len(ranked) > _PARTS_SHOWN:
            rest = sum(count for _, count in ranked[_PARTS_SHOWN:])
            lines.append((f"{words}: {len(ranked) - _PARTS_SHOWN:,} others", f"{rest:,}"))
    return lines


def _percent(value: Any) -> str:
    return f"{100 * value:,.4g} %" if isinstance(value, int | float) else str(value)


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
