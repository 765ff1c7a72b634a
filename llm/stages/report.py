"""Write the report: one page on which every number stands with its lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from llm.config import Section
from llm.tracking import Tracker


class Config(Section):
    """What the report shows."""

    title: str = Field(description="Heading of the page.", min_length=1)
    examples: int = Field(description="Example answers and messages shown, each.", ge=0, le=200)


def run(
    config: Config,
    *,
    results: Path,
    gates: Path,
    answers: Path,
    scores: Path,
    lock: Path,
    timings_dir: Path,
    report: Path,
    summary: Path,
    tracker: Tracker,
) -> dict[str, Any]:
    """Read what every stage left, write the page and the summary, return the headline numbers.

    results: the stages' metrics, histories and samples. gates: the validation results. lock:
    dvc.lock, for the lineage. timings_dir: seconds and bytes of the last run of every stage; not
    a dependency in dvc.yaml, for times never repeat.
    """
    from llm.evaluation.headline import headline_numbers
    from llm.evaluation.report import render
    from llm.evaluation.results import collect
    from llm.files import write_json, write_text

    facts = collect(
        results=results,
        gates=gates,
        answers=answers,
        scores=scores,
        lock=lock,
        timings_dir=timings_dir,
        examples=config.examples,
    )
    headline = headline_numbers(facts)
    write_text(report, render(facts, title=config.title))
    write_json(summary, headline)
    tracker.log_artifact(report)
    print(f"The report: {report}")
    return {
        f"{section}.{name}": value
        for section, values in headline.items()
        for name, value in values.items()
    }
