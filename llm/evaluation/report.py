"""The report: renders what every stage left as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llm.evaluation import figures
from llm.evaluation.headline import HEADLINE, cautions, headline_numbers
from llm.evaluation.ledger import licence_rows
from llm.evaluation.results import Facts
from llm.evaluation.wording import format_number, format_seconds

TEMPLATE = "report.html.jinja"


def render(facts: Facts, *, title: str) -> str:
    """The page as HTML text: no script from elsewhere, no image file, nothing to fetch."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = format_number
    environment.filters["seconds"] = format_seconds
    environment.filters["words"] = lambda name: str(name).replace("_", " ")
    headline = headline_numbers(facts)
    return environment.get_template(TEMPLATE).render(
        title=title,
        facts=facts,
        numbers=[
            (number, headline[number.key.split(".")[0]][number.key.split(".")[1]])
            for number in HEADLINE
        ],
        headline=headline,
        cautions=cautions(headline),
        licences=licence_rows(facts.stages),
        allowed=facts.lineage.get("clean", {}).get("params", {}).get("allow_licences"),
        pictures=_pictures(facts),
        settings={stage: entry["params"] for stage, entry in facts.lineage.items()},
    )


def _pictures(facts: Facts) -> dict[str, Any]:
    pictures: dict[str, Any] = {}
    for stage, rows in facts.histories.items():
        trigram = facts.stages["pretrain"].get("trigram_loss") if stage == "pretrain" else None
        pictures[f"{stage}_loss"] = figures.loss_curves(
            rows, reference=trigram, reference_name="trigram model"
        )
    dropped = facts.stages.get("clean", {}).get("dropped", {})
    if dropped:
        pictures["dropped"] = figures.bars(
            dropped, label="documents", description="Documents dropped by reason"
        )
    seconds = {stage: timing["seconds"] for stage, timing in facts.timings.items()}
    if seconds:
        pictures["seconds"] = figures.bars(
            seconds, label="seconds", description="Seconds per stage"
        )
    classifier = facts.stages["finetune_classifier"]
    pictures["confusion"] = figures.confusion_matrix(
        classifier["confusion"], classifier.get("class_names", ["ham", "spam"])
    )
    pictures["precision_recall"] = figures.precision_recall(_curves(facts.predictions))
    answer = facts.stages["answer"]
    if len(answer.get("by_family", {})) > 1:
        pictures["families"] = figures.paired_bars(
            answer.get("by_family_before", {}), answer["by_family"], label="exact match"
        )
    pictures["scores"] = figures.histograms(
        {"responses": [row["score"] for row in facts.scores if row["score"] is not None]},
        label="score, 0 to 100",
        description="Judge's scores",
    )
    return pictures


def _curves(predictions: Mapping[str, list[Any]]) -> dict[str, tuple[list[float], list[float]]]:
    from sklearn.metrics import precision_recall_curve

    curves = {}
    columns = {"GPT": "probability", "TF-IDF + logistic regression": "baseline_probability"}
    for name, column in columns.items():
        precision, recall, _ = precision_recall_curve(predictions["label"], predictions[column])
        curves[name] = (recall.tolist(), precision.tolist())
    return curves
