"""The report: gathers what every stage left and renders one self-contained HTML page."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm.errors import InputError
from llm.evaluation import figures
from llm.evaluation.ledger import licence_rows
from llm.files import open_parquet, read_json, require
from llm.lineage import git_state

TEMPLATE = "report.html.jinja"
TRUSTED_AUC = 0.8  # below it a judge takes too many wrong responses for right ones


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the page shows, read from disk.

    stages: metrics by stage. histories: CSV rows by stage. timings: seconds, bytes and rates by
    stage. lineage: dvc.lock's entries by stage.
    """

    stages: dict[str, dict[str, Any]]
    histories: dict[str, list[dict[str, float]]]
    samples: list[dict[str, Any]]
    gates: dict[str, dict[str, Any]]
    timings: dict[str, dict[str, float]]
    predictions: dict[str, list[Any]]
    answers: list[dict[str, Any]]
    scores: list[dict[str, Any]]
    lineage: dict[str, dict[str, Any]]
    commit: str
    examples: int


@dataclass(frozen=True, kw_only=True)
class Number:
    """One headline number: its key in metrics.json, where it comes from, and what it means."""

    key: str
    stage: str
    source: str
    meaning: str


# The one table that says which numbers sum up a run.
HEADLINE = (
    Number(
        key="pretrain.validation_loss",
        stage="pretrain",
        source="validation_loss",
        meaning="cross-entropy on held-out text, nats per token; lower is better",
    ),
    Number(
        key="pretrain.trigram_loss",
        stage="pretrain",
        source="trigram_loss",
        meaning="the same for an interpolated trigram model on the same tokens: the level to beat",
    ),
    Number(
        key="pretrain.bits_per_byte",
        stage="pretrain",
        source="bits_per_byte",
        meaning="held-out bits per byte of text: comparable between tokenizers",
    ),
    Number(
        key="classifier.f1",
        stage="finetune_classifier",
        source="f1",
        meaning="F1 on the leak-free, imbalanced test messages",
    ),
    Number(
        key="classifier.baseline_f1",
        stage="finetune_classifier",
        source="baseline_f1",
        meaning="F1 of TF-IDF with logistic regression on the same split",
    ),
    Number(
        key="classifier.pr_auc",
        stage="finetune_classifier",
        source="pr_auc",
        meaning="area under the precision-recall curve",
    ),
    Number(
        key="classifier.baseline_pr_auc",
        stage="finetune_classifier",
        source="baseline_pr_auc",
        meaning="the same for the baseline",
    ),
    Number(
        key="classifier.accuracy",
        stage="finetune_classifier",
        source="accuracy",
        meaning="share of test messages classified rightly",
    ),
    Number(
        key="instructions.exact_match",
        stage="answer",
        source="exact_match",
        meaning="share of held-out responses equal to the reference",
    ),
    Number(
        key="instructions.exact_match_before",
        stage="answer",
        source="exact_match_before",
        meaning="the same before instruction tuning",
    ),
    Number(
        key="instructions.rouge_l",
        stage="answer",
        source="rouge_l",
        meaning="mean ROUGE-L F-measure (Lin 2004)",
    ),
    Number(
        key="instructions.chrf",
        stage="answer",
        source="chrf",
        meaning="corpus chrF, 0 to 100 (Popović 2015)",
    ),
    Number(
        key="judge.mean_score",
        stage="judge",
        source="mean_score",
        meaning="mean score of the responses, 0 to 100",
    ),
    Number(
        key="judge.auc",
        stage="judge",
        source="auc",
        meaning="how surely the judge tells references from shuffled responses; 0.5 is chance",
    ),
    Number(
        key="judge.parse_failure_fraction",
        stage="judge",
        source="parse_failure_fraction",
        meaning="share of the judge's replies that could not be read",
    ),
)


def collect(
    *,
    results: Path,
    gates: Path,
    answers: Path,
    scores: Path,
    lock: Path,
    timings_dir: Path,
    examples: int,
) -> Facts:
    """Read every result. Raises InputError where a file is missing or broken."""
    stages = {path.stem: _json(path) for path in sorted(results.glob("*.json"))}
    samples: Any = stages.pop("pretrain_samples", [])
    return Facts(
        stages=stages,
        histories={
            path.stem.removesuffix("_history"): _history(path)
            for path in sorted(results.glob("*_history.csv"))
        },
        samples=samples,
        gates={path.stem: _json(path) for path in sorted(gates.glob("*.json"))},
        timings={path.stem: _json(path) for path in sorted(timings_dir.glob("*.json"))},
        predictions=_columns(
            results / "classifier_predictions.parquet", made_by="finetune_classifier"
        ),
        answers=_rows(answers / "answers.parquet", made_by="answer"),
        scores=_rows(scores / "scores.parquet", made_by="judge"),
        lineage=_lineage(lock),
        commit=_commit(lock.resolve().parent),
        examples=examples,
    )


def headline_numbers(facts: Facts) -> dict[str, dict[str, float]]:
    """The run in a few numbers, by section and name, as data/reports/metrics.json holds them."""
    headline: dict[str, dict[str, float]] = {}
    for number in HEADLINE:
        metrics = facts.stages.get(number.stage, {})
        if number.source not in metrics:
            raise InputError(
                "A number of the report is missing.",
                where=f"metrics of the stage {number.stage!r}",
                found=", ".join(metrics) or "nothing",
                expected=number.source,
                remedy=f"run it again: dvc repro --force {number.stage}",
            )
        section, name = number.key.split(".")
        headline.setdefault(section, {})[name] = metrics[number.source]
    return headline


def cautions(headline: Mapping[str, Mapping[str, float]]) -> list[str]:
    """What a reader of the headline numbers should know before believing them, as sentences."""
    found = []
    pretrain, classifier, judge = (headline[name] for name in ("pretrain", "classifier", "judge"))
    if pretrain["validation_loss"] >= pretrain["trigram_loss"]:
        found.append(
            "The pretrained model predicts held-out text no better than a trigram model: "
            "it has seen too little text, or trained too short."
        )
    if classifier["f1"] < classifier["baseline_f1"]:
        found.append("The classifier does not reach the F1 of its classical baseline.")
    if judge["auc"] < TRUSTED_AUC:
        found.append(
            "The judge hardly tells references from shuffled responses "
            f"(AUC {format_number(judge['auc'])}, where {TRUSTED_AUC} is asked): "
            "its scores say little, high ones too."
        )
    return found


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


def format_number(value: Any) -> str:
    """A number as a person reads it: thousands apart, four significant digits after a point."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value == int(value) and abs(value) >= 1000):
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def format_seconds(value: float) -> str:
    """Seconds as 0.3 s, 42 s, 3 min 20 s or 2 h 5 min."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 60:
        return f"{value:.0f} s"
    minutes, seconds = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


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


def _json(path: Path) -> Any:
    return read_json(path, made_by=path.stem)


def _history(path: Path) -> list[dict[str, float]]:
    """Rows of a history; an empty cell, as of the training loss before step 1, is NaN."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            {key: float(value) if value else math.nan for key, value in row.items()}
            for row in csv.DictReader(stream)
        ]


def _rows(path: Path, *, made_by: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = open_parquet(path, made_by=made_by).read().to_pylist()
    return rows


def _columns(path: Path, *, made_by: str) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = open_parquet(path, made_by=made_by).read().to_pydict()
    return columns


def _lineage(lock: Path) -> dict[str, dict[str, Any]]:
    """Per stage: command, hashes of data and code it read, settings, hashes of what it wrote."""
    from ruamel.yaml import YAML

    require(lock, made_by="judge")
    stages = YAML(typ="safe", pure=True).load(lock.read_text(encoding="utf-8"))["stages"]
    return {
        name: {
            "command": entry["cmd"],
            "data": [dep for dep in entry.get("deps", []) if dep["path"].startswith("data/")],
            "code": [dep for dep in entry.get("deps", []) if not dep["path"].startswith("data/")],
            "params": entry.get("params", {}).get("params.yaml", {}).get(name, {}),
            "outs": entry.get("outs", []),
        }
        for name, entry in stages.items()
        if name != "report"  # this very run has no entry yet; an older one would mislead
    }


def _commit(repository: Path) -> str:
    """The git commit, marked where the working tree differs from it."""
    state = git_state(repository)
    if not state:
        return "not under git"
    changed = " with uncommitted changes" if state["git.dirty"] == "true" else ""
    return state["git.commit"] + changed
